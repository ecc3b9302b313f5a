"""The comparison as one function."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from vaefeat.comparison.defaults import default_baselines, default_classifiers, default_extractors
from vaefeat.comparison.grid import Grid, numbers_of_labels
from vaefeat.comparison.measurement import Measurement
from vaefeat.comparison.report import Comparison
from vaefeat.comparison.rows import Task, collect_rows
from vaefeat.data.loading import load_data
from vaefeat.estimators._progress import Progress, Steps


def compare(
    data: Any = "digits",
    *,
    target: Any = None,
    task: str | None = None,
    extractors: Mapping[str, BaseEstimator] | None = None,
    classifiers: Mapping[str, BaseEstimator] | None = None,
    semi_supervised: Mapping[str, BaseEstimator] | None = None,
    n_labeled: Sequence[int | str] | None = None,
    n_draws: int = 10,
    baselines: Mapping[str, BaseEstimator] | None = None,
    stratify: bool = True,
    out: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare feature extractors by how well classifiers or regressors trained on few labels do.

    Every extractor is fitted to all training samples. Every classifier is fitted to the features of
    the labeled ones (a semi-supervised classifier to all), selects its regularization among the
    labeled ones, and is scored once on the test samples, or on the labels that its draw leaves out if there
    are no test samples. Such draws share samples, and the intervals account for that.

    Parameters
    ----------
    data : str, path, frame, ndarray or Dataset, default="digits"
        The name of a data set, as for :func:`vaefeat.load_dataset`; or your own rows, as for
        :func:`vaefeat.data.samples.read_samples`.
    target : str, or array of shape (n_samples,), optional
        Column of the classes or quantities of a file or frame; the labels of an array.
    task : {"classification", "regression"}, optional
        Whether to predict classes, compared by accuracy, or quantities, by R²; by default inferred from
        the labels.
    extractors : mapping of str to transformer, optional
        By default :func:`vaefeat.comparison.default_extractors`. An extractor whose tags say that it
        requires ``y`` is fitted to the labeled samples of each draw, any other once to all training
        samples. Gains are measured against the extractor named "raw".
    classifiers : mapping of str to classifier, optional
        By default :func:`vaefeat.comparison.default_classifiers`.
    semi_supervised : mapping of str to classifier, optional
        Further classifiers, which are fitted to all training samples; the label of unlabeled ones
        is -1. By default there are none.
    n_labeled : sequence of int or "all", optional
        Numbers of labels; those not below the number of labeled training samples are left out. By default
        100, 600, 3 000 and all. From data without test samples, at most three quarters of the labels can be
        drawn, and that many are drawn by default.
    n_draws : int, default=10
        Stratified random draws of the labels, the same for all extractors. There is one draw of
        "all".
    baselines : mapping of str to classifier, optional
        Classifiers on raw features, each with a line of its own. By default, if you pass no
        ``extractors``, :func:`vaefeat.comparison.default_baselines`.
    stratify : bool, default=True
        Draw equally many labels of each class; if False, labels as they come.
    out : path, optional
        A file of rows, one JSON object per line. Rows that it already holds are not computed again;
        new ones are appended as they are measured, so that an interrupted comparison resumes where
        it stopped.
    progress : callable, optional
        Called with a description of the current step, the number of rows done, which is a fraction during
        training, and their total.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the data have no classes, if a classifier and a semi-supervised classifier have the same
        name, or if a line of ``out`` is not a row.
    BlockingIOError
        If another process is writing to ``out``.

    Examples
    --------
    >>> from vaefeat import compare
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> comparison = compare(
    ...     "digits", extractors={"raw": FunctionTransformer(), "pca": PCA(8)}, n_labeled=[50], n_draws=3
    ... )
    >>> len(comparison.rows)
    6
    """
    dataset = load_data(data, target, task=task)
    counts = numbers_of_labels(dataset, n_labeled)
    use_defaults = baselines is None and extractors is None
    grid = Grid(
        dataset,
        extractors=default_extractors(dataset) if extractors is None else extractors,
        classifiers=default_classifiers(dataset.task) if classifiers is None else classifiers,
        semi_supervised=semi_supervised or {},
        n_labeled=counts,
        n_draws=n_draws,
        baselines=default_baselines(dataset.task) if use_defaults else baselines or {},
        stratify=stratify,
    )
    _check_names(grid)
    steps = Steps(progress)
    measurement = Measurement(grid, steps)
    tasks = [
        Task(
            grid.config(cell),
            partial(measurement.measure, cell),
            f"{cell.extractor}, {cell.n_labeled} labels",
        )
        for cell in grid.cells()
    ]
    rows = collect_rows(tasks, Path(out) if out else None, steps)
    return Comparison(rows, measurement.extractors)


def _check_names(grid: Grid) -> None:
    if both := set(grid.classifiers) & set(grid.semi_supervised):
        raise ValueError(
            f"{sorted(both)} are names in both classifiers and semi_supervised; rename one of each."
        )
