"""``vaefeat fit``: from a file with few labels to a model that ships, and a report."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from vaefeat._optional import import_optional
from vaefeat.cli._compare import import_tensorflow_quietly
from vaefeat.cli._console import console, printable

if TYPE_CHECKING:
    from vaefeat.data.samples import Samples
    from vaefeat.fitting import Choice

SECONDS = {"s": 1, "m": 60, "h": 3600}
NUMBERS = ("accuracy", "balanced", "log loss")  # columns of the table of candidates
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
        _print_columns(samples)
        with console.status("loading TensorFlow"):
            import_tensorflow_quietly()
        result = _choose(samples, target, choice)
        written = _write(result, folder)
    console.print(_candidates(result))
    console.print(Text(import_optional("vaefeat.fitting.verdict", "train").verdict(result)), soft_wrap=True)
    console.print(Text(f"Wrote {', '.join(written)} to {printable(str(out))}."), soft_wrap=True)


def seconds_of(text: str) -> float:
    """Return a duration such as 90s, 10m or 1h in seconds.

    Raises
    ------
    ValueError
        If it is no duration.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not found:
        raise ValueError(f"Got --time {text}, expected a duration such as 90s, 10m or 1h.")
    return float(found[1]) * SECONDS[found[2] or "s"]


def _choose(samples: "Samples", target: str | None, options: dict[str, Any]) -> "Choice":
    fitting = import_optional("vaefeat.fitting", "train")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        return fitting.choose(
            samples,
            target,
            **options,
            progress=lambda what, done, total: bar.update(
                task, description=what, completed=done, total=total
            ),
        )


def _write(result: "Choice", folder: Path) -> list[str]:
    export = import_optional("vaefeat.export.estimator", "train")
    fitting = import_optional("vaefeat.fitting", "train")
    score = result.scores[result.chosen]
    card = {
        "data": {"name": result.samples.name, "sha256": result.samples.sha256},
        "metrics": {
            "cross-validated accuracy": round(score.accuracy, 4),
            "cross-validated balanced accuracy": round(score.balanced_accuracy, 4),
            "labeled rows": int(result.samples.is_labeled.sum()),
        },
    }
    export.export_onnx(result.pipeline, folder / "model.onnx", X=result.samples.X, card=card)
    fitting.write_report(result, folder)
    return sorted(path.name for path in folder.iterdir())


def _print_columns(samples: "Samples") -> None:
    n_labeled = int(samples.is_labeled.sum())
    kind = "images of {}x{}".format(*samples.image_shape) if samples.image_shape else "rows"
    console.print(
        Text(f"{printable(samples.name)}: {len(samples.X):,} {kind}, {n_labeled:,} of them labeled."),
        soft_wrap=True,
    )
    if samples.plan is None or samples.image_shape is not None:
        return
    table = Table(title="Columns; change them by --drop, --categorical, --numeric", box=None)
    for heading in ("column", "kind", ""):
        table.add_column(heading)
    lines = [(column.name, column.kind, column.describe()) for column in samples.plan.columns]
    shown = lines if len(lines) <= MAX_LINES else lines[: MAX_LINES // 2]
    for line in shown:
        table.add_row(*map(printable, line))
    if len(shown) < len(lines):
        table.add_row("...", "", f"and {len(lines) - len(shown)} more, listed in the report")
    for name, reason in samples.left_out:
        table.add_row(printable(name), "left out", printable(reason), style="yellow")
    console.print(table)


def _candidates(result: "Choice") -> Table:
    report = import_optional("vaefeat.fitting.report", "train")
    title, columns, lines = report.report_tables(result)[0]
    table = Table(title=title, box=None)
    for heading in columns:
        table.add_column(heading, justify="right" if heading in NUMBERS else "left")
    for line in lines:
        table.add_row(*map(printable, line), style="bold green" if line[-1] == "chosen" else None)
    return table
