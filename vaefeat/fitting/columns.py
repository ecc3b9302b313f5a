"""The first step of a Pipeline for users' own tables."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from vaefeat.data.frames import frame_columns, is_frame
from vaefeat.data.plan import ColumnPlan, make_plan


class ColumnEncoder(TransformerMixin, BaseEstimator):
    """Encode the columns of a frame as a float32 matrix, by a column plan.

    In an exported file this step is the plan in the card, which whoever reads the rows applies.

    Parameters
    ----------
    plan : ColumnPlan, optional
        By default :func:`vaefeat.data.plan.make_plan` makes one from the frame that ``fit`` gets.

    Attributes
    ----------
    plan_ : ColumnPlan

    Examples
    --------
    >>> import pandas as pd
    >>> from vaefeat.fitting import ColumnEncoder
    >>> frame = pd.DataFrame({"home": ["rent", "own", "rent", "own"], "age": [30, 40, 50, 60]})
    >>> ColumnEncoder().fit_transform(frame).tolist()[:2]
    [[0.0, 1.0, 30.0], [1.0, 0.0, 40.0]]
    """

    def __init__(self, plan: ColumnPlan | None = None) -> None:
        self.plan = plan

    def fit(self, X: Any, y: Any = None) -> Self:
        """Plan how the columns become features, unless a plan is given."""
        self.plan_ = self.plan or make_plan(frame_columns(X))[0]
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the features of a frame; a matrix of features already is returned as it is."""
        check_is_fitted(self)
        return self.plan_.encode(frame_columns(X)) if is_frame(X) else np.asarray(X, np.float32)

    def column_plan(self) -> ColumnPlan:
        """Return the plan."""
        check_is_fitted(self)
        return self.plan_

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features."""
        check_is_fitted(self)
        return np.array(self.plan_.feature_names, object)
