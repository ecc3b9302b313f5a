"""Two encoders of images, side by side."""

import math
from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import Normalizer

from vaefeat.recipes.images import image_encoder
from vaefeat.recipes.photos import N_HIDDEN, photo_encoder
from vaefeat.values.corruptions import ImageWarp
from vaefeat.values.images import SMALLEST_SIDE, full_shape

LENGTH = math.sqrt(N_HIDDEN)  # features of unit variance suit the penalty of a logistic regression


def make_image_union(
    image_shape: Sequence[int],
    *,
    corruption: ImageWarp | None = None,
    random_state: Any = None,
    **vae_params: Any,
) -> FeatureUnion:
    """Return the hidden layers of :func:`image_encoder` and :func:`photo_encoder`, side by side.

    What one of them learned from views of images and the other one computes from their parts differs, and so
    do their errors. Each of the two is scaled to the same length in each image, so that both count alike.

    Parameters
    ----------
    image_shape : (rows, columns) or (rows, columns, channels)
        At least 8x8; the features are the pixels in [0, 1], row by row, and the channels of a pixel together.
    corruption : ImageWarp, optional
        Variations that make no difference to you, for both encoders. The default suits handwriting and other
        drawings.
    random_state : int, RandomState instance or None, default=None
    **vae_params
        Further parameters of the :class:`vaefeat.VAEEncoderTransformer` that ``image_encoder`` returns.

    Returns
    -------
    FeatureUnion
        Unfitted. It turns images into 256 and 512 features.

    Raises
    ------
    ValueError
        If the images are smaller than 8x8.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat.recipes import make_image_union
    >>> X, y = load_digits(return_X_y=True)
    >>> union = make_image_union((8, 8), max_iter=1, random_state=0).fit(X[:200] / 16)
    >>> union.transform(X / 16).shape
    (1797, 768)
    """
    if min(full_shape(image_shape)[:2]) < SMALLEST_SIDE:
        raise ValueError(
            f"photo_encoder needs images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels, got "
            f"image_shape={image_shape}: use image_encoder alone."
        )
    drawings = image_encoder(
        image_shape, corruption=corruption, output="hidden", random_state=random_state, **vae_params
    )
    parts = photo_encoder(  # its hidden layer is not trained
        image_shape, corruption=drawings.corruption, max_iter=0, random_state=random_state
    )
    encoders = {"image": drawings, "photo": parts}
    return FeatureUnion(
        [(name, make_pipeline(encoder, Normalizer())) for name, encoder in encoders.items()],
        transformer_weights=dict.fromkeys(encoders, LENGTH),
    )
