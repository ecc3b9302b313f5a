"""What the experiments' command lines share: options, data, progress bars, pictures."""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from matplotlib.figure import Figure
from rich.progress import Progress
from sklearn.datasets import load_breast_cancer, load_wine

from vaefeat import compare, load_dataset
from vaefeat.comparison import Comparison, Row, Task, collect_rows
from vaefeat.data import Dataset
from vaefeat.data.samples import read_samples

RESULTS = Path(__file__).parents[1] / "results"
EXPORTED = Path(__file__).parents[2] / "exported"
OF_SCIKIT_LEARN = {"breast cancer": load_breast_cancer, "wine": load_wine}
TARGETS = {"churn": "churn", "credit": "Status", "soybean": "Class"}  # of tables whose class is no "target"


def options(doc: str, *, smoke: str, out: Path | None = None, exported: Path | None = None) -> Any:
    """Return a parser with ``--smoke``, and ``--out`` and ``--exported`` where they have a default.

    Parameters
    ----------
    doc : str
        The module's docstring, whose first line describes the command.
    smoke : str
        What a smoke run uses.
    out, exported : pathlib.Path, optional
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help=smoke)
    if out:
        parser.add_argument("--out", type=Path, default=out, help="where rows and pictures are written")
    if exported:
        parser.add_argument("--exported", type=Path, default=exported, help="where models are written")
    return parser


def load(name: str, smoke: bool, n_samples: int = 500) -> Dataset:
    """Return a data set; for a smoke run its first samples."""
    dataset = load_dataset(name)
    return dataset.head(n_samples) if smoke else dataset


def table_rows(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return all rows of a table as numbers, (n_samples, n_features), and their classes, as text."""
    if name in OF_SCIKIT_LEARN:
        X, y = OF_SCIKIT_LEARN[name](return_X_y=True)
    elif name == "satimage":
        dataset = load_dataset(name)
        X, y = np.concatenate([dataset.X, dataset.X_test]), np.concatenate([dataset.y, dataset.y_test])
    else:
        path = Path(os.environ["VAEFEAT_DATA"]) / "tables" / f"{name}.csv.gz"
        samples = read_samples(path, TARGETS.get(name, "target"))
        assert samples.y is not None
        X, y = samples.X, samples.y
    return X.astype(np.float64), y.astype(str)


def compare_with_bar(dataset: Dataset, description: str, **settings: Any) -> Comparison:
    """Return what :func:`vaefeat.compare` does, under a progress bar."""
    with Progress() as bar:
        return compare(dataset, progress=_line(bar, description), **settings)


def collect_with_bar(tasks: Sequence[Task], path: Path, description: str) -> list[Row]:
    """Return the rows of all tasks, measuring those that are missing under a progress bar."""
    with Progress() as bar:
        return collect_rows(tasks, path, _line(bar, description))


def _line(bar: Progress, description: str) -> Any:
    task = bar.add_task(description, total=None)

    def announce(what: str, done: int, total: int) -> None:
        bar.update(task, description=f"{description}: {what}", completed=done, total=total)

    return announce


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """Return what ``path`` keeps; if there is no such file, what ``make`` returns, which is kept there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        joblib.dump(make(), path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    return joblib.load(path)


def save_figure(figure: Figure, path: Path, dpi: int, **options: Any) -> None:
    """Write a figure as PNG that depends on what is drawn alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi, metadata={"Software": None}, pil_kwargs={"optimize": True}, **options)
