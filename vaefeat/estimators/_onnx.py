"""An encoder that was trained elsewhere, as a step of a Pipeline here."""

import os
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from vaefeat.estimators._base import OnnxTransformer, all_or_nothing
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.model import read_model


class OnnxEncoderTransformer(OnnxTransformer):
    """Features from an ONNX file: someone else's encoder in front of your classifier.

    ``fit`` loads the file, checks it, and learns nothing from the data. The fitted estimator holds the
    model itself, so it can be pickled and runs where there is no such file. TensorFlow is never needed.

    Parameters
    ----------
    model : path or bytes
        A file that :func:`vaefeat.export_onnx` wrote, or any other with one float32 input of shape
        (N, n_features) that :class:`vaefeat.OnnxModel` accepts.
    output : str, default="z_mean"
        The output of the model to use as features: a float32 matrix.
    providers : sequence of str, default=("CPUExecutionProvider",)
        ONNX Runtime's execution providers, in order of preference.
    n_threads : int, default=0
        Threads of one run; 0 means one for each physical core.

    Attributes
    ----------
    encoder_ : OnnxModel
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only if ``X`` has feature names that are all strings.

    Raises
    ------
    InvalidModelError
        By ``fit``, if the file is refused.
    ValueError
        By ``fit``, if the model has no such output, or ``X`` has a different number of features.

    See Also
    --------
    VAEEncoderTransformer : Trains such an encoder.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from vaefeat import OnnxEncoderTransformer
    >>> X, y = load_digits(return_X_y=True)
    >>> encoder = OnnxEncoderTransformer("exported/digits-vae/model.onnx")
    >>> pipe = make_pipeline(encoder, LogisticRegression()).fit(X / 16, y)
    >>> pipe[:-1].transform(X / 16).shape
    (1797, 10)
    """

    _parameter_constraints: dict = {
        "model": [str, os.PathLike, bytes],
        "output": [str],
        "providers": ["array-like"],
        "n_threads": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes,
        *,
        output: str = "z_mean",
        providers: Sequence[str] = ("CPUExecutionProvider",),
        n_threads: int = 0,
    ) -> None:
        self.model = model
        self.output = output
        self.providers = providers
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Load the model, and check that it takes rows such as those of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : object
        """
        with all_or_nothing(self):
            X = self._validated(X, reset=True, min_samples=1)
            model = self.model if isinstance(self.model, bytes) else read_model(self.model)
            self.encoder_ = OnnxModel(model, providers=self.providers, n_threads=self.n_threads)
            names = self.encoder_.feature_names
            if names is not None and list(getattr(self, "feature_names_in_", names)) != list(names):
                raise ValueError(
                    f"X has the columns {list(self.feature_names_in_)[:5]}, but the model takes "
                    f"{list(names)[:5]}, in this order."
                )
            if self.n_features_in_ != self.encoder_.n_features:
                raise ValueError(
                    f"X has {self.n_features_in_} features, but the model takes {self.encoder_.n_features}."
                )
            features = self.encoder_.run(X[:1], [self.output])[self.output]
            if features.ndim != 2 or features.dtype != np.float32:
                raise ValueError(f"Output {self.output!r} of the model is not a float32 matrix.")
        return self

    @property
    def feature_name(self) -> str:
        """The output of the encoder that is the features."""
        return self.output
