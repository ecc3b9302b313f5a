"""Class labels, some of them hidden: -1 marks an unlabeled sample, as in scikit-learn."""

from typing import Any

import numpy as np

from vaefeat._optional import import_optional

UNLABELED = -1


def is_unlabeled(y: np.ndarray) -> np.ndarray:
    """Return for each label whether it marks a sample without one: -1, NaN, None, pandas.NA, "-1" or ""."""
    if y.dtype.kind in "iub":
        return y == UNLABELED
    if y.dtype.kind == "f":
        return np.isnan(y) | (y == UNLABELED)
    return np.array([_is_mark(label) for label in y.tolist()], dtype=bool)


def _is_mark(label: object) -> bool:
    if label is None or isinstance(label, str):
        return label in (None, str(UNLABELED), "")
    differs = label != label  # NaN differs from itself; for pandas.NA this is unknown
    return not isinstance(differs, bool | np.bool_) or bool(differs) or label == UNLABELED


def labels_of(y: Any) -> np.ndarray:
    """Return labels, for instance in a frame of one column, as an array of shape (n_samples,).

    Raises
    ------
    ValueError
        If there is not one label per sample.
    """
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(f"y has shape {labels.shape}, expected one label per sample: pass one column.")
    return labels


def mark_unlabeled(y: np.ndarray) -> np.ndarray:
    """Return labels as they are read from an array: whole numbers as int64, -1 where there is none."""
    hidden = is_unlabeled(y)
    return _with_marks(y[~hidden], hidden)


def parse_labels(cells: np.ndarray) -> np.ndarray:
    """Return labels as they are read from text: numbers if all of them are, -1 where there is none."""
    hidden = is_unlabeled(cells)
    return _with_marks(_as_numbers(cells[~hidden]), hidden)


def _as_numbers(cells: np.ndarray) -> np.ndarray:
    for dtype in (np.int64, np.float64):
        try:
            return cells.astype(dtype)
        except (ValueError, OverflowError):
            continue
    return cells


def _with_marks(labels: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    if labels.dtype.kind == "f" and (np.abs(labels) < 2**53).all() and (labels == np.floor(labels)).all():
        labels = labels.astype(np.int64)
    is_integer = labels.dtype.kind in "iu"
    if not is_integer and not hidden.any():
        return labels
    marked = np.full(len(hidden), UNLABELED, dtype=np.int64 if is_integer else object)
    marked[~hidden] = labels
    return marked


def mask_labels(y: Any, n_labeled: int, random_state: Any = None, *, stratify: bool = True) -> np.ndarray:
    """Keep ``n_labeled`` labels and replace the others by -1, scikit-learn's mark for unlabeled samples.

    Parameters
    ----------
    y : array-like of shape (n_samples,), or frame of one column
        Classes. If they are not whole numbers the result has dtype object, as
        :class:`sklearn.semi_supervised.SelfTrainingClassifier` requires. NaN, None, pandas.NA and empty
        strings mark samples without a label, and stay as they are.
    n_labeled : int
        How many labels to keep.
    random_state : int, RandomState instance or None, default=None
        Determines which labels are kept.
    stratify : bool, default=True
        Keep equally many of each class, or one more of some classes where ``n_labeled`` does not
        divide evenly; keep all of a class that has fewer. If False, draw from all samples alike.

    Returns
    -------
    y_masked : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If there are fewer labels than that, or if one of them is -1, which may be one of your classes or mean
        that there is no label.

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models", section 4.1.

    Examples
    --------
    >>> from vaefeat.data import mask_labels
    >>> mask_labels([0, 0, 0, 1, 1, 1], 2, random_state=0).tolist()
    [-1, -1, 0, -1, -1, 1]
    """
    y = labels_of(y)
    labeled = np.flatnonzero(~is_unlabeled(y))
    if _may_be_a_class(y).any():
        raise ValueError("y already holds the label -1, which means unlabeled: pass labeled samples only.")
    hidden = np.ones(len(y), bool)
    hidden[labeled[draw_labels(y[labeled], n_labeled, random_state, stratify=stratify)]] = False
    masked = _with_marks(y[~hidden], hidden)
    return masked if masked.dtype.kind in "iu" else masked.astype(object)


def draw_labels(y: np.ndarray, n_labeled: int, random_state: Any = None, *, stratify: bool) -> np.ndarray:
    """Return the positions of the labels that :func:`mask_labels` keeps.

    Raises
    ------
    ValueError
        If there are fewer labels than that.
    """
    if not 0 < n_labeled <= len(y):
        raise ValueError(f"Got n_labeled={n_labeled}, expected 1 to {len(y)}, the number of labels.")
    rng = import_optional("sklearn.utils", "train").check_random_state(random_state)
    order = rng.permutation(len(y))
    if stratify:
        ties = rng.permutation(len(y))  # otherwise the remainder would go to the largest class
        order = order[np.lexsort((ties, _ranks_within_class(y[order])))]
    return order[:n_labeled]


def _may_be_a_class(y: np.ndarray) -> np.ndarray:
    """Return for each label whether it is -1, which marks a sample without one, or is one of two classes."""
    if y.dtype.kind in "iufb":
        return y == UNLABELED
    return np.array([isinstance(x, str | int | float) and str(x) in ("-1", "-1.0") for x in y.tolist()], bool)


def _ranks_within_class(y: np.ndarray) -> np.ndarray:
    """Return, for each element, how many of its class come before it."""
    ranks = np.empty(len(y), int)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        ranks[members] = np.arange(len(members))
    return ranks
