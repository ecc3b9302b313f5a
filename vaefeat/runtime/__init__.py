"""Run exported models with NumPy and ONNX Runtime alone."""

from vaefeat.runtime.model import OnnxModel

__all__ = ["OnnxModel"]
