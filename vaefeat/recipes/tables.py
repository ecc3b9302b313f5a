"""A Pipeline for numeric tables."""

from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from vaefeat.estimators import VAEEncoderTransformer


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
