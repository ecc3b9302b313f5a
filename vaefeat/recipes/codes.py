"""Pipelines that search, classify and cluster in the code of an autoencoder."""

from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from vaefeat.estimators import AutoencoderTransformer


def make_neighbors_pipeline(
    n_components: int = 8, *, n_neighbors: int = 5, random_state: Any = None, **params: Any
) -> Pipeline:
    """Return AEkNN: nearest neighbors in the code of an autoencoder.

    Parameters
    ----------
    n_components : int, default=8
        Number of units of the code.
    n_neighbors : int, default=5
    random_state : int, RandomState instance or None, default=None
        Of the autoencoder.
    **params
        Further parameters of :class:`vaefeat.AutoencoderTransformer`.

    Returns
    -------
    Pipeline
        Unfitted: StandardScaler, AutoencoderTransformer, KNeighborsClassifier.

    References
    ----------
    Pulgar et al. (2019), "AEkNN: An AutoEncoder kNN-Based Classifier With Built-in Dimensionality
    Reduction".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat.recipes import make_neighbors_pipeline
    >>> X, y = load_digits(return_X_y=True)
    >>> make_neighbors_pipeline(random_state=0, max_iter=5).fit(X[:1000], y[:1000]).score(X, y) > 0.8
    True
    """
    autoencoder = _autoencoder(n_components, random_state, params)
    return make_pipeline(StandardScaler(), autoencoder, KNeighborsClassifier(n_neighbors))


def make_clustering_pipeline(
    n_components: int = 8, *, n_clusters: int = 8, random_state: Any = None, **params: Any
) -> Pipeline:
    """Return k-means on the code of an autoencoder.

    Parameters
    ----------
    n_components : int, default=8
        Number of units of the code.
    n_clusters : int, default=8
    random_state : int, RandomState instance or None, default=None
        Of the autoencoder and of k-means.
    **params
        Further parameters of :class:`vaefeat.AutoencoderTransformer`.

    Returns
    -------
    Pipeline
        Unfitted: StandardScaler, AutoencoderTransformer, KMeans.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat.recipes import make_clustering_pipeline
    >>> pipe = make_clustering_pipeline(n_clusters=10, random_state=0, max_iter=2)
    >>> pipe.fit_predict(load_digits().data).shape
    (1797,)
    """
    autoencoder = _autoencoder(n_components, random_state, params)
    return make_pipeline(StandardScaler(), autoencoder, KMeans(n_clusters, random_state=random_state))


def make_hashing_pipeline(n_bits: int = 32, *, random_state: Any = None, **params: Any) -> Pipeline:
    """Return semantic hashing: similar samples get similar bits.

    During training, noise on the code in front of its sigmoid drives it toward 0 and 1. The bits are
    packed, eight per byte, as by ``numpy.packbits`` and as binary indexes expect them; their Hamming
    distance is ``np.bitwise_count(a ^ b).sum()``.

    Parameters
    ----------
    n_bits : int, default=32
    random_state : int, RandomState instance or None, default=None
        Of the autoencoder.
    **params
        Further parameters of :class:`vaefeat.AutoencoderTransformer`. ``loss`` is "log_loss", for
        features in [0, 1].

    Returns
    -------
    Pipeline
        Unfitted; ``transform`` returns uint8, (n_samples, ceil(n_bits / 8)).

    References
    ----------
    Salakhutdinov & Hinton (2009), "Semantic hashing".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat.recipes import make_hashing_pipeline
    >>> X = load_digits().data / 16
    >>> bits = make_hashing_pipeline(random_state=0, max_iter=2).fit_transform(X)
    >>> bits.shape, bits.dtype
    ((1797, 4), dtype('uint8'))
    """
    settings = {
        "code_activation": "sigmoid",
        "code_noise": 4.0,
        "loss": "log_loss",
        "learning_rate": "cosine",
    }
    autoencoder = _autoencoder(n_bits, random_state, settings | params)
    return make_pipeline(autoencoder, FunctionTransformer(pack_bits))


def pack_bits(code: np.ndarray) -> np.ndarray:
    """Return whether the values of a code exceed 0.5, packed into bytes.

    Parameters
    ----------
    code : array of shape (n_samples, n_bits)

    Returns
    -------
    array of uint8, shape (n_samples, ceil(n_bits / 8))
    """
    return np.packbits(np.asarray(code) > 0.5, axis=1)


def _autoencoder(n_components: int, random_state: Any, params: dict[str, Any]) -> AutoencoderTransformer:
    return AutoencoderTransformer(n_components, random_state=random_state).set_params(**params)
