"""Choosing among candidates by cross-validation over the labeled rows."""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.model_selection import StratifiedShuffleSplit

from vaefeat.data.folds import folds, is_testable
from vaefeat.estimators._few_labels import few_labels
from vaefeat.fitting.scores import CrossValidated, RegressionScore, Score

N_FOLDS, N_REPEATS = 5, 3
MAX_ROWS = 2_000  # labeled ones, to choose by; the chosen candidate learns from all of them


def rows_to_choose_by(groups: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Return the positions of the rows to cross-validate on: all, or a stratified sample of many.

    Parameters
    ----------
    groups : ndarray of shape (n_rows,)
        Classes; for quantities, one group for all; see :func:`groups_of`.
    random_state : int, default=0
    """
    n = len(groups)
    if n <= MAX_ROWS or np.unique(groups, return_counts=True)[1].min() * MAX_ROWS < 2 * n:
        return np.arange(n)
    split = StratifiedShuffleSplit(1, train_size=MAX_ROWS, random_state=random_state)
    return next(split.split(np.zeros((n, 1)), groups))[0]


def groups_of(predictor: BaseEstimator, y: np.ndarray) -> np.ndarray:
    """Return what rows are dealt to folds by: their classes, or one group of all quantities."""
    return np.zeros(len(y), int) if is_regressor(predictor) else y


def cross_validate(
    predictor: BaseEstimator,
    X: np.ndarray,
    y: np.ndarray,
    random_state: int = 0,
    n_repeats: int | None = None,
) -> CrossValidated:
    """Predict each row by classifiers, or regressors, that were trained without it.

    Parameters
    ----------
    predictor : classifier or regressor
        Unfitted.
    X : ndarray of shape (n_rows, n_features)
        Features of labeled rows, learned without labels.
    y : ndarray of shape (n_rows,)
        Their labels. The only row of a class is learned from and not predicted.
    random_state : int, default=0
        Determines the folds, which are the same for all predictors.
    n_repeats : int, default=3

    Returns
    -------
    Score or RegressionScore
    """
    groups, n_repeats = groups_of(predictor, y), n_repeats or N_REPEATS
    p_true, predictions = np.zeros(len(y)), np.tile(np.empty_like(y), (n_repeats, 1))
    with few_labels():
        for repeat in range(n_repeats):
            for train, test in folds(groups, N_FOLDS, random_state + repeat):
                fitted = clone(predictor).fit(X[train], y[train])
                predictions[repeat, test], p = _predict(fitted, X[test], y[test])
                p_true[test] += p / n_repeats
    if is_regressor(predictor):
        return RegressionScore(y, predictions)
    rows = np.flatnonzero(is_testable(groups))
    y, predictions = y[rows], predictions[:, rows]
    return Score(y, predictions == y, p_true[rows], predictions[0])


def _predict(fitted: BaseEstimator, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray | float]:
    """Return what is predicted, and for classes, the probabilities of the true ones."""
    if is_regressor(fitted):
        return fitted.predict(X), 0.0
    found = fitted.predict_proba(X)
    of_true = found[np.arange(len(y)), np.searchsorted(fitted.classes_, y)]
    return fitted.classes_[found.argmax(axis=1)], of_true


def choose_among(scores: Sequence[CrossValidated]) -> int:
    """Return the position of the score with the lowest loss within one standard error of the best.

    The best has the highest balanced accuracy, or R²; the standard error is that of the difference from it,
    paired by rows. Few rows cannot tell such candidates apart by how often they are right. How sure they are
    of what is right varies less. Of equals the first is taken, as always for quantities.
    """
    best = max(scores, key=lambda score: score.value)
    return min(
        (i for i, score in enumerate(scores) if _is_within_error(*best.minus(score))),
        key=lambda i: scores[i].loss,
    )


def _is_within_error(deficit: float, error: float) -> bool:
    # A single row of difference is exactly one standard error, up to rounding.
    return deficit <= error or math.isclose(deficit, error)
