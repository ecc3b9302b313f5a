"""Ready-made Pipelines: an encoder in front of what learns from features, with settings for the data."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from vaefeat import AutoencoderTransformer, GaussianNoise, M2Classifier, VAEEncoderTransformer
from vaefeat.recipes import image_encoder

SILENT_VARIANCE = 0.01  # of a latent's mean over the data: at or below it the code of M1+M2 drops it


def make_image_pipeline(
    image_shape, n_components=50, *, classifier=None, random_state=None, **vae_params
) -> Pipeline:
    """Return a Pipeline for flattened grey images: pixels to [0, 1], the image recipe, classifier.

    Parameters
    ----------
    image_shape : tuple of two int
        Rows and columns.
    n_components : int, default=50
    classifier : classifier, optional
        By default LogisticRegression.
    random_state : int, RandomState instance or None, default=None
    **vae_params
        As for :func:`vaefeat.recipes.image_encoder`; above all ``corruption``, an ImageWarp of what
        makes no difference to you.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipelines.ready import make_image_pipeline
    >>> X, y = load_digits(return_X_y=True)
    >>> make_image_pipeline((8, 8), random_state=0, max_iter=1).fit(X, y).predict(X[:2]).shape
    (2,)
    """
    vae = image_encoder(image_shape, n_components, random_state=random_state, **vae_params)
    return _behind(MinMaxScaler(clip=True), vae, classifier)


def make_table_pipeline(n_components=10, *, classifier=None, random_state=None, **vae_params) -> Pipeline:
    """Return a Pipeline for numeric tables: standardised features, Gaussian VAE, classifier.

    Parameters
    ----------
    n_components : int, default=10
    classifier : classifier, optional
        By default LogisticRegression.
    random_state : int, RandomState instance or None, default=None
    **vae_params
        Further parameters of :class:`vaefeat.VAEEncoderTransformer`.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from pipelines.ready import make_table_pipeline
    >>> X, y = load_wine(return_X_y=True)
    >>> make_table_pipeline(random_state=0, max_iter=1).fit(X, y).predict(X[:2]).shape
    (2,)
    """
    vae = VAEEncoderTransformer(n_components, likelihood="gaussian", random_state=random_state)
    return _behind(StandardScaler(), vae.set_params(**vae_params), classifier)


def make_m1_m2_pipeline(encoder, *, noise=0.3, random_state=None, **m2_params) -> Pipeline:
    """Return M1+M2: an encoder trained without labels, and M2 on its latent means.

    Between them latents that fell silent are dropped, and the others scaled, as in the code of the paper.
    That code also draws each sample's latents anew from q(z1|x) each time it is seen; here M2 sees them
    with noise, and owes the means. The noise imitates the q(z1|x) of a VAE as in the paper, whose
    standard deviation is about a quarter of that of the means; that of an encoder with a contrastive term
    is larger than that of its means, and drawing from it harms.

    Parameters
    ----------
    encoder : transformer
        M1: a VAEEncoderTransformer, a Pipeline that ends in one, or an OnnxEncoderTransformer.
    noise : float, default=0.3
        In units of the latents' standard deviation; 0 for the means alone.
    random_state : int, RandomState instance or None, default=None
        Of M2.
    **m2_params
        Further parameters of :class:`vaefeat.M2Classifier`.

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models", and its code.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipelines.ready import make_m1_m2_pipeline
    >>> from vaefeat import OnnxEncoderTransformer, mask_labels
    >>> X, y = load_digits(return_X_y=True)
    >>> encoder = OnnxEncoderTransformer("exported/digits-image-vae/model.onnx")
    >>> pipe = make_m1_m2_pipeline(encoder, random_state=0, max_iter=40)
    >>> pipe.fit(X / 16, mask_labels(y, 50, random_state=0)).score(X / 16, y) > 0.9
    True
    """
    m2 = M2Classifier(
        20,
        likelihood="gaussian",
        corruption=GaussianNoise(noise),
        batch_size=200,
        learning_rate="cosine",
        learning_rate_init=3e-3,
        max_iter=20,
        random_state=random_state,
    )
    return make_pipeline(
        encoder, VarianceThreshold(SILENT_VARIANCE), StandardScaler(), m2.set_params(**m2_params)
    )


def make_neighbors_pipeline(n_components=8, *, n_neighbors=5, random_state=None, **params) -> Pipeline:
    """Return AEkNN: nearest neighbours in the code of an autoencoder, where distances mean more.

    Parameters
    ----------
    n_components : int, default=8
    n_neighbors : int, default=5
    random_state : int, RandomState instance or None, default=None
    **params
        Further parameters of :class:`vaefeat.AutoencoderTransformer`.

    References
    ----------
    Pulgar et al. (2019), "AEkNN: An AutoEncoder kNN-Based Classifier With Built-in Dimensionality
    Reduction".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipelines.ready import make_neighbors_pipeline
    >>> X, y = load_digits(return_X_y=True)
    >>> make_neighbors_pipeline(random_state=0, max_iter=5).fit(X[:1000], y[:1000]).score(X, y) > 0.8
    True
    """
    return _behind(
        StandardScaler(), _autoencoder(n_components, random_state, params), KNeighborsClassifier(n_neighbors)
    )


def make_clustering_pipeline(n_components=8, *, n_clusters=8, random_state=None, **params) -> Pipeline:
    """Return k-means on the code of an autoencoder.

    Parameters
    ----------
    n_components : int, default=8
    n_clusters : int, default=8
    random_state : int, RandomState instance or None, default=None
    **params
        Further parameters of :class:`vaefeat.AutoencoderTransformer`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipelines.ready import make_clustering_pipeline
    >>> pipe = make_clustering_pipeline(n_clusters=10, random_state=0, max_iter=2)
    >>> pipe.fit_predict(load_digits().data).shape
    (1797,)
    """
    k_means = KMeans(n_clusters, random_state=random_state)
    return _behind(StandardScaler(), _autoencoder(n_components, random_state, params), k_means)


def make_hashing_pipeline(n_bits=32, *, random_state=None, **params) -> Pipeline:
    """Return semantic hashing: samples to bits that are alike for samples that are alike.

    Noise on the code before its sigmoid drives it to 0 and 1 in training. The bits come packed, eight to
    a byte, as ``numpy.packbits`` and binary indexes have them; their Hamming distance is
    ``np.bitwise_count(a ^ b).sum()``.

    Parameters
    ----------
    n_bits : int, default=32
    random_state : int, RandomState instance or None, default=None
    **params
        Further parameters of :class:`vaefeat.AutoencoderTransformer`. ``loss`` is "log_loss", for
        features in [0, 1].

    References
    ----------
    Salakhutdinov & Hinton (2009), "Semantic hashing".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipelines.ready import make_hashing_pipeline
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
    return make_pipeline(
        _autoencoder(n_bits, random_state, settings | params), FunctionTransformer(pack_bits)
    )


def pack_bits(code: np.ndarray) -> np.ndarray:
    """Return which values are above 0.5, (n_samples, n_bits), as bytes, (n_samples, ceil(n_bits / 8))."""
    return np.packbits(np.asarray(code) > 0.5, axis=1)


def _autoencoder(n_components, random_state, params) -> AutoencoderTransformer:
    return AutoencoderTransformer(n_components, random_state=random_state).set_params(**params)


def _behind(scaler, encoder, last_step) -> Pipeline:
    return make_pipeline(scaler, encoder, last_step or LogisticRegression(max_iter=5_000))
