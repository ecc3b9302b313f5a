"""Rows as users have them, arrays and data frames, as the float32 matrix that a model takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def column_names(X: Any) -> list[str] | None:
    """Return the names of the columns of a data frame, or None if it has none or they are not all strings."""
    names = getattr(X, "column_names", None)  # of a pyarrow.Table, whose ``columns`` are the values
    if names is None:
        names = getattr(X, "columns", None)
    if names is None or not all(isinstance(name, str) for name in names):
        return None
    return list(names)


def as_numbers(X: Any) -> np.ndarray:
    """Return an array, or a data frame as an array; pd.NA becomes NaN."""
    if hasattr(X, "toarray"):  # a sparse matrix
        return X.toarray()
    array = np.asarray(X)
    if array.dtype == object and hasattr(X, "iloc"):  # pandas with columns of several types
        array = X.to_numpy(dtype=np.float64, na_value=np.nan)
    return array


def as_float32(X: Any) -> np.ndarray:
    """Return rows as contiguous float32; what is too large for it becomes infinite."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(as_numbers(X), dtype=np.float32)


def in_order(X: Any, names: Sequence[str]) -> Any:
    """Return a data frame with its columns in the order of ``names``; anything without names stays as it is.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    names : sequence of str

    Raises
    ------
    ValueError
        If the columns have other names.
    """
    found = column_names(X)
    if found is None or found == list(names):
        return X
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"X lacks the columns {missing[:5]} of the model; it has {found[:5]}.")
    if unknown := [name for name in found if name not in names]:
        raise ValueError(f"X has the columns {unknown[:5]}, which the model does not know: drop them.")
    return X.select(list(names)) if hasattr(X, "select") else X[list(names)]
