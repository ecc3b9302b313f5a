"""What is to be predicted: classes, or quantities, inferred from the values of a target."""

from numbers import Real

import numpy as np

from vaefeat.data._table import short
from vaefeat.data._values import is_gap
from vaefeat.data.labels import UNLABELED, draw_labels, is_unlabeled

CLASSIFICATION, REGRESSION = "classification", "regression"
TASKS = (CLASSIFICATION, REGRESSION)
MAX_CLASSES = 20  # up to this many different numbers are classes, unless stated otherwise
MIN_QUANTITIES = 10  # labeled rows


def find_task(quantities: np.ndarray | None) -> str:
    """Return the task that a target stands for.

    Quantities are more than 20 different numbers some of which are fractions, or most of which occur once.

    Parameters
    ----------
    quantities : ndarray of shape (n_samples,), or None
        As :func:`as_quantities` returns them.

    Examples
    --------
    >>> import numpy as np
    >>> from vaefeat.data.targets import find_task
    >>> find_task(np.arange(10.0)), find_task(np.linspace(0, 1, 50)), find_task(None)
    ('classification', 'regression', 'classification')
    """
    if quantities is None:
        return CLASSIFICATION
    numbers = quantities[~np.isnan(quantities)]
    n_distinct = len(np.unique(numbers))
    has_fractions = bool((numbers != np.floor(numbers)).any())
    is_regression = n_distinct > MAX_CLASSES and (has_fractions or n_distinct > len(numbers) / 2)
    return REGRESSION if is_regression else CLASSIFICATION


def as_quantities(values: np.ndarray, decimal: str = ".") -> np.ndarray | None:
    """Return numbers, including those that are written as text, as float64.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        As they are read.
    decimal : {".", ","}
        The decimal sign of text.

    Returns
    -------
    ndarray of shape (n_samples,), or None
        NaN where there is no value; None if a value is not a number.
    """
    if values.dtype.kind in "iuf":
        return values.astype(np.float64)
    if values.dtype.kind not in "OU":
        return None
    try:
        return np.array([_quantity(value, decimal) for value in values.tolist()], np.float64)
    except ValueError:
        return None


def _quantity(value: object, decimal: str) -> float:
    if is_gap(value) or value == "":
        return np.nan
    if isinstance(value, str):
        return float(value.replace(decimal, "."))
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
        return float(value)
    raise ValueError


def is_labeled(y: np.ndarray, task: str) -> np.ndarray:
    """Return for each sample whether it has a label: a quantity, or a class other than -1."""
    return ~np.isnan(y) if task == REGRESSION else ~is_unlabeled(y)


def draw(y: np.ndarray, task: str, n_labeled: int, random_state: int, *, stratify: bool) -> np.ndarray:
    """Return for each sample whether its label is among ``n_labeled`` that are drawn at random.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Classes or quantities of samples, of which some have none.
    task : {"classification", "regression"}
    n_labeled : int
    random_state : int
    stratify : bool
        Draw equally many of each class; for quantities, all are drawn alike.

    Returns
    -------
    ndarray of shape (n_samples,), bool
    """
    known = np.flatnonzero(is_labeled(y, task))
    stratify = stratify and task == CLASSIFICATION
    drawn = np.zeros(len(y), bool)
    drawn[known[draw_labels(y[known], n_labeled, random_state, stratify=stratify)]] = True
    return drawn


def explain(y: np.ndarray, task: str) -> str:
    """Return what a target was taken for, and the option that changes it; nothing where that is obvious."""
    labels = y[is_labeled(y, task)]
    if task == REGRESSION:
        marks = " Its -1 is a quantity, too; leave cells empty where it is unknown."
        return (
            f"The target has {len(np.unique(labels)):,} different numbers, and is predicted as a quantity "
            f"(--task classification for classes).{marks if (labels == UNLABELED).any() else ''}"
        )
    n_classes = len(set(labels.tolist()))
    if n_classes > MAX_CLASSES and as_quantities(labels) is not None:
        return f"The target's numbers are taken as {n_classes:,} classes (--task regression for quantities)."
    return ""


def check_target(y: np.ndarray, task: str, target: str | None = None) -> None:
    """Refuse labels that nothing can be learned from.

    Raises
    ------
    ValueError
        If fewer than two classes have two labels; if there are nearly as many classes as labels; or if
        quantities are few, infinite, or all the same.
    """
    name, labels = _name(target), y[is_labeled(y, task)]
    if not len(labels):
        raise ValueError(f"{name} has no labels: all rows are empty or -1. Label some of them.")
    if task == REGRESSION:
        _check_quantities(labels, name)
    else:
        _check_classes(labels, name, has_marks=bool((y == UNLABELED).any()))


def _check_classes(labels: np.ndarray, name: str, *, has_marks: bool) -> None:
    classes, counts = np.unique(labels.astype(str) if labels.dtype == object else labels, return_counts=True)
    if len(classes) == 1:
        hint = "-1 means unlabeled; rename that class" if has_marks else "label another class"
        raise ValueError(f"{name} has the one class {short(repr(classes[0].item()))}: {hint}.")
    if len(classes) > MAX_CLASSES and len(classes) > len(labels) / 2:
        raise ValueError(
            f"{name} has {len(classes):,} different values in {len(labels):,} labeled rows, expected classes "
            "with several rows each: name another column, or label more rows."
        )
    if np.sum(counts > 1) < 2:
        rare = short(repr(classes[counts.argmin()].item()))
        raise ValueError(
            f"{name} has a single labeled row of class {rare}, expected two classes with at least 2: label "
            "more rows of each class."
        )


def _check_quantities(labels: np.ndarray, name: str) -> None:
    with np.errstate(over="ignore"):
        is_finite = np.isfinite(labels.astype(np.float32))
    if not is_finite.all():
        raise ValueError(f"{name} holds {labels[~is_finite][0]:g}, expected numbers that float32 can hold.")
    if len(labels) < MIN_QUANTITIES:
        raise ValueError(f"{name} has {len(labels)} labeled rows, expected at least {MIN_QUANTITIES}.")
    if labels.min() == labels.max():
        raise ValueError(f"{name} is {labels[0]:g} in all labeled rows: there is nothing to predict.")


def choose_task(
    y: np.ndarray, quantities: np.ndarray | None, task: str | None, target: str | None
) -> tuple[np.ndarray, str]:
    """Return the labels of samples as their task needs them, and the task.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The target as classes, with -1 where there is none.
    quantities : ndarray of shape (n_samples,), or None
        The target as :func:`as_quantities` returns it.
    task : {"classification", "regression"}, optional
        By default :func:`find_task` finds it.
    target : str, optional
        Name of the column, for messages.

    Returns
    -------
    y : ndarray of shape (n_samples,)
        Classes, or quantities.
    task : {"classification", "regression"}

    Raises
    ------
    ValueError
        If there is no such task, or nothing can be learned from the labels.
    """
    if task not in (None, *TASKS):
        raise ValueError(f"Got the task {short(repr(task))}, expected {' or '.join(TASKS)}.")
    found = task or find_task(quantities)
    if found == REGRESSION and quantities is None:
        example = next(label for label in y.tolist() if as_quantities(np.array([label], object)) is None)
        raise ValueError(
            f"{_name(target)} holds {short(repr(example))}, expected numbers for the task regression."
        )
    labels = quantities if found == REGRESSION and quantities is not None else y
    check_target(labels, found, target)
    return labels, found


def _name(target: str | None) -> str:
    return "The target" if target is None else f"The target {short(repr(target))}"
