"""``vaefeat compare``: a table, a plot, the results and an encoder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from vaefeat.cli._console import console, errors, print_json, printable

COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())

if TYPE_CHECKING:
    from vaefeat.comparison import Comparison


def compare(
    data: str,
    target: str | None,
    read: dict[str, Any],
    n_labeled: list[str] | None,
    n_draws: int,
    n_components: int,
    max_iter: int | None,
    out: Path,
    *,
    stratify: bool,
    smoke: bool,
    as_json: bool,
) -> None:
    """Compare feature extractors on ``data``, and write the results to the folder ``out``."""
    from vaefeat._optional import import_optional

    counts = [_n_labeled(text) for text in n_labeled or []]
    comparison = import_optional("vaefeat.comparison", "train")
    screen = errors if as_json else console
    with screen.status("loading the data"):
        dataset = _load(data, target, read)
    with screen.status("loading TensorFlow"):
        import_tensorflow_quietly()
    if smoke:
        dataset, n_draws, max_iter = dataset.head(500), 2, 1
        counts = counts or ([50, 100] if len(dataset.X_test) else [])
    numbers = comparison.numbers_of_labels(dataset, counts or None)
    extractors = comparison.default_extractors(dataset, n_components, max_iter)
    screen.print(Text(_plan(dataset, list(extractors), numbers, n_draws)), soft_wrap=True)
    with resumable(), Progress(*COLUMNS, console=screen) as bar:
        task = bar.add_task("starting", total=None)
        result = comparison.compare(
            dataset,
            extractors=extractors,
            n_labeled=numbers,
            n_draws=n_draws,
            baselines=comparison.default_baselines(),
            stratify=stratify,
            out=out / "rows.jsonl",
            progress=lambda what, done, total: bar.update(
                task, description=what, completed=done, total=total
            ),
        )
    written = _write_results(result, dataset, out)
    if as_json:
        return print_json({"verdict": result.verdict(), "summary": result.summary(), "written": written})
    console.print(_table(result, dataset.name))
    console.print(Text(result.verdict()), soft_wrap=True)
    console.print(Text(f"Wrote {', '.join(written)} to {printable(str(out))}."), soft_wrap=True)


@contextmanager
def resumable() -> Iterator[None]:
    """Say how to go on if the user interrupts."""
    try:
        yield
    except KeyboardInterrupt:
        errors.print("Interrupted. The same command goes on where it stopped.")
        raise typer.Exit(130) from None


def _plan(dataset: Any, extractors: list[str], numbers: list[int | str], n_draws: int) -> str:
    """Return what will be done, and on what."""
    n_test = len(dataset.X_test)
    tests = (
        f"{n_test:,} to test on"
        if n_test
        else "of which each draw is tested on the labels that it leaves out"
    )
    return (
        f"{printable(dataset.name)}: {len(dataset.X):,} rows to learn from, {tests}. Learns features "
        f"({', '.join(extractors)}), then trains classifiers on {' and '.join(map(str, numbers))} labels, "
        f"{n_draws} times each. Ctrl+C stops; the same command goes on."
    )


def _load(data: str, target: str | None, read: dict[str, Any]) -> Any:
    """Return a named data set, or a user's own rows with a quarter of the labeled ones set aside."""
    from vaefeat._optional import import_optional

    datasets = import_optional("vaefeat.data.datasets", "train")
    if not Path(data).is_dir() and not data.endswith(tuple(datasets.FORMATS)):
        return datasets.load_dataset(data, target=target)
    return import_optional("vaefeat.data.samples", "train").read_samples(data, target, **read).split()


def _n_labeled(text: str) -> int | str:
    if text != "all" and not (text.isdecimal() and int(text) > 0):
        raise ValueError(f"Got --n-labeled {text}, expected a number of labels or all.")
    return text if text == "all" else int(text)


def import_tensorflow_quietly() -> None:
    """Import TensorFlow and let it look for devices, without its output to stderr.

    Its C++ code reports four times that there is no GPU, before it reads any log level. Exceptions still
    come through.
    """
    from vaefeat._optional import import_optional

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        import_optional("tensorflow", "train").config.list_logical_devices()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _table(result: "Comparison", name: str) -> Table:
    table = Table(title=f"Test accuracy on {name} (%)", caption="gain: paired 95 % interval over the draws")
    for column in ("features", "labels", "accuracy", "balanced", "gain over raw", "fit", "rows/s"):
        is_name = column == "features"
        table.add_column(column, justify="left" if is_name else "right", no_wrap=is_name)
    last = None
    for row in result.summary():
        if last not in (None, row["extractor"]):
            table.add_section()
        table.add_row(
            row["extractor"] if row["extractor"] != last else "",
            str(row["n_labeled"]),
            _percent(row["accuracy_mean"])
            + (f" ± {_percent(row['accuracy_sd'])}" if row["n_draws"] > 1 else ""),
            _percent(row["balanced_accuracy_mean"]) if "balanced_accuracy_mean" in row else "",
            _gain(row),
            f"{row['fit_seconds']:.1f} s",
            f"{row['rows_per_second']:,.0f}",
        )
        last = row["extractor"]
    return table


def _gain(row: dict[str, Any]) -> str:
    if "gain" not in row:
        return ""
    text = f"{100 * row['gain']:+.1f}"
    if row["n_draws"] == 1:
        return text
    color = "green" if row["gain_low"] > 0 else "red" if row["gain_high"] < 0 else "default"
    return f"[{color}]{text} [{100 * row['gain_low']:+.1f}, {100 * row['gain_high']:+.1f}][/]"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _write_results(result: "Comparison", dataset: Any, out: Path) -> list[str]:
    """Write plot and winner; return the names of all files."""
    import matplotlib
    from sklearn.pipeline import Pipeline

    from vaefeat.export.estimator import export_onnx
    from vaefeat.fitting import ColumnEncoder
    from vaefeat.plotting import LabelEfficiencyDisplay
    from vaefeat.runtime.folders import card_paths

    matplotlib.use("agg")
    display = LabelEfficiencyDisplay.from_comparison(result)
    display.ax_.set_title(f"{dataset.name}: what a label is worth")
    display.figure_.savefig(out / "label_efficiency.png", dpi=150)
    written = ["rows.jsonl", "label_efficiency.png"]
    encoder = result.extractors.get(result.winner() or "")
    if encoder is not None:  # none won, or its results were known already
        data = {"name": dataset.name, "sha256": dataset.sha256}
        if dataset.plan is not None:
            encoder = Pipeline([("columns", ColumnEncoder(dataset.plan).fit(None)), *encoder.steps])
        path = export_onnx(encoder, out / "encoder.onnx", X=dataset.X, card={"data": data})
        written += [file.name for file in (path, *card_paths(path))]
    return written
