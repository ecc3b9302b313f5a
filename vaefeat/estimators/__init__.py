"""Estimators in scikit-learn's vocabulary: translation, not computation."""

from vaefeat.estimators._supervised import SupervisedEncoderTransformer
from vaefeat.estimators._vae import VAEEncoderTransformer

__all__ = ["SupervisedEncoderTransformer", "VAEEncoderTransformer"]
