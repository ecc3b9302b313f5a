"""What the cast of the rows to float32 costs: the seven digits of float32 do not hold every column."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vaefeat.exceptions import ParityError
from vaefeat.export.outputs import LABEL, expected_outputs
from vaefeat.export.rows import FAILURES, Rows
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.parity import margins
from vaefeat.runtime.rows import as_numbers

N_ROWS = 4_096  # at most, evenly spread over the data
MAX_SHARE = 1e-3  # of rows whose outputs may change: those between two leaves of a tree, for instance
TOLERANCE = 1e-3  # of the largest value of an output
N_SUSPECTS = 8  # columns that are looked at one by one

Outputs = Mapping[str, np.ndarray]


def check_precision(estimator: Any, file: OnnxModel, rows: Rows) -> None:
    """Compare the estimator on the rows as they are with its file, which takes them as float32.

    Raises
    ------
    ParityError
        If outputs change, and the rounding of one column is enough to change some.
    """
    if np.array_equal(as_numbers(rows.given), rows.cast, equal_nan=True):
        return  # float32 holds every value as it is
    if len(rows) > N_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, N_ROWS).astype(int)]
    expected, actual = expected_outputs(estimator, rows.given), file.run(rows.cast)
    changed = _changed(expected, actual)
    if changed.mean() <= MAX_SHARE:
        return
    column = _culprit(estimator, rows, expected)
    if column is None:
        return  # the computation deviates, not the input
    raise ParityError(
        f"Column {column!r} needs more precision than float32 holds: {_loss(expected, actual, changed)}. "
        "Center it before this estimator, for instance by subtracting its first value, and fit again. "
        "Nothing was written."
    )


def _changed(expected: Outputs, actual: Outputs) -> np.ndarray:
    """Return for each row whether its outputs differ; for labels, other than at ties."""
    return np.any([_differs(name, expected, actual[name]) for name in expected], axis=0)


def _differs(name: str, expected: Outputs, actual: np.ndarray) -> np.ndarray:
    values = expected[name]
    if actual.dtype.kind != "f":
        differ = np.asarray(actual, object) != np.asarray(values, object)
        differ = differ.reshape(len(values), -1).any(axis=1)
        scores = margins(expected)
        if scores is None:
            return differ
        largest_two = np.sort(scores, axis=1)[:, -2:]
        return differ & (largest_two[:, 1] - largest_two[:, 0] > TOLERANCE)
    finite = np.isfinite(values)
    allowed = TOLERANCE * max(1.0, float(np.max(np.abs(values[finite]), initial=0.0)))
    close = np.abs(actual - np.where(finite, values, 0)) <= allowed
    right = np.where(finite, close, True).reshape(len(values), -1)
    return np.logical_not(right.all(axis=1))


def _loss(expected: Outputs, actual: Outputs, changed: np.ndarray) -> str:
    n_labels = int(np.sum(_differs(LABEL, expected, actual[LABEL]))) if LABEL in expected else 0
    if n_labels:
        return f"{n_labels} of {len(changed)} labels would change"
    return f"the outputs of {changed.sum()} of {len(changed)} rows would change by more than {TOLERANCE:g}"


def _culprit(estimator: Any, rows: Rows, expected: Outputs) -> Any:
    """Return the column, by name or position, whose rounding alone changes the most rows; or None."""
    counts = {i: _n_changed_by(i, estimator, rows, expected) for i in _suspects(rows)}
    worst = max(counts, key=lambda i: counts[i], default=None)
    if worst is None or not counts[worst]:
        return None
    return rows.given.columns[worst] if hasattr(rows.given, "iloc") else worst


def _suspects(rows: Rows) -> list[int]:
    """Return the columns that lose most by rounding, relative to their spread."""
    values = as_numbers(rows.given).astype(np.float64)
    with np.errstate(invalid="ignore"):
        lost = np.nanmax(np.abs(values - rows.cast), axis=0)
    spread = np.maximum(np.nanstd(values, axis=0), np.finfo(np.float64).tiny)
    worst = np.argsort(-lost / spread, kind="stable")[:N_SUSPECTS]
    return [int(i) for i in worst if lost[i] > 0]


def _n_changed_by(column: int, estimator: Any, rows: Rows, expected: Outputs) -> int:
    """Return how many rows have other outputs if this one column is rounded to float32."""
    given = rows.given.copy()
    rounded = rows.cast[:, column].astype(np.float64)
    if hasattr(given, "iloc"):
        given.isetitem(column, rounded)
    else:
        given[:, column] = rounded
    try:
        return int(np.sum(_changed(expected, expected_outputs(estimator, given))))
    except FAILURES:  # a category that is no longer known
        return 0
