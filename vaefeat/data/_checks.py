"""What is refused of samples once they are read."""

from collections.abc import Collection

import numpy as np

from vaefeat.data._table import short
from vaefeat.data.plan import ColumnPlan
from vaefeat.exceptions import DatasetCorruptError


def check_has_no_columns(name: str, wanted: Collection[str]) -> None:
    """Refuse options for columns where there are no columns."""
    for column in wanted:
        raise ValueError(f"{short(name)} has no column {short(repr(column))}: it holds images or an array.")


def check_is_finite(name: str, X: np.ndarray, plan: ColumnPlan | None) -> None:
    """Refuse values that float32 cannot hold."""
    for row, i in np.argwhere(np.isinf(X))[:1]:
        column = repr(plan.feature_names[i]) if plan else str(i + 1)
        raise DatasetCorruptError(
            f"{short(name)}, row {row + 1}, column {short(column)}: got {X[row, i]}, expected a finite "
            "float32 number."
        )
