"""Run exported models with only NumPy and ONNX Runtime."""

from vaefeat.runtime.arrow import ArrowEncoder
from vaefeat.runtime.encoding import encode
from vaefeat.runtime.many_files import encode_files
from vaefeat.runtime.model import OnnxModel
from vaefeat.runtime.verification import verify

__all__ = ["ArrowEncoder", "OnnxModel", "encode", "encode_files", "verify"]
