"""Imputation of missing values by a model of the data."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, _fit_context, clone
from sklearn.impute import MissingIndicator
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from vaefeat.estimators._base import OnnxGraphMixin, all_or_nothing
from vaefeat.estimators._gaps import GapNetwork


class AutoencoderImputer(OnnxGraphMixin, TransformerMixin, MetaEstimatorMixin, BaseEstimator):
    r"""Imputation of missing values by a denoising autoencoder, or by any autoencoder or VAE.

    By default, for tables, missing values are replaced by their conditional means under a normal distribution
    of the rows, plus what a network adds to them that was trained on gaps of its own making. The network is
    left out if it does no better on rows that are held out, so that the imputation is at least as good as the
    best linear one.

    With an estimator, ``fit`` trains it on rows with missing values, which the loss leaves out. ``transform``
    starts from the mean of each feature, encodes and decodes the row, replaces the missing values by the
    decoded ones, and repeats this ``n_iter`` times. Observed values stay as they are.

    Parameters
    ----------
    estimator : AutoencoderTransformer, VAEEncoderTransformer or None, default=None
        None is the default above, which standardizes the features itself. A denoising autoencoder such as
        ``AutoencoderTransformer(corruption=MaskingNoise(0.2))`` suits images; its features should have mean
        0, the value of masked features, and be on the same scale: put StandardScaler(), which passes missing
        values on, before this step.
    n_iter : int, default=1
        Number of times that an estimator encodes and decodes a row; the default has no use for it. Once is
        enough where the estimator has learned to fill gaps, and more does harm: it was not trained on its
        own values. An estimator that was trained without a corruption converges in about 5 steps.
    add_indicator : bool, default=False
        Append, for each feature that had missing values in training, whether it is missing, as 1 or 0.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    statistics_ : ndarray of shape (n_features_in_,)
        Mean of each feature's observed values.
    indicator_ : sklearn.impute.MissingIndicator or None
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only if ``X`` has feature names that are all strings.

    See Also
    --------
    sklearn.impute.IterativeImputer : A regression for each feature from the others, in turn.
    sklearn.impute.KNNImputer : The mean of the nearest rows.

    Notes
    -----
    By default the moments of the normal distribution are found by expectation maximization, from at most
    3 000 rows and, where there are more than 500 features, from pairs of observed values alone. The network
    sees the completed row and which values are missing; it is trained on 85 % of the rows, from each of which
    10 to 60 % of the values are hidden. Conditional means are computed by conjugate gradients.

    The iteration of an estimator is that of Rezende et al. with the means of both distributions instead of
    draws, so that the same row gives the same values. Either way the imputer is exported to ONNX; pass rows
    with missing values to :func:`vaefeat.export_onnx`, and the file accepts such rows.

    References
    ----------
    Little & Rubin (2002), "Statistical Analysis with Missing Data", section 11.2.
    Rezende, Mohamed & Wierstra (2014), "Stochastic Backpropagation and Approximate Inference in Deep
    Generative Models", appendix F.
    Vincent et al. (2010), "Stacked Denoising Autoencoders", for masking in training.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import AutoencoderImputer, AutoencoderTransformer
    >>> X = load_digits().data / 16
    >>> X = X - X.mean(axis=0)
    >>> missing = np.random.default_rng(0).uniform(size=X.shape) < 0.3
    >>> incomplete = np.where(missing, np.nan, X)
    >>> autoencoder = AutoencoderTransformer(
    ...     8, hidden_layer_sizes=(64,), learning_rate_init=0.01, max_iter=20, random_state=0
    ... )
    >>> imputed = AutoencoderImputer(autoencoder).fit_transform(incomplete)
    >>> error, error_of_means = (
    ...     np.sqrt(np.mean((values - X)[missing] ** 2))
    ...     for values in (imputed, np.nanmean(incomplete, axis=0))
    ... )
    >>> bool(error < 0.7 * error_of_means)
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "reconstruct"]), None],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "add_indicator": ["boolean"],
    }

    def __init__(
        self, estimator: BaseEstimator | None = None, *, n_iter: int = 1, add_indicator: bool = False
    ) -> None:
        self.estimator = estimator
        self.n_iter = n_iter
        self.add_indicator = add_indicator

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Train the estimator on the observed values of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where a value is missing.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : object
        """
        with all_or_nothing(self):
            X = self._validated(X, reset=True)
            missing = np.isnan(X)
            if empty := np.flatnonzero(missing.all(axis=0)).tolist():
                raise ValueError(f"The features {empty} have no value at all: drop them before this step.")
            self.statistics_ = np.nanmean(X, axis=0)
            self.indicator_ = MissingIndicator(error_on_new=False).fit(X) if self.add_indicator else None
            if self.estimator is None:
                self.estimator_ = GapNetwork().fit(X)
            else:
                start = np.where(missing, self.statistics_, X)
                self.estimator_ = clone(self.estimator).fit(start, observed=~missing)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return ``X`` with its missing values replaced.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where a value is missing.

        Returns
        -------
        imputed : ndarray of shape (n_samples, n_features_out), float32 or float64, as ``X``
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        missing = np.isnan(X)
        imputed = X.copy()
        rows = missing.any(axis=1)
        if rows.any():
            imputed[rows] = np.where(missing[rows], self._guesses(X[rows]), X[rows])
        return imputed if self.indicator_ is None else np.hstack([imputed, self.indicator_.transform(X)])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features, and those of the indicators, ``missingindicator_...``.

        Parameters
        ----------
        input_features : array-like of str, optional

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        if self.indicator_ is None:
            return names
        return np.concatenate([names, self.indicator_.get_feature_names_out(names)])

    def _validated(self, X: Any, *, reset: bool) -> np.ndarray:
        return validate_data(
            self,
            X,
            reset=reset,
            dtype=(np.float64, np.float32),
            ensure_all_finite="allow-nan",
            ensure_min_samples=2 if reset else 1,
        )

    def _guesses(self, X: np.ndarray) -> np.ndarray:
        if isinstance(self.estimator_, GapNetwork):
            return self.estimator_.impute(X)
        missing = np.isnan(X)
        guesses = np.broadcast_to(self.statistics_, X.shape)
        for _ in range(self.n_iter):
            guesses = self.estimator_.reconstruct(np.where(missing, guesses, X).astype(X.dtype))
        return guesses

    @property
    def _n_features_out(self) -> int:
        n_indicators = 0 if self.indicator_ is None else len(self.indicator_.features_)
        return self.n_features_in_ + n_indicators

    def onnx_graph(self) -> Any:
        """Return the ONNX graph that imputes, an ``onnx.ModelProto``."""
        from vaefeat.export.composition import gap_imputation, imputation

        check_is_fitted(self)
        indicator = None if self.indicator_ is None else self.indicator_.features_
        if isinstance(self.estimator_, GapNetwork):
            return gap_imputation(self.estimator_.imputer_, indicator=indicator)
        return imputation(
            self.estimator_.encoder_,
            self.estimator_.decoder_,
            self.estimator_.code_name,
            start=self.statistics_,
            n_iter=self.n_iter,
            indicator=indicator,
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
