"""From fitted estimators to ONNX files that prove themselves before they are written."""

from vaefeat.export.estimator import export_onnx

__all__ = ["export_onnx"]
