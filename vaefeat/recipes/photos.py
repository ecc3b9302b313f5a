"""An encoder for photographs."""

from collections.abc import Sequence
from typing import Any

from vaefeat.estimators import VAEEncoderTransformer
from vaefeat.values.corruptions import Corruption
from vaefeat.values.photo_views import PhotoViews

N_PATCHES = 800
N_HIDDEN = 512


def photo_encoder(
    image_shape: Sequence[int],
    n_components: int = 64,
    *,
    corruption: Corruption | None = None,
    random_state: Any = None,
    **vae_params: Any,
) -> VAEEncoderTransformer:
    """Return a VAE whose hidden layer separates kinds of photographs.

    The encoder compares each part of an image with 800 whitened patches of other images, averages their
    responses over each quarter of the image, and keeps the 512 directions in which images differ most,
    compared with two views of one image. None of this is trained: it takes minutes for tens of thousands of
    images, and suits a few hundred too. The latents are trained on it, by a contrastive term between two
    views and by decoding the image.

    Parameters
    ----------
    image_shape : (rows, columns) or (rows, columns, channels)
        At least 8x8; the features are the pixels in [0, 1], row by row, and the channels of a pixel together.
    n_components : int, default=64
        Number of latent units.
    corruption : Corruption, optional
        Variations that make no difference to you; by default :class:`vaefeat.PhotoViews`.
    random_state : int, RandomState instance or None, default=None
    **vae_params
        Further parameters of :class:`vaefeat.VAEEncoderTransformer`. ``output`` is "hidden"; set it to
        "z_mean" for fewer features, which are worse.

    Returns
    -------
    VAEEncoderTransformer
        Unfitted.

    References
    ----------
    Coates & Ng (2011), "The Importance of Encoding Versus Training with Sparse Coding and Vector
    Quantization".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat.recipes import photo_encoder
    >>> X, y = load_digits(return_X_y=True)
    >>> encoder = photo_encoder((8, 8), n_patches=50, max_iter=1, random_state=0).fit(X[:200] / 16)
    >>> encoder.transform(X / 16).shape
    (1797, 512)
    """
    vae = VAEEncoderTransformer(
        n_components,
        n_patches=N_PATCHES,
        hidden_layer_sizes=(N_HIDDEN,),
        image_shape=image_shape,
        likelihood="bernoulli",
        corruption=PhotoViews() if corruption is None else corruption,
        contrastive_weight=100.0,
        batch_size=256,
        learning_rate="cosine",
        learning_rate_init=3e-3,
        n_steps=300,
        output="hidden",
        random_state=random_state,
    )
    return vae.set_params(**vae_params)
