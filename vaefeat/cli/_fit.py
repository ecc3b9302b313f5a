"""``vaefeat fit``: from a file with few labels to a model that ships, and a report."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from vaefeat._optional import import_optional
from vaefeat.cli._compare import import_tensorflow_quietly
from vaefeat.cli._console import console, interruptible, printable, progress_bar, say
from vaefeat.cli._tables import fitting_table

if TYPE_CHECKING:
    from vaefeat.data.samples import Samples
    from vaefeat.fitting import Choice

SECONDS = {"s": 1, "m": 60, "h": 3600}
MAX_LINES = 40  # of columns on the screen


def fit(data: str, target: str | None, out: Path, read: dict[str, Any], choice: dict[str, Any]) -> None:
    """Choose and fit a Pipeline for the rows in ``data``, and write model, card and report to ``out``.

    Parameters
    ----------
    data, target, read
        As for :func:`vaefeat.data.samples.read_samples`.
    out : Path
        A folder that does not exist yet.
    choice : dict
        Options of :func:`vaefeat.fitting.choose`.
    """
    from vaefeat._files import new_folder

    with new_folder(out) as folder:
        samples = import_optional("vaefeat.data.samples", "train").read_samples(data, target, **read)
        import_optional("vaefeat.fitting", "train").check_labels(samples)
        _print_samples(samples)
        with console.status("loading TensorFlow"):
            import_tensorflow_quietly()
        result = _choose(samples, target, choice)
        written = _write(result, folder)
    console.print(_candidates(result))
    say(import_optional("vaefeat.fitting.verdict", "train").verdict(result))
    say(f"Wrote {', '.join(written)} to {printable(str(out))}.")


def seconds_of(text: str) -> float:
    """Return a duration such as 90s, 10m or 1h in seconds.

    Raises
    ------
    ValueError
        If it is not a duration.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not found:
        raise ValueError(f"Got --time {text}, expected a duration such as 90s, 10m or 1h.")
    return float(found[1]) * SECONDS[found[2] or "s"]


def _choose(samples: "Samples", target: str | None, options: dict[str, Any]) -> "Choice":
    fitting = import_optional("vaefeat.fitting", "train")
    if options["max_seconds"] is None:
        with console.status("timing a few steps"):
            say(_plan(fitting.seconds_to_train(samples, **options)))
    bar = progress_bar(console, transient=True)
    with interruptible("Interrupted. Nothing was written; the same command starts anew."), bar as progress:
        return fitting.choose(samples, target, **options, progress=progress)


def _plan(seconds: float) -> str:
    """Return what will be done, given how long encoders will be trained."""
    if not seconds:
        return "Tries classifiers on raw features by cross-validation. Ctrl+C stops."
    return (
        f"Trains an encoder on all rows, {duration(seconds)}, and compares it with raw features by "
        "cross-validation. Ctrl+C stops."
    )


def duration(seconds: float) -> str:
    """Return a duration as people say it, about as precise as it is known."""
    if seconds < 60:
        return "in less than a minute"
    minutes = round(seconds / 60)
    return f"in about {minutes} minute{'s' if minutes > 1 else ''}"


def _write(result: "Choice", folder: Path) -> list[str]:
    export = import_optional("vaefeat.export.estimator", "train")
    fitting = import_optional("vaefeat.fitting", "train")
    n_labeled = int(result.samples.is_labeled.sum())
    card = {
        "data": {"name": result.samples.name, "sha256": result.samples.sha256},
        "metrics": result.scores[result.chosen].entries() | {"labeled rows": n_labeled},
    }
    export.export_onnx(result.pipeline, folder / "model.onnx", X=result.samples.X, card=card)
    fitting.write_report(result, folder)
    return sorted(path.name for path in folder.iterdir())


def _print_samples(samples: "Samples") -> None:
    """Print what was read: how many rows, what is to be predicted, and what becomes of the columns."""
    n_labeled = int(samples.is_labeled.sum())
    shape_text = import_optional("vaefeat.values.images", "train").shape_text
    kind = f"images of {shape_text(samples.image_shape)}" if samples.image_shape else "rows"
    say(f"{printable(samples.name)}: {len(samples.X):,} {kind}, {n_labeled:,} of them labeled.")
    if samples.y is not None:
        say(import_optional("vaefeat.data.targets", "train").explain(samples.y, samples.task))
    if samples.plan is not None and samples.image_shape is None:
        console.print(_columns(samples))
        say("Change them by --drop, --categorical, --numeric.")


def _columns(samples: "Samples") -> Table:
    assert samples.plan is not None
    lines = [(column.name, column.kind, column.describe()) for column in samples.plan.columns]
    shown = lines if len(lines) <= MAX_LINES else lines[: MAX_LINES // 2]
    if len(shown) < len(lines):
        shown.append(("...", "", f"and {len(lines) - len(shown)} more, listed in the report"))
    left_out = [(name, "left out", reason) for name, reason in samples.left_out]
    styles = [None for _ in shown] + ["yellow" for _ in left_out]
    return fitting_table(["column", "kind", ""], [*shown, *left_out], console.width, styles=styles)


def _candidates(result: "Choice") -> Table:
    report = import_optional("vaefeat.fitting.report", "train")
    title, headings, lines = report.report_tables(result)[0]
    numbers = result.scores[0].headings
    return fitting_table(
        headings,
        lines,
        console.width,
        title=title,
        numbers=numbers,
        optional=[name for name in numbers[::-1] if name != result.scores[0].heading],
        styles=["bold green" if line[-1] == "chosen" else None for line in lines],
    )
