"""A Pipeline and an encoder for numeric tables."""

from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from vaefeat.estimators import VAEEncoderTransformer
from vaefeat.values.likelihoods import Gaussian

NOISE_VARIANCE = 0.1  # of standardized features: fixed, it keeps more units active than a learned one


def make_table_pipeline(
    n_components: int = 10, *, classifier: Any = None, random_state: Any = None, **vae_params: Any
) -> Pipeline:
    """Return a Pipeline for numeric tables: standardized features, Gaussian VAE, classifier.

    Parameters
    ----------
    n_components : int, default=10
        Number of latent units.
    classifier : classifier, optional
        By default LogisticRegression.
    random_state : int, RandomState instance or None, default=None
        Of the VAE.
    **vae_params
        Further parameters of :class:`vaefeat.VAEEncoderTransformer`.

    Returns
    -------
    Pipeline
        Unfitted.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from vaefeat.recipes import make_table_pipeline
    >>> X, y = load_wine(return_X_y=True)
    >>> make_table_pipeline(random_state=0, max_iter=1).fit(X, y).predict(X[:2]).shape
    (2,)
    """
    vae = VAEEncoderTransformer(n_components, likelihood="gaussian", random_state=random_state)
    vae.set_params(**vae_params)
    if classifier is None:
        classifier = LogisticRegression(max_iter=5_000)
    return make_pipeline(StandardScaler(), vae, classifier)


def table_encoder(
    n_components: int = 50, *, random_state: Any = None, **vae_params: Any
) -> VAEEncoderTransformer:
    """Return a VAE for standardized tables whose last hidden layer serves few labels.

    Parameters
    ----------
    n_components : int, default=50
        Number of latent units.
    random_state : int, RandomState instance or None, default=None
    **vae_params
        Further parameters of :class:`vaefeat.VAEEncoderTransformer`.

    Returns
    -------
    VAEEncoderTransformer
        Unfitted; returns the last hidden layer, of 256 units, unless ``output`` says otherwise.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from vaefeat.recipes import table_encoder
    >>> X = load_wine().data
    >>> table_encoder(max_iter=1, random_state=0).fit_transform((X - X.mean(0)) / X.std(0)).shape
    (178, 256)
    """
    vae = VAEEncoderTransformer(
        n_components,
        hidden_layer_sizes=(256,),
        likelihood=Gaussian(NOISE_VARIANCE),
        output="hidden",
        random_state=random_state,
    )
    return vae.set_params(**vae_params)
