"""Parts of the labeled rows to learn from and to test on."""

from collections.abc import Iterator

import numpy as np


def is_testable(y: np.ndarray) -> np.ndarray:
    """Return for each row whether another one has its class, so that it can be tested on."""
    _, positions, counts = np.unique(y, return_inverse=True, return_counts=True)
    return counts[positions] > 1


def folds(y: np.ndarray, n_folds: int, random_state: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows to learn from and those to test on, such that each part to learn from has all classes.

    The rows of a class are dealt to the folds in turn. That serves classes with fewer rows than folds too;
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
    >>> from vaefeat.fitting.folds import folds
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
