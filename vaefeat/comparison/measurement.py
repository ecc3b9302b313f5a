"""Fitting and timing of extractors and classifiers."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold, StratifiedShuffleSplit

from vaefeat.comparison.derived import HiddenLayer
from vaefeat.comparison.grid import Cell, Grid, last_step
from vaefeat.comparison.metrics import scores_on
from vaefeat.comparison.rows import Row
from vaefeat.data import Dataset
from vaefeat.estimators._few_labels import few_labels
from vaefeat.estimators._progress import Steps

N_TIMINGS = 5  # of transform, of which the median counts
LARGE = 10_000  # labels: above this, one hold-out split replaces five folds


@dataclass(frozen=True)
class Features:
    """What a fitted extractor returns for a data set, and what it took."""

    X: np.ndarray
    X_test: np.ndarray
    fit_seconds: float
    rows_per_second: float
    final_loss: float | None

    @classmethod
    def of(cls, fitted: BaseEstimator, dataset: Dataset, fit_seconds: float) -> "Features":
        """Transform the data set, and time this for the test samples."""
        X = fitted.transform(dataset.X)
        timed_rows = dataset.X_test if len(dataset.X_test) else dataset.X
        seconds = np.median([timed(lambda: fitted.transform(timed_rows))[1] for _ in range(N_TIMINGS)])
        loss_curve = getattr(last_step(fitted), "loss_curve_", None)
        return cls(
            X,
            fitted.transform(dataset.X_test) if len(dataset.X_test) else X[:0],
            fit_seconds,
            rows_per_second=len(timed_rows) / float(seconds),
            final_loss=round(loss_curve[-1], 4) if loss_curve else None,
        )


class Measurement:
    """Measures the cells of a grid, and keeps the extractors that were fitted without labels.

    Attributes
    ----------
    extractors : dict of str to transformer
        Fitted, by name.
    """

    def __init__(self, grid: Grid, steps: Steps) -> None:
        self.grid, self._steps = grid, steps
        self.extractors: dict[str, BaseEstimator] = {}
        self._seconds: dict[str, float] = {}
        # Neighboring cells share features, so that the last ones are enough.
        self._features = lru_cache(maxsize=1)(self._extract)

    def measure(self, cell: Cell) -> Row:
        """Return how a cell does on the test samples, and what it took."""
        extractor = self.grid.extractor_of(cell)
        draw = (cell.n_labeled, cell.draw) if self.grid.needs_labels(extractor) else None
        features = self._features(extractor, draw)
        with few_labels():
            fitted, seconds = timed(lambda: self._fit(cell, features.X))
            X_test, y_test = self._test_samples(cell, features)
            scores = scores_on(self.grid.dataset.task, y_test, fitted.predict(X_test))
        overlap = {"n_test": len(y_test)} if self.grid.tests_on_rest else {}
        return (
            overlap
            | scores
            | {
                "n_features": features.X.shape[1],
                "fit_seconds": round(features.fit_seconds, 3),
                "classifier_seconds": round(seconds, 3),
                "rows_per_second": round(features.rows_per_second),
                "final_loss": features.final_loss,
                "best_params": getattr(fitted, "best_params_", {}),
            }
        )

    def _test_samples(self, cell: Cell, features: Features) -> tuple[np.ndarray, np.ndarray]:
        """Return what a cell is tested on: the test samples, or the labels that its draw leaves out."""
        y, y_test = self.grid.dataset.y, self.grid.dataset.y_test
        assert y is not None
        assert y_test is not None
        if not self.grid.tests_on_rest:
            return features.X_test, y_test
        rest = self.grid.rest(cell.n_labeled, cell.draw)
        return features.X[rest], y[rest]

    def _extract(self, extractor: str, draw: tuple[int | str, int] | None) -> Features:
        """Return the features of an extractor, which sees the labels of a draw, or no labels."""
        dataset = self.grid.dataset
        if draw is None:
            fitted = self._fitted(extractor)
            return Features.of(fitted, dataset, self._seconds[extractor])
        X, y = self.grid.labeled(dataset.X, *draw)
        fitted, seconds = timed(lambda: clone(self.grid.extractors[extractor]).fit(X, y))
        return Features.of(fitted, dataset, seconds)

    def _fitted(self, extractor: str) -> BaseEstimator:
        """Return an extractor that was fitted without labels, and keep it."""
        if extractor not in self.extractors:
            unfitted, X = self.grid.extractors[extractor], self.grid.dataset.X
            if isinstance(unfitted, HiddenLayer):
                fitted = unfitted.from_fitted(self._fitted(unfitted.of))
                seconds = self._seconds[unfitted.of]
            else:
                fitted, seconds = timed(lambda: self._steps.fit(clone(unfitted), X))
            self.extractors[extractor], self._seconds[extractor] = fitted, seconds
        return self.extractors[extractor]

    def _fit(self, cell: Cell, X: np.ndarray) -> BaseEstimator:
        """Fit a semi-supervised classifier to all samples, any other to the labeled ones."""
        if cell.classifier in self.grid.semi_supervised:
            y = self.grid.labels(cell.n_labeled, cell.draw)
            return clone(self.grid.semi_supervised[cell.classifier]).fit(X, y)
        X, y = self.grid.labeled(X, cell.n_labeled, cell.draw)
        return with_folds(clone(self.grid.classifier_of(cell)), y).fit(X, y)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return what ``call`` returns, and the seconds that it took."""
    started = time.perf_counter()
    result = call()
    return result, time.perf_counter() - started


def with_folds(classifier: BaseEstimator, y: np.ndarray) -> BaseEstimator:
    """Give a grid search without ``cv`` as many folds as the labels allow, at most five.

    Parameters
    ----------
    classifier : classifier
        Returned as it is, unless it is a GridSearchCV without ``cv``.
    y : array of shape (n_samples,)
        Labels that it will be fitted to. Above 10 000 of them one hold-out split replaces the
        folds; where a class has a single sample there can be no folds, and the unfitted estimator
        of the search is returned.

    Returns
    -------
    classifier
    """
    if not (isinstance(classifier, GridSearchCV) and classifier.cv is None):
        return classifier
    smallest_class = int(np.unique(y, return_counts=True)[1].min())
    if smallest_class < 2:
        return clone(classifier.estimator)
    folds: Any = StratifiedKFold(min(5, smallest_class), shuffle=True, random_state=0)
    if len(y) > LARGE:
        folds = StratifiedShuffleSplit(1, test_size=0.1, random_state=0)
    return classifier.set_params(cv=folds)
