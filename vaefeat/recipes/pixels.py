"""Pixels of any range, scaled to [0, 1]."""

from typing import Any, Self

import numpy as np
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.validation import validate_data

from vaefeat.values.images import check_is_flat


class PixelScaler(MinMaxScaler):
    """Scale pixels to [0, 1] by one range for all of them, from 0 or the lowest value to the highest.

    A range for each pixel, as :class:`~sklearn.preprocessing.MinMaxScaler` has it, would turn the faint noise
    of border pixels into strong noise.

    Examples
    --------
    >>> from vaefeat.recipes import PixelScaler
    >>> PixelScaler().fit_transform([[0, 4], [8, 16]]).tolist()
    [[0.0, 0.25], [0.5, 1.0]]
    """

    def __init__(self) -> None:
        super().__init__(clip=True)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the range of all pixels."""
        check_is_flat(X)
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
