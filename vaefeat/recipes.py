"""Settings that were found to work, each as a function that returns an unfitted estimator."""

from typing import Any

from vaefeat.estimators import VAEEncoderTransformer
from vaefeat.values.corruptions import ImageWarp

FILTERS = (32, 64, 128)
SMALLEST_STROKE_IMAGE = 16  # pixels: below, strokes are a pixel wide, and eroding would delete them


def image_encoder(
    image_shape: tuple[int, int],
    n_components: int = 50,
    *,
    corruption: ImageWarp | None = None,
    random_state: Any = None,
    **vae_params: Any,
) -> VAEEncoderTransformer:
    """Return a VAE whose latent means tell kinds of images apart, above all with few labels.

    Its encoder is convolutional, sees each image twice, distorted at random, and is asked for what
    both views have in common: the decoder owes the undistorted image, and a contrastive term lets
    the two views find each other.

    Parameters
    ----------
    image_shape : tuple of two int
        Rows and columns; the features are the pixels in [0, 1], row by row.
    n_components : int, default=50
    corruption : ImageWarp, optional
        What makes no difference to you. The default suits handwriting and other drawings.
    random_state : int, RandomState instance or None, default=None
    **vae_params
        Further parameters of :class:`vaefeat.VAEEncoderTransformer`. ``max_iter`` is 8, some 2 000
        steps for 60 000 images; fewer images need more passes to make as many.

    Returns
    -------
    VAEEncoderTransformer

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat.recipes import image_encoder
    >>> X, y = load_digits(return_X_y=True)
    >>> encoder = image_encoder((8, 8), max_iter=2, random_state=0).fit(X / 16)
    >>> encoder.transform(X / 16).shape
    (1797, 50)
    """
    smallest_side = min(image_shape)
    n_halvings = max(1, min(len(FILTERS), int(smallest_side).bit_length() - 2))  # 2 pixels are left, or more
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
        max_iter=8,
        random_state=random_state,
    )
    return vae.set_params(**vae_params)
