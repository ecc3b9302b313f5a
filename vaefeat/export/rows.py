"""The rows on which a file and its estimator are compared: as the user has them, and cast to float32."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_outlier_detector
from sklearn.utils import _safe_indexing

from vaefeat.exceptions import ExportError
from vaefeat.export.outputs import expected_outputs
from vaefeat.protocols import LatentModel
from vaefeat.runtime.rows import as_float32, as_numbers, in_order

N_PARITY_ROWS = 64
FAILURES = (ValueError, TypeError, ArithmeticError, LookupError)


@dataclass(frozen=True)
class Rows:
    """Rows in two forms.

    Attributes
    ----------
    given : ndarray or DataFrame of shape (n_samples, n_features)
        As the estimator takes them: float64, integers, named columns.
    cast : ndarray of shape (n_samples, n_features), float32
        As the file takes them.
    """

    given: Any
    cast: np.ndarray

    def __getitem__(self, index: np.ndarray) -> "Rows":
        return Rows(_safe_indexing(self.given, index), self.cast[index])

    def __len__(self) -> int:
        return len(self.cast)


def rows_of(estimator: Any, X: Any) -> Rows:
    """Return rows of the data or, if there are none, rows from an estimator that can generate them.

    Raises
    ------
    ExportError
        If there are no rows, if they have a different shape, or if a column does not hold numbers.
    """
    if not hasattr(estimator, "n_features_in_"):
        raise ExportError(f"{type(estimator).__name__} does not take rows of numbers: it has no ONNX file.")
    if X is None:
        if not (isinstance(estimator, LatentModel) and hasattr(estimator, "sample")):
            raise ExportError(
                f"Pass X, rows like those that {type(estimator).__name__} was trained on: "
                "the file is compared with the estimator on them before it is written."
            )
        X = estimator.sample(N_PARITY_ROWS, random_state=0)
    given = _as_taken(estimator, X)
    cast = as_float32(given)
    if cast.ndim != 2 or cast.shape[1] != estimator.n_features_in_:
        raise ExportError(
            f"Got X of shape {cast.shape}, expected rows of {estimator.n_features_in_} features."
        )
    return Rows(given, cast)


def parity_rows(estimator: Any, rows: Rows) -> Rows:
    """Return some of the rows, those with NaN first, and neighbors of them that the estimator accepts."""
    complete_last = np.argsort(~np.isnan(rows.cast).any(axis=1), kind="stable")
    chosen = rows[complete_last[:N_PARITY_ROWS]]
    if is_outlier_detector(estimator):  # so far out that float32 holds no score: nothing to compare
        chosen = chosen[np.flatnonzero(np.isfinite(estimator.decision_function(chosen.given)))]
    neighbors = _neighbors(estimator, chosen)
    return _joined(chosen, neighbors) if len(neighbors) else chosen


def _neighbors(estimator: Any, rows: Rows) -> Rows:
    """Return rows that take each value from another row of the same column, where the outputs are finite."""
    given = _shuffled(rows.given)
    neighbors = Rows(given, as_float32(given))
    try:
        outputs = expected_outputs(estimator, given)
    except FAILURES:  # values that must not occur together: there is nothing to compare
        return neighbors[np.arange(0)]
    numbers = [values for values in outputs.values() if values.dtype.kind == "f"]
    finite = [np.isfinite(values.reshape(len(given), -1)).all(axis=1) for values in numbers]
    return neighbors[np.flatnonzero(np.all(finite, axis=0))] if finite else neighbors


def _shuffled(given: Any) -> Any:
    rng = np.random.default_rng(0)
    if not hasattr(given, "iloc"):
        return rng.permuted(given, axis=0)
    shuffled = given.copy()
    for i in range(given.shape[1]):
        shuffled.isetitem(i, given.iloc[rng.permutation(len(given)), i].array)
    return shuffled


def _joined(first: Rows, second: Rows) -> Rows:
    cast = np.concatenate([first.cast, second.cast])
    if not hasattr(first.given, "iloc"):
        return Rows(np.concatenate([first.given, second.given]), cast)
    from pandas import concat

    return Rows(concat([first.given, second.given], ignore_index=True), cast)


def as_estimator_takes(estimator: Any, rows: np.ndarray) -> Any:
    """Return an array, with names for its columns if the estimator was fitted to named ones."""
    if not hasattr(estimator, "feature_names_in_"):
        return rows
    from pandas import DataFrame

    return DataFrame(rows, columns=estimator.feature_names_in_)


def _as_taken(estimator: Any, X: Any) -> Any:
    """Return rows in the form, an array or a data frame of pandas, that the estimator was fitted to."""
    named = hasattr(estimator, "feature_names_in_")
    if named:
        X = in_order(X, list(estimator.feature_names_in_))
    if hasattr(X, "iloc"):
        _check_columns(X)
        if named:
            return X
    array = as_numbers(X)
    if named and array.ndim == 2 and array.shape[1] == estimator.n_features_in_:
        return as_estimator_takes(estimator, array)
    return array


def _check_columns(frame: Any) -> None:
    """Raise ExportError if a column of a data frame does not hold numbers."""
    for name in frame.columns:
        if not _are_numbers(frame[[name]]):
            raise ExportError(
                f"Column {name!r} holds values of type {frame[name].dtype}, but a file takes numbers alone: "
                "turn it into numbers before the estimator, for instance by OrdinalEncoder(), and fit again."
            )


def _are_numbers(column: Any) -> bool:
    try:
        return as_numbers(column).dtype.kind in "buif"
    except (ValueError, TypeError):
        return False
