"""Estimators in scikit-learn's vocabulary: translation, not computation."""

from vaefeat.estimators._autoencoder import AutoencoderTransformer
from vaefeat.estimators._graph import GraphClassifier
from vaefeat.estimators._imputer import AutoencoderImputer
from vaefeat.estimators._m2 import M2Classifier
from vaefeat.estimators._onnx import OnnxEncoderTransformer
from vaefeat.estimators._outliers import AutoencoderOutlierDetector
from vaefeat.estimators._supervised import SupervisedEncoderTransformer
from vaefeat.estimators._vae import VAEEncoderTransformer

__all__ = [
    "AutoencoderImputer",
    "AutoencoderOutlierDetector",
    "AutoencoderTransformer",
    "GraphClassifier",
    "M2Classifier",
    "OnnxEncoderTransformer",
    "SupervisedEncoderTransformer",
    "VAEEncoderTransformer",
]
