"""Outlier detection: samples that a model of the others cannot explain."""

from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, OutlierMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from vaefeat.estimators._base import all_or_nothing
from vaefeat.estimators._typicality import Typicality

FENCE = 1.5  # interquartile ranges below the lower quartile: Tukey's rule for a point that lies outside


class AutoencoderOutlierDetector(OutlierMixin, MetaEstimatorMixin, BaseEstimator):
    r"""Outliers by how far they are from all other samples, and by a network that reconstructs them poorly.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Trained on the samples, without labels, and asked for ``score_samples``: an AutoencoderTransformer
        (negative error of the reconstruction), a VAEEncoderTransformer (evidence lower bound), a Pipeline
        that ends in one, or any other density such as sklearn.mixture.GaussianMixture. It sees an array
        without NaN: put StandardScaler(), imputers, and steps that choose columns by name before the
        detector. None, for tables, combines three scores of the standardized features: the distances to the
        five nearest training samples, the same in the code of a denoising autoencoder, and the error of its
        reconstruction.
    contamination : "auto" or float, default="auto"
        Share of outliers among the training samples, in (0, 0.5]. "auto" declares samples outliers whose
        scores lie more than 1.5 interquartile ranges below the lower quartile of the training scores.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    offset_ : float
        The score below which a sample is an outlier.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only if ``X`` has feature names that are all strings.

    See Also
    --------
    sklearn.ensemble.IsolationForest : Outliers by how soon random cuts isolate them.
    sklearn.neighbors.LocalOutlierFactor : Outliers by the density of their neighborhood.

    Notes
    -----
    By default the logarithms of distances and errors, v, are scaled to mean 0 and variance 1 over the
    training samples, and averaged: :math:`\log(v + 0.3 \operatorname{median}(v))`, in which a distance of 0
    to a duplicate is no infinity. Neighbors are sought among the training samples, or at most 10 000 of them
    or 8 MB, drawn at random, which the exported file holds.

    Outliers among the training samples are learned too; an autoencoder with a narrow code, or a VAE, learns
    them last. Scores are deterministic. With vaefeat's estimators the detector can be exported to ONNX; the
    file has the outputs ``label`` and ``scores``, its ``decision_function``.

    References
    ----------
    Hawkins et al. (2002), "Outlier Detection Using Replicator Neural Networks".
    Ramaswamy, Rastogi & Shim (2000), "Efficient Algorithms for Mining Outliers from Large Data Sets", for
    distances to neighbors.
    Tukey (1977), "Exploratory Data Analysis", section 2D, for "auto".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import AutoencoderOutlierDetector, AutoencoderTransformer
    >>> X, y = load_digits(return_X_y=True)
    >>> autoencoder = AutoencoderTransformer(8, hidden_layer_sizes=(32,), max_iter=10, random_state=0)
    >>> detector = AutoencoderOutlierDetector(autoencoder).fit(X[y != 8] / 16)
    >>> eights, others = (detector.decision_function(X[rows] / 16) for rows in (y == 8, y != 8))
    >>> bool(eights.mean() < others.mean())
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "score_samples"]), None],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
    }

    def __init__(
        self, estimator: BaseEstimator | None = None, *, contamination: float | str = "auto"
    ) -> None:
        self.estimator = estimator
        self.contamination = contamination

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Train the estimator on ``X``, and set the score below which a sample is an outlier.

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
            X = self._validated(X, reset=True)
            self.estimator_ = (Typicality() if self.estimator is None else clone(self.estimator)).fit(X)
            self.offset_ = _offset(self._scores(X), self.contamination)
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the estimator's score of each sample: the lower, the less like the training samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            -inf where float32 cannot hold it.
        """
        check_is_fitted(self)
        return self._scores(self._validated(X, reset=False))

    def decision_function(self, X: Any) -> np.ndarray:
        """Return ``score_samples(X) - offset_``: negative for outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples,), float64
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Return -1 for outliers and 1 for others.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def _validated(self, X: Any, *, reset: bool) -> np.ndarray:
        return validate_data(
            self, X, reset=reset, dtype=(np.float64, np.float32), ensure_min_samples=2 if reset else 1
        )

    def _scores(self, X: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):  # the score of a distant sample may be -inf
            return self.estimator_.score_samples(X).astype(np.float64)

    def onnx_shape_calculator(self) -> Any:
        """Return the shape calculator by which skl2onnx converts the estimator, within a Pipeline too."""
        from vaefeat.export.hooks import detector_shapes

        return detector_shapes

    def onnx_converter(self) -> Any:
        """Return the converter by which skl2onnx converts the estimator, within a Pipeline too."""
        from vaefeat.export.hooks import convert_detector

        return convert_detector

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")


def _offset(scores: np.ndarray, contamination: float | str) -> float:
    if not np.isfinite(scores).all():
        n_lost = np.count_nonzero(~np.isfinite(scores))
        raise ValueError(
            f"float32 cannot hold the scores of {n_lost} of {len(scores)} training samples: "
            "put StandardScaler() or RobustScaler() before this step, or leave these samples out."
        )
    if contamination != "auto":
        return float(np.percentile(scores, 100 * float(contamination)))
    lower, upper = np.percentile(scores, [25, 75])
    return float(lower - FENCE * (upper - lower))
