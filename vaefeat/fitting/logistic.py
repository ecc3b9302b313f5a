"""Logistic regression whose regularization is chosen by folds."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from vaefeat.comparison import CS
from vaefeat.data.folds import folds

N_FOLDS = 5
LARGE = 10_000  # rows: above, one fold suffices
MAX_ITER = 5_000


class LogisticSearch(ClassifierMixin, BaseEstimator):
    """Logistic regression with the one of a few values of C that is right most often over folds.

    Within a fold each C starts from the weights of the one before, which takes less than half of the time
    of a :class:`~sklearn.model_selection.GridSearchCV`.

    Parameters
    ----------
    random_state : int, default=0
        Determines the folds.

    Attributes
    ----------
    best_estimator_ : LogisticRegression
        Fitted to all rows.
    classes_ : ndarray

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from vaefeat.fitting.logistic import LogisticSearch
    >>> X, y = load_wine(return_X_y=True)
    >>> LogisticSearch().fit(X / X.max(axis=0), y).score(X / X.max(axis=0), y) > 0.95
    True
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Choose C, and fit with it to all rows."""
        C = CS[int(self._count_right(X, y).argmax())]
        self.best_estimator_ = LogisticRegression(C=C, max_iter=MAX_ITER).fit(X, y)
        self.classes_ = self.best_estimator_.classes_
        return self

    def _count_right(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return for each C how many rows are predicted correctly by what was fitted without them."""
        n_right = np.zeros(len(CS))
        for train, test in folds(y, N_FOLDS, self.random_state):
            model = LogisticRegression(max_iter=MAX_ITER, tol=1e-3, warm_start=True)
            for i, C in enumerate(CS):
                model.set_params(C=C).fit(X[train], y[train])
                n_right[i] += np.count_nonzero(model.predict(X[test]) == y[test])
            if len(y) > LARGE:
                break
        return n_right

    def predict(self, X: np.ndarray) -> Any:
        """Return the classes of rows."""
        return self.best_estimator_.predict(X)

    def predict_proba(self, X: np.ndarray) -> Any:
        """Return the probabilities of the classes."""
        return self.best_estimator_.predict_proba(X)
