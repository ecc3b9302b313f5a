"""The first steps of a Pipeline for people's own rows: columns of any kind, and pixels of any range."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from vaefeat.data.frames import frame_columns, is_frame
from vaefeat.data.plan import ColumnPlan, make_plan


class ColumnEncoder(TransformerMixin, BaseEstimator):
    """Encode the columns of a frame as a float32 matrix, by a column plan.

    In an exported file this step is the plan in the card, which whoever reads the rows applies.

    Parameters
    ----------
    plan : ColumnPlan, optional
        By default :func:`vaefeat.data.plan.make_plan` makes one of the frame that ``fit`` gets.

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


class PixelScaler(MinMaxScaler):
    """Scale pixels to [0, 1] by one range for all of them, from 0 or the lowest value to the highest.

    A range for each pixel, as :class:`~sklearn.preprocessing.MinMaxScaler` has it, would turn the faint noise
    of border pixels into strong noise.

    Examples
    --------
    >>> from vaefeat.fitting import PixelScaler
    >>> PixelScaler().fit_transform([[0, 4], [8, 16]]).tolist()
    [[0.0, 0.25], [0.5, 1.0]]
    """

    def __init__(self) -> None:
        super().__init__(clip=True)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the range of all pixels."""
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        low, high = min(0.0, float(X.min())), float(X.max())
        return super().fit(np.repeat(np.array([[low], [high]], X.dtype), X.shape[1], axis=1))

    @staticmethod
    def onnx_shape_calculator() -> Any:
        """Return what tells skl2onnx the shape of the output."""
        from skl2onnx.shape_calculators.scaler import calculate_sklearn_scaler_output_shapes

        return calculate_sklearn_scaler_output_shapes

    @staticmethod
    def onnx_converter() -> Any:
        """Return what converts the step to ONNX, as any MinMaxScaler."""
        from skl2onnx.operator_converters.scaler_op import convert_sklearn_min_max_scaler

        return convert_sklearn_min_max_scaler
