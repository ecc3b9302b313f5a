"""Frames of pandas, Polars or pyarrow, as arrays by the names of their columns."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from vaefeat.data._values import is_gap


def is_frame(X: Any) -> bool:
    """Return whether rows have named columns: a frame of pandas, Polars or pyarrow, or a mapping."""
    return isinstance(X, Mapping) or hasattr(X, "column_names") or hasattr(X, "columns")


def frame_columns(frame: Any, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Return columns of a frame as arrays by their names.

    Parameters
    ----------
    frame : frame of pandas, Polars or pyarrow, or mapping of str to array
    names : collection of str, optional
        The columns to return, of those that the frame has; all by default.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        Numbers, booleans, dates, or objects: text and None for what is missing.
    """
    found = list(
        frame if isinstance(frame, Mapping) else getattr(frame, "column_names", None) or frame.columns
    )
    return {str(name): _as_array(frame[name]) for name in found if names is None or str(name) in names}


def _as_array(column: Any) -> np.ndarray:
    values = np.asarray(column)
    if values.dtype.kind == "U":
        return values.astype(object)
    if values.dtype.kind != "O":
        return values
    array = np.empty(len(values), object)
    array[:] = [None if is_gap(value) else value for value in values.tolist()]
    return array
