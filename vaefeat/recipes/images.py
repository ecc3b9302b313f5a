"""An encoder for images, and a Pipeline that starts with it."""

from collections.abc import Sequence
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from vaefeat.estimators import VAEEncoderTransformer
from vaefeat.values.corruptions import ImageWarp
from vaefeat.values.images import full_shape

FILTERS = (32, 64, 128)
SMALLEST_STROKE_IMAGE = 16  # pixels: in smaller images strokes are one pixel wide, and erosion deletes them


def image_encoder(
    image_shape: Sequence[int],
    n_components: int = 50,
    *,
    corruption: ImageWarp | None = None,
    random_state: Any = None,
    **vae_params: Any,
) -> VAEEncoderTransformer:
    """Return a VAE whose latent means separate kinds of images, above all when labels are few.

    The convolutional encoder sees each image in two randomly warped views. The decoder's target is
    the unwarped image, and a contrastive term pulls the two views of an image together.

    Parameters
    ----------
    image_shape : (rows, columns) or (rows, columns, channels)
        The features are the pixels in [0, 1], row by row, and the channels of a pixel together.
    n_components : int, default=50
        Number of latent units.
    corruption : ImageWarp, optional
        Variations that make no difference to you. The default suits handwriting and other drawings.
    random_state : int, RandomState instance or None, default=None
    **vae_params
        Further parameters of :class:`vaefeat.VAEEncoderTransformer`. ``n_steps`` is 2 000: 9
        epochs of 60 000 images, and more of fewer images.

    Returns
    -------
    VAEEncoderTransformer
        Unfitted.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat.recipes import image_encoder
    >>> X, y = load_digits(return_X_y=True)
    >>> encoder = image_encoder((8, 8), max_iter=1, random_state=0).fit(X[:100] / 16)
    >>> encoder.transform(X / 16).shape
    (1797, 50)
    """
    smallest_side = min(full_shape(image_shape)[:2])
    n_halvings = max(1, min(len(FILTERS), smallest_side.bit_length() - 2))  # at least 2 pixels remain
    if corruption is None:
        corruption = ImageWarp(thickness=1.0 if smallest_side >= SMALLEST_STROKE_IMAGE else 0.0)
    vae = VAEEncoderTransformer(
        n_components,
        filters=FILTERS[-n_halvings:],
        hidden_layer_sizes=(256,),
        image_shape=image_shape,
        likelihood="bernoulli",
        corruption=corruption,
        contrastive_weight=100.0,
        batch_size=256,
        learning_rate="cosine",
        learning_rate_init=3e-3,
        n_steps=2_000,
        random_state=random_state,
    )
    return vae.set_params(**vae_params)


def make_image_pipeline(
    image_shape: Sequence[int],
    n_components: int = 50,
    *,
    classifier: Any = None,
    random_state: Any = None,
    **vae_params: Any,
) -> Pipeline:
    """Return a Pipeline for flattened images: pixels scaled to [0, 1], image encoder, classifier.

    Parameters
    ----------
    image_shape : (rows, columns) or (rows, columns, channels)
    n_components : int, default=50
        Number of latent units.
    classifier : classifier, optional
        By default LogisticRegression.
    random_state : int, RandomState instance or None, default=None
        Of the encoder.
    **vae_params
        As for :func:`vaefeat.recipes.image_encoder`; above all ``corruption``, an ImageWarp of the
        variations that make no difference to you.

    Returns
    -------
    Pipeline
        Unfitted.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat.recipes import make_image_pipeline
    >>> X, y = load_digits(return_X_y=True)
    >>> make_image_pipeline((8, 8), random_state=0, max_iter=1).fit(X[:200], y[:200]).predict(X[:2]).shape
    (2,)
    """
    vae = image_encoder(image_shape, n_components, random_state=random_state, **vae_params)
    if classifier is None:
        classifier = LogisticRegression(max_iter=5_000)
    return make_pipeline(MinMaxScaler(clip=True), vae, classifier)
