"""``vaefeat compare``: a table, a plot, the results and an encoder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from vaefeat._optional import import_optional
from vaefeat.cli._console import console, errors, interruptible, print_json, printable, progress_bar, say
from vaefeat.cli._tables import Cell, fitting_table

if TYPE_CHECKING:
    from vaefeat.comparison import Comparison


GO_ON = "Interrupted. The same command goes on where it stopped."


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
    counts = [_n_labeled(text) for text in n_labeled or []]
    comparison = import_optional("vaefeat.comparison", "train")
    screen = errors if as_json else console
    with screen.status("loading the data"):
        dataset = import_optional("vaefeat.data.loading", "train").load_data(data, target, **read)
    if smoke:
        dataset, n_draws, max_iter = dataset.head(500), 2, 1
        counts = counts or ([50, 100] if len(dataset.X_test) else [])
    numbers = comparison.numbers_of_labels(dataset, counts or None)
    if dataset.target is not None:
        sentence = import_optional("vaefeat.data.targets", "train").explain(dataset.y, dataset.task)
        screen.print(Text(sentence), soft_wrap=True, end="\n" * bool(sentence))
    with screen.status("loading TensorFlow"):
        import_tensorflow_quietly()
    extractors = comparison.default_extractors(dataset, n_components, max_iter)
    screen.print(Text(_plan(dataset, list(extractors), numbers, n_draws)), soft_wrap=True)
    with interruptible(GO_ON), progress_bar(screen) as progress:
        result = comparison.compare(
            dataset,
            extractors=extractors,
            n_labeled=numbers,
            n_draws=n_draws,
            baselines=comparison.default_baselines(dataset.task),
            stratify=stratify,
            out=out / "rows.jsonl",
            progress=progress,
        )
    written = _write_results(result, dataset, out)
    if as_json:
        return print_json({"verdict": result.verdict(), "summary": result.summary(), "written": written})
    console.print(_table(result, dataset.name))
    say(result.verdict())
    say(f"Wrote {', '.join(written)} to {printable(str(out))}.")


def _plan(dataset: Any, extractors: list[str], numbers: list[int | str], n_draws: int) -> str:
    """Return what will be done, and on what."""
    what = "regressors" if dataset.task == "regression" else "classifiers"
    n_test = len(dataset.X_test)
    tests = (
        f"{n_test:,} to test on"
        if n_test
        else "of which each draw is tested on the labels that it leaves out"
    )
    return (
        f"{printable(dataset.name)}: {len(dataset.X):,} rows to learn from, {tests}. Learns features "
        f"({', '.join(extractors)}), then trains {what} on {' and '.join(map(str, numbers))} labels, "
        f"{n_draws} times each. Ctrl+C stops; the same command goes on."
    )


def _n_labeled(text: str) -> int | str:
    if text != "all" and not (text.isdecimal() and int(text) > 0):
        raise ValueError(f"Got --n-labeled {text}, expected a number of labels or all.")
    return text if text == "all" else int(text)


def import_tensorflow_quietly() -> None:
    """Import TensorFlow and let it look for devices, without its output to stderr.

    Its C++ code reports four times that there is no GPU, before it reads any log level. Exceptions still
    come through.
    """
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
    """Return the summary, in which the gain is over raw features, with its paired interval."""
    summary = result.summary()
    order = list(dict.fromkeys(row["extractor"] for row in summary))
    summary.sort(key=lambda row: order.index(row["extractor"]))
    metric = import_optional("vaefeat.comparison.metrics", "train").metric_of(summary[0])
    lines = [_line(row, metric) for row in summary]
    for i in range(len(lines) - 1, 0, -1):  # names are shown only where they change
        lines[i][0] = "" if lines[i][0] == lines[i - 1][0] else lines[i][0]
    numbers = ["labels", metric.heading, "±", metric.second_heading, "gain", "95 % interval", "fit", "rows/s"]
    return fitting_table(
        ["features", *numbers],
        lines,
        console.width,
        title=metric.title.format(printable(name)),
        numbers=numbers,
        optional=["rows/s", "fit", metric.second_heading, "±", "gain"],
    )


def _line(row: dict[str, Any], metric: Any) -> list[Cell]:
    second = f"{metric.second}_mean"
    return [
        row["extractor"],
        str(row["n_labeled"]),
        metric.text(row[f"{metric.name}_mean"]),
        metric.text(row[f"{metric.name}_sd"]) if row["n_draws"] > 1 else "",
        metric.second_text(row[second]) if second in row else "",
        metric.signed(row["gain"]) if "gain" in row else "",
        _interval(row, metric),
        f"{row['fit_seconds']:.1f} s",
        f"{row['rows_per_second']:,.0f}",
    ]


def _interval(row: dict[str, Any], metric: Any) -> Text:
    """Return the interval of a gain, in color where it does not contain zero."""
    if "gain" not in row or row["n_draws"] == 1:
        return Text()
    color = "green" if row["gain_low"] > 0 else "red" if row["gain_high"] < 0 else ""
    return Text(f"{metric.signed(row['gain_low'])} to {metric.signed(row['gain_high'])}", style=color)


def _write_results(result: "Comparison", dataset: Any, out: Path) -> list[str]:
    """Write the plot and the winner; return the names of all files."""
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
    if encoder is not None:  # it is None if none won or its results were already known
        data = {"name": dataset.name, "sha256": dataset.sha256}
        if dataset.plan is not None:
            encoder = Pipeline([("columns", ColumnEncoder(dataset.plan).fit(None)), *encoder.steps])
        path = export_onnx(encoder, out / "encoder.onnx", X=dataset.X, card={"data": data})
        written += [file.name for file in (path, *card_paths(path))]
    return written
