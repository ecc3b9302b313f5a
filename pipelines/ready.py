"""Ready-made Pipelines: a VAE in front of a classifier, with settings that suit the kind of data."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from vaefeat import VAEEncoderTransformer
from vaefeat.recipes import image_encoder


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


def _behind(scaler, vae, classifier) -> Pipeline:
    return make_pipeline(scaler, vae, classifier or LogisticRegression(max_iter=5_000))
