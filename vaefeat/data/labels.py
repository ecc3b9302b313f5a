"""Class labels that are hidden: -1 marks an unlabeled sample, as in scikit-learn."""

from typing import Any

import numpy as np

from vaefeat._optional import import_optional

UNLABELED = -1


def mask_labels(y: Any, n_labeled: int, random_state: Any = None, *, stratify: bool = True) -> np.ndarray:
    """Keep ``n_labeled`` labels and replace the others by -1, scikit-learn's sign for unlabelled.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Classes. If they are not integers the result has dtype object, as
        :class:`sklearn.semi_supervised.SelfTrainingClassifier` asks for.
    n_labeled : int
        How many labels to keep.
    random_state : int, RandomState instance or None, default=None
        Determines which.
    stratify : bool, default=True
        Keep equally many of each class, or one more of some where ``n_labeled`` does not divide
        evenly; of a class that has fewer, keep all. False draws from all samples alike.

    Returns
    -------
    y_masked : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If there are not as many labels to keep, or ``y`` already holds -1.

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models", section 4.1.

    Examples
    --------
    >>> from vaefeat.data import mask_labels
    >>> mask_labels([0, 0, 0, 1, 1, 1], 2, random_state=0).tolist()
    [-1, -1, 0, -1, -1, 1]
    """
    sklearn_utils = import_optional("sklearn.utils", "train")
    y = np.asarray(y)
    is_integer = np.issubdtype(y.dtype, np.integer)
    if (y.astype(object) == UNLABELED).any():
        raise ValueError("y already holds the label -1, which means unlabelled; pass labelled samples only.")
    if not 0 < n_labeled <= len(y):
        raise ValueError(f"Got n_labeled={n_labeled}, expected 1 to {len(y)}, the number of labels.")
    rng = sklearn_utils.check_random_state(random_state)
    order = rng.permutation(len(y))
    if stratify:
        ties = rng.permutation(len(y))  # else the last labels would go to the largest class
        order = order[np.lexsort((ties, _ranks_within_class(y[order])))]
    kept = order[:n_labeled]
    masked = np.full(len(y), UNLABELED, dtype=np.int64 if is_integer else object)
    masked[kept] = y[kept]
    return masked


def _ranks_within_class(y: np.ndarray) -> np.ndarray:
    """Return how many of its class stand before each element."""
    ranks = np.empty(len(y), int)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        ranks[members] = np.arange(len(members))
    return ranks
