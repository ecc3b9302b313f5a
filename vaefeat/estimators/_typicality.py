"""How typical samples are: the scores of AutoencoderOutlierDetector unless it is given an estimator."""

import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state

from vaefeat.estimators._autoencoder import AutoencoderTransformer
from vaefeat.protocols import ScoredModel
from vaefeat.runtime import OnnxModel
from vaefeat.values.corruptions import GaussianNoise
from vaefeat.values.neighbors import Neighbors, Scale

MAX_REFERENCES = 10_000  # training samples among which neighbors are found, and which the file holds,
MAX_VALUES = 2**21  # but no more than 8 MB of them
N_NEIGHBORS = 5
CODE = 32
NOISE = 0.5  # standard deviations


class Typicality(ScoredModel, BaseEstimator):
    """The mean of three scores, each with mean 0 and variance 1 over the training samples.

    Of the logarithms of the distances to the nearest training samples, in all features and in the code of a
    denoising autoencoder, and of the error of its reconstruction.

    Parameters
    ----------
    autoencoder : AutoencoderTransformer or None, default=None
        Sees standardized features. None is a denoising autoencoder with one hidden layer and a code of 32
        units.
    random_state : int, RandomState instance or None, default=0
        Draws the training samples that are kept, if there are more than 10 000 or they take more than 8 MB.

    Attributes
    ----------
    autoencoder_ : AutoencoderTransformer
    scores_ : OnnxModel
        From ``X`` (n_samples, n_features) to ``score`` (n_samples,).
    """

    scores_: OnnxModel

    def __init__(self, autoencoder: AutoencoderTransformer | None = None, *, random_state: Any = 0) -> None:
        self.autoencoder = autoencoder
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Train the autoencoder, and keep the neighbors and the scale of each score.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : object
        """
        from vaefeat.export.scores import typicality

        center, scale = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
        scale = np.where(scale > 0, scale, 1.0)
        Z = ((X - center) / scale).astype(np.float32)
        self.autoencoder_ = _default() if self.autoencoder is None else clone(self.autoencoder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # scores need not converge
            self.autoencoder_.fit(Z)
        n_kept = max(2, min(MAX_REFERENCES, MAX_VALUES // Z.shape[1]))
        kept = check_random_state(self.random_state).permutation(len(Z))[:n_kept]
        graph = typicality(
            self.autoencoder_,
            center=center,
            scale=scale,
            error_scale=Scale.of(-self.autoencoder_.score_samples(Z).astype(np.float64)),
            neighbors=[_neighbors(rows[kept]) for rows in (Z, self.autoencoder_.encode(Z))],
        )
        self.scores_ = OnnxModel(graph.SerializeToString(deterministic=True))
        return self

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Return the score of each sample: the lower, the less typical.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,), float32
            -inf where float32 cannot hold it.
        """
        return self.scores_.run(X)["score"]

    def onnx_score_graph(self) -> Any:
        """Return what ``score_samples`` computes as an ``onnx.ModelProto``."""
        from vaefeat.export.composition import one_output

        return one_output(self.scores_, "score")


def _neighbors(rows: np.ndarray) -> Neighbors:
    index = NearestNeighbors(n_neighbors=min(N_NEIGHBORS, len(rows) - 1)).fit(rows)
    return Neighbors.of(rows, index.kneighbors()[0])


def _default() -> AutoencoderTransformer:
    return AutoencoderTransformer(
        CODE,
        hidden_layer_sizes=(256,),
        corruption=GaussianNoise(NOISE),
        learning_rate="cosine",
        n_steps=2_000,
        random_state=0,
    )
