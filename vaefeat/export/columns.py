"""A Pipeline that begins with a column plan: the plan goes into the card, the other steps into the graph."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from vaefeat.data.plan import ColumnPlan
from vaefeat.protocols import ColumnStep


class Split(NamedTuple):
    """What remains of an estimator, the plan of its first step if it has one, and the features of rows."""

    estimator: Any
    plan: ColumnPlan | None
    X: Any


def split_columns(estimator: Any, X: Any) -> Split:
    """Return an estimator without its column plan.

    The features get one more row, whose numbers are all missing, if the estimator accepts that, so that the
    file is proven for such rows, too.
    """
    if not isinstance(estimator, Pipeline) or not isinstance(estimator.steps[0][1], ColumnStep):
        return Split(estimator, None, X)
    plan, rest = estimator.steps[0][1].column_plan(), estimator[1:]
    if X is None:
        return Split(rest, plan, None)
    features = np.asarray(estimator.steps[0][1].transform(X))
    gaps = _gaps(features[:1], plan)
    return Split(rest, plan, np.concatenate([features, gaps]) if _accepts(rest, gaps) else features)


def _gaps(row: np.ndarray, plan: ColumnPlan) -> np.ndarray:
    kinds = [column.kind for column in plan.columns for _ in column.feature_names()]
    return np.where(np.array(kinds) == "category", row, np.float32(np.nan))


def _accepts(estimator: Pipeline, rows: np.ndarray) -> bool:
    try:
        (estimator.predict if hasattr(estimator, "predict") else estimator.transform)(rows)
    except ValueError:  # what scikit-learn raises for NaN
        return False
    return True
