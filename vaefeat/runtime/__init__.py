"""Run exported models with only NumPy and ONNX Runtime."""

from vaefeat.runtime.encoding import encode
from vaefeat.runtime.model import OnnxModel
from vaefeat.runtime.verification import verify

__all__ = ["OnnxModel", "encode", "verify"]
