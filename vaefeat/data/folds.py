"""Parts of the labeled rows to learn from and to test on."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from vaefeat.data.labels import is_unlabeled, labels_of


def is_testable(y: np.ndarray) -> np.ndarray:
    """Return for each row whether another one has its class, so that it can be tested on."""
    _, positions, counts = np.unique(y, return_inverse=True, return_counts=True)
    return counts[positions] > 1


def folds(y: np.ndarray, n_folds: int, random_state: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows to learn from and those to test on, such that each part to learn from has all classes.

    The rows of a class are dealt to the folds in turn. This works for classes with fewer rows than folds;
    the only row of a class is in no part to test on.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Classes.
    n_folds : int
        At least 2.
    random_state : int

    Yields
    ------
    train, test : ndarrays of int
        Positions of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from vaefeat.data.folds import folds
    >>> y = np.array(["a", "a", "b", "b", "c"])
    >>> [sorted(y[train].tolist()) for train, _ in folds(y, 2, random_state=0)]
    [['a', 'b', 'c'], ['a', 'b', 'c']]
    """
    rows = np.random.default_rng(random_state).permutation(len(y))
    rows = rows[np.argsort(y[rows], kind="stable")]
    fold = np.full(len(y), -1)
    rows = rows[is_testable(y)[rows]]
    fold[rows] = np.arange(len(rows)) % n_folds
    for i in range(n_folds):
        test = np.flatnonzero(fold == i)
        if len(test):
            yield np.flatnonzero(fold != i), test


class LabeledKFold:
    """Folds of the labeled samples; the unlabeled ones are in every part to learn from.

    scikit-learn's own splitters take -1 for a class: they test on samples without a label, and take
    unlabeled samples away from a semi-supervised classifier, which then learns from fewer than it will have.

    The samples of a class are dealt to the folds in turn, so that every part to learn from has all classes
    as long as a class has two labels. The only labeled sample of a class is never tested on. With fewer
    labels than folds, some folds are empty and left out.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    random_state : int, default=0
        Determines which samples are in a fold.

    See Also
    --------
    labeled_scorer : Scores only the labeled samples, for other splitters and for labels of any type.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from vaefeat import GraphClassifier, LabeledKFold, labeled_scorer, mask_labels
    >>> X, y = load_digits(return_X_y=True)
    >>> few = mask_labels(y, 50, random_state=0)  # the others are -1
    >>> grid = {"n_neighbors": [5, 10]}
    >>> classifier = GraphClassifier(n_steps=50, random_state=0)
    >>> search = GridSearchCV(classifier, grid, cv=LabeledKFold(2), scoring=labeled_scorer("accuracy"))
    >>> bool(search.fit(X, few).best_score_ > 0.8)
    True
    """

    def __init__(self, n_splits: int = 5, *, random_state: int = 0) -> None:
        if n_splits < 2:
            raise ValueError(f"n_splits must be at least 2, got {n_splits}.")
        self.n_splits = n_splits
        self.random_state = random_state

    def __repr__(self) -> str:
        return f"LabeledKFold({self.n_splits}, random_state={self.random_state})"

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds: ``n_splits``, or fewer if ``y`` is given and has few labels."""
        return self.n_splits if y is None else len(list(self.split(X, y)))

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the samples to learn from and those to test on.

        Parameters
        ----------
        X : Ignored
        y : array-like of shape (n_samples,)
            Classes; -1, NaN or None where there is no label.
        groups : Ignored

        Yields
        ------
        train, test : ndarrays of int
            Positions of samples, in their order. ``test`` are labeled ones.

        Raises
        ------
        ValueError
            If no class has two labels.
        """
        labels = labels_of(y)
        hidden = is_unlabeled(labels)
        labeled = np.flatnonzero(~hidden)
        classes = np.array(labels[labeled].tolist())
        if not len(labeled) or not is_testable(classes).any():
            raise ValueError(
                "No class has two labels, expected one to learn from and another to test on: add labels."
            )
        for _, test in folds(classes, self.n_splits, self.random_state):
            is_test = np.zeros(len(labels), bool)
            is_test[labeled[test]] = True
            yield np.flatnonzero(~is_test), np.flatnonzero(is_test)
