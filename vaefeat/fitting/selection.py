"""Choosing among candidates by cross-validation over the labeled rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import StratifiedShuffleSplit
from threadpoolctl import threadpool_limits

from vaefeat.data.folds import folds, is_testable

N_FOLDS, N_REPEATS = 5, 3
MIN_P = 1e-3  # a forest may give a class no probability at all
MAX_ROWS = 2_000  # labeled ones, to choose by; the chosen candidate learns from all of them


@dataclass(frozen=True)
class Score:
    """How a classifier predicts rows that it was not trained on.

    Attributes
    ----------
    y : ndarray of shape (n_rows,)
        Classes of the labeled rows, without those that are the only one of their class.
    right : ndarray of shape (n_repeats, n_rows), bool
        Whether each row was predicted correctly.
    p_true : ndarray of shape (n_rows,)
        The probability that was given to the class of each row: a mean over the repetitions.
    predicted : ndarray of shape (n_rows,)
        The prediction of the first repetition.
    """

    y: np.ndarray
    right: np.ndarray
    p_true: np.ndarray
    predicted: np.ndarray

    @property
    def share_right(self) -> np.ndarray:
        """How often each row was predicted correctly."""
        return self.right.mean(axis=0)

    @property
    def accuracy(self) -> float:
        """Mean accuracy over the rows."""
        return float(self.share_right.mean())

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes of the accuracy within each."""
        return float(balanced_mean(self.share_right, self.y)[0])

    @property
    def log_loss(self) -> float:
        """Mean over the classes of the mean log loss within each, in nats."""
        return float(balanced_mean(-np.log(np.maximum(self.p_true, MIN_P)), self.y)[0])

    @property
    def standard_error(self) -> float:
        """Standard error of the balanced accuracy."""
        return balanced_mean(self.share_right, self.y)[1]

    def minus(self, other: "Score") -> tuple[float, float]:
        """Return the difference of balanced accuracies and its standard error, paired by rows."""
        return balanced_mean(self.share_right - other.share_right, self.y)


def balanced_mean(values: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the mean over the classes of the mean within each, and its standard error."""
    groups = [values[y == label] for label in np.unique(y)]
    variances = [group.var(ddof=1) / len(group) for group in groups]
    return float(np.mean([group.mean() for group in groups])), math.sqrt(sum(variances)) / len(groups)


def rows_to_choose_by(y: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Return the positions of the rows to cross-validate on: all, or a stratified sample of many."""
    if len(y) <= MAX_ROWS or np.unique(y, return_counts=True)[1].min() * MAX_ROWS < 2 * len(y):
        return np.arange(len(y))
    split = StratifiedShuffleSplit(1, train_size=MAX_ROWS, random_state=random_state)
    return next(split.split(np.zeros((len(y), 1)), y))[0]


def cross_validate(classifier: BaseEstimator, X: np.ndarray, y: np.ndarray, random_state: int = 0) -> Score:
    """Predict each row by classifiers that were trained without it.

    Parameters
    ----------
    classifier : classifier
        Unfitted.
    X : ndarray of shape (n_rows, n_features)
        Features of labeled rows, learned without labels.
    y : ndarray of shape (n_rows,)
        Their classes. The only row of a class is learned from and not predicted.
    random_state : int, default=0
        Determines the folds, which are the same for all classifiers.

    Returns
    -------
    Score
    """
    rows = np.flatnonzero(is_testable(y))
    right = np.zeros((N_REPEATS, len(y)), bool)
    p_true, predicted = np.zeros(len(y)), np.empty_like(y)
    with threadpool_limits(1):  # small products: no core waits for the others
        for repeat in range(N_REPEATS):
            for train, test in folds(y, N_FOLDS, random_state + repeat):
                fitted = clone(classifier).fit(X[train], y[train])
                found = fitted.predict_proba(X[test])
                columns = np.searchsorted(fitted.classes_, y[test])
                p_true[test] += found[np.arange(len(test)), columns] / N_REPEATS
                labels = fitted.classes_[found.argmax(axis=1)]
                right[repeat, test] = labels == y[test]
                if repeat == 0:
                    predicted[test] = labels
    return Score(y[rows], right[:, rows], p_true[rows], predicted[rows])


def choose_among(scores: Sequence[Score]) -> int:
    """Return the position of the score with the lowest log loss within one standard error of the best.

    The best has the highest balanced accuracy; the standard error is that of the difference from it, paired
    by rows. Few rows cannot tell such candidates apart by how often they are right. How sure they are of what
    is right varies less; of equals the first one is taken.
    """
    best = max(scores, key=lambda score: score.balanced_accuracy)
    return min(
        (i for i, score in enumerate(scores) if _is_within_error(*best.minus(score))),
        key=lambda i: scores[i].log_loss,
    )


def _is_within_error(deficit: float, error: float) -> bool:
    # A single row of difference is exactly one standard error, up to rounding.
    return deficit <= error or math.isclose(deficit, error)
