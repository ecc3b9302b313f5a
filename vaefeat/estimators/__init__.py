"""Estimators in scikit-learn's vocabulary: translation, not computation."""

from vaefeat.estimators._m2 import M2Classifier
from vaefeat.estimators._onnx import OnnxEncoderTransformer
from vaefeat.estimators._supervised import SupervisedEncoderTransformer
from vaefeat.estimators._vae import VAEEncoderTransformer

__all__ = ["M2Classifier", "OnnxEncoderTransformer", "SupervisedEncoderTransformer", "VAEEncoderTransformer"]
