"""Corruptions: how an example is distorted before the encoder sees it; the target is the clean example."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from vaefeat.values.images import full_shape

N_KNOTS = 4  # along each side of an image, of the grid of bumps that elastic distortions are made of


class Corruption(ABC):
    """A random distortion of the samples of a batch.

    Attributes
    ----------
    needs_image_shape : bool
        Whether the features must be the pixels of an image.
    """

    needs_image_shape: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, x: Any, seed: Any, image_shape: Any = None) -> Any:
        """Distort each sample.

        Parameters
        ----------
        x : tensor of shape (batch, n_features), float32
        seed : tensor of two integers
            Determines the distortions.
        image_shape : (rows, columns) or (rows, columns, channels), optional
            If the features are the pixels of an image, row by row.

        Returns
        -------
        tensor of shape (batch, n_features)
        """


@dataclass(frozen=True)
class GaussianNoise(Corruption):
    r"""Normal noise on each feature, drawn anew whenever a sample is seen: :math:`\tilde x \sim N(x, s^2)`.

    Parameters
    ----------
    scale : float
        Standard deviation s, in units of the features; put StandardScaler() before this step.

    References
    ----------
    Vincent et al. (2010), "Stacked Denoising Autoencoders".

    Examples
    --------
    >>> from vaefeat import GaussianNoise, VAEEncoderTransformer
    >>> vae = VAEEncoderTransformer(corruption=GaussianNoise(0.3))
    """

    scale: float

    def __post_init__(self) -> None:
        if not 0 <= self.scale < np.inf:  # also when it is NaN
            raise ValueError(f"scale must be finite and not negative, got {self.scale}.")

    def __call__(self, x: Any, seed: Any, image_shape: Any = None) -> Any:
        """Add noise to each sample of a batch, (batch, n_features); ``image_shape`` is not used."""
        import tensorflow as tf

        return x + self.scale * tf.random.stateless_normal(tf.shape(x), seed, alg="philox")


@dataclass(frozen=True)
class MaskingNoise(Corruption):
    r"""Features set to 0, each with the same probability, drawn anew whenever a sample is seen.

    The encoder learns to infer features from the others, and so tolerates missing ones.

    Parameters
    ----------
    share : float
        Probability that a feature is set to 0, which is its mean after StandardScaler().

    References
    ----------
    Vincent et al. (2010), "Stacked Denoising Autoencoders", section 3.3.

    Examples
    --------
    >>> from vaefeat import AutoencoderTransformer, MaskingNoise
    >>> autoencoder = AutoencoderTransformer(corruption=MaskingNoise(0.2))
    """

    share: float

    def __post_init__(self) -> None:
        _check_share(self.share)

    def __call__(self, x: Any, seed: Any, image_shape: Any = None) -> Any:
        """Set features of a batch to 0, (batch, n_features); ``image_shape`` is not used."""
        import tensorflow as tf

        u = tf.random.stateless_uniform(tf.shape(x), seed, alg="philox")
        return tf.where(u < self.share, 0.0, x)


@dataclass(frozen=True)
class SaltAndPepperNoise(Corruption):
    r"""Features in [0, 1] set to 0 or to 1, drawn anew whenever a sample is seen.

    Parameters
    ----------
    share : float
        Probability that a feature is replaced, by 0 or by 1 with equal chance.

    References
    ----------
    Vincent et al. (2010), "Stacked Denoising Autoencoders", section 3.3.

    Examples
    --------
    >>> from vaefeat import AutoencoderTransformer, SaltAndPepperNoise
    >>> denoiser = AutoencoderTransformer(corruption=SaltAndPepperNoise(0.25), output="reconstruction")
    """

    share: float

    def __post_init__(self) -> None:
        _check_share(self.share)

    def __call__(self, x: Any, seed: Any, image_shape: Any = None) -> Any:
        """Set features of a batch to 0 or 1, (batch, n_features); ``image_shape`` is not used."""
        import tensorflow as tf

        u = tf.random.stateless_uniform(tf.shape(x), seed, alg="philox")
        return tf.where(u < self.share, tf.cast(u < self.share / 2, x.dtype), x)


@dataclass(frozen=True)
class SwapNoise(Corruption):
    r"""Features replaced by their values in other rows of the batch, drawn anew whenever a sample is seen.

    A corruption for tables: whatever the units and distributions of the features, a corrupted one takes a
    value that occurs.

    Parameters
    ----------
    share : float
        Probability that a feature is replaced. Each replaced feature comes from a row of its own, drawn
        uniformly from the others of the batch.

    References
    ----------
    Bahri et al. (2022), "SCARF: Self-Supervised Contrastive Learning using Random Feature Corruption".

    Examples
    --------
    >>> from vaefeat import SwapNoise, VAEEncoderTransformer
    >>> vae = VAEEncoderTransformer(corruption=SwapNoise(0.15))
    """

    share: float

    def __post_init__(self) -> None:
        _check_share(self.share)

    def __call__(self, x: Any, seed: Any, image_shape: Any = None) -> Any:
        """Swap features of a batch, (batch, n_features); ``image_shape`` is not used."""
        import tensorflow as tf

        n = tf.shape(x)[0]
        u = tf.random.stateless_uniform(tf.shape(x), seed, alg="philox")
        apart = tf.random.stateless_uniform(tf.shape(x), seed + 1, alg="philox")
        # The product may round up to n - 1; a batch of one row has no other and stays as it is.
        ahead = tf.minimum(1 + tf.cast(apart * tf.cast(n - 1, tf.float32), tf.int32), n - 1)
        others = (tf.range(n)[:, None] + ahead) % n
        return tf.where(u < self.share, tf.experimental.numpy.take_along_axis(x, others, axis=0), x)


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:  # also when it is NaN
        raise ValueError(f"share must lie in [0, 1], got {share}.")


@dataclass(frozen=True)
class ImageWarp(Corruption):
    r"""Random smooth distortions of an image, drawn anew each time it is seen.

    A denoising VAE encodes :math:`\tilde x \sim p(\tilde x|x)` and decodes :math:`x`. What the distortion
    changes does not help the decoder, so the latents become invariant to it.

    Each pixel of the distorted image is interpolated between the four pixels around the point

    .. math:: c + R(\alpha)\, K(k)\, S(s)\, (p - c) + t + e(p)

    of the original image, in all channels alike. The parameters of rotation, shear, scaling and shift are
    drawn uniformly (for the scale, its logarithm is); the elastic displacement e is a sum of 16 smooth bumps
    with normal weights.

    Parameters
    ----------
    rotation : float, default=20.0
        Largest angle in either direction, in degrees.
    scale : float, default=0.2
        0.2 enlarges or shrinks by a factor of up to 1.2, independently along each axis.
    shear : float, default=0.4
        Largest slant, in columns per row.
    shift : float, default=0.1
        Largest shift along each axis, as a share of the image's height or width.
    elastic : float, default=0.05
        Standard deviation of the bumps' heights, as a share of the image's height or width.
    thickness : float, default=1.0
        0 leaves strokes as they are; 1 makes them up to a pixel thicker on each side, or thinner.
    flip : bool, default=False
        Mirror half of the images horizontally.

    References
    ----------
    Simard, Steinkraus & Platt (2003), "Best Practices for Convolutional Neural Networks Applied to
    Visual Document Analysis".
    Im et al. (2017), "Denoising Criterion for Variational Auto-Encoding Framework".

    Examples
    --------
    >>> from vaefeat import ImageWarp, VAEEncoderTransformer
    >>> vae = VAEEncoderTransformer(image_shape=(28, 28), corruption=ImageWarp(rotation=10))
    """

    rotation: float = 20.0
    scale: float = 0.2
    shear: float = 0.4
    shift: float = 0.1
    elastic: float = 0.05
    thickness: float = 1.0
    flip: bool = False

    needs_image_shape = True

    def __post_init__(self) -> None:
        for name in ("rotation", "scale", "shear", "shift", "elastic", "thickness"):
            strength = getattr(self, name)
            if not 0 <= strength < np.inf:  # also when it is NaN
                raise ValueError(f"{name} must be finite and not negative, got {strength}.")
        if self.thickness > 1:
            raise ValueError(f"thickness must be at most 1, got {self.thickness}.")

    def __call__(self, x: Any, seed: Any, image_shape: Any = None) -> Any:
        """Distort each image of a batch.

        Parameters
        ----------
        x : tensor of shape (batch, n_features), float32
        seed : tensor of two integers
            Determines the distortions.
        image_shape : (rows, columns) or (rows, columns, channels)

        Returns
        -------
        tensor of shape (batch, n_features)
        """
        import tensorflow as tf

        shape = full_shape(image_shape)

        # The plain graph takes four times as long: it writes every intermediate to memory.
        @tf.function(jit_compile=True, autograph=False)
        def distort(x: Any, seed: Any) -> Any:
            images = tf.reshape(x, (-1, *shape))
            if self.thickness:
                images = _change_thickness(images, seed + 1, self.thickness)
            if self.flip:
                images = _flip(images, seed + 2)
            rows, columns = self._sources(tf.shape(x)[0], seed, shape[:2])
            return tf.reshape(_read_between(images, rows, columns), tf.shape(x))

        return distort(x, seed)

    def _sources(self, n: Any, seed: Any, sides: tuple[int, int]) -> tuple[Any, Any]:
        """Return where each pixel comes from: rows and columns, each (n, n_pixels)."""
        import tensorflow as tf

        u = tf.unstack(tf.random.stateless_uniform((7, n), seed + 3, -1.0, 1.0, alg="philox"))
        angle, shear = u[0] * np.deg2rad(self.rotation), u[1] * self.shear
        scale_r, scale_c = (tf.exp(v * np.log1p(self.scale)) for v in u[2:4])
        cos, sin = tf.cos(angle), tf.sin(angle)
        height, width = sides
        half = (height - 1) / 2, (width - 1) / 2
        aspect = half[1] / half[0] if min(half) > 0 else 1.0
        # Coefficients of (1, r, c), where r and c go from -1 to 1 along sides that may differ in length.
        rows = [2 * self.shift * u[4], scale_r * (cos - shear * sin), -scale_c * sin * aspect]
        columns = [2 * self.shift * u[5], scale_r * (sin + shear * cos) / aspect, scale_c * cos]
        bumps = 2 * self.elastic * tf.random.stateless_normal((2, n, N_KNOTS**2), seed + 4, alg="philox")
        basis = _basis(sides)
        r, c = (
            half[axis] * (1 + tf.concat([tf.stack(affine, axis=1), bumps[axis]], axis=1) @ basis)
            for axis, affine in enumerate((rows, columns))
        )
        return r, c


def _basis(sides: tuple[int, int]) -> np.ndarray:
    """Return 1, r, c and the bumps at each pixel, (3 + N_KNOTS ** 2, n_pixels)."""
    r, c = (axis.ravel() for axis in np.meshgrid(*(np.linspace(-1, 1, n) for n in sides), indexing="ij"))
    knots = np.linspace(-1, 1, N_KNOTS)
    width = 1.2 / (N_KNOTS - 1)
    along_r, along_c = (np.exp(-0.5 * ((axis - knots[:, None]) / width) ** 2) for axis in (r, c))
    bumps = (along_r[:, None] * along_c[None]).reshape(N_KNOTS**2, -1)
    return np.concatenate([[np.ones_like(r), r, c], bumps]).astype(np.float32)


def _read_between(images: Any, rows: Any, columns: Any) -> Any:
    """Interpolate each image linearly between four pixels at real-valued positions; zero beyond the edges.

    From images (n, height, width, channels) at rows and columns (n, n_pixels), to (n, n_pixels, channels).
    """
    import tensorflow as tf

    height, width, channels = images.shape[1:]
    padded = tf.pad(images, [[0, 0], [1, 2], [1, 2], [0, 0]])
    rows = tf.clip_by_value(rows + 1.0, 0.0, height + 1.0)
    columns = tf.clip_by_value(columns + 1.0, 0.0, width + 1.0)
    r, c = tf.floor(rows), tf.floor(columns)
    # The four neighbors side by side, so that one gather fetches them all.
    neighbors = tf.stack(
        [padded[:, :-1, :-1], padded[:, :-1, 1:], padded[:, 1:, :-1], padded[:, 1:, 1:]], axis=-2
    )
    first = tf.range(tf.shape(images)[0])[:, None] * ((height + 2) * (width + 2))
    places = first + tf.cast(r * (width + 2) + c, tf.int32)
    found = tf.gather(tf.reshape(neighbors, (-1, 4 * channels)), places)
    four = tf.unstack(
        tf.reshape(found, (-1, places.shape[1], 4, channels)), axis=-2
    )  # (n, n_pixels, channels)
    right, below = (columns - c)[..., None], (rows - r)[..., None]
    top = four[0] + right * (four[1] - four[0])
    bottom = four[2] + right * (four[3] - four[2])
    return top + below * (bottom - top)


def _change_thickness(images: Any, seed: Any, strength: float) -> Any:
    """Blend each image with itself dilated by a pixel, or eroded by half a pixel."""
    import tensorflow as tf

    u = strength * tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed, -1.0, 1.0, alg="philox")
    dilated = _maximum(_maximum(images, axis=1, reach=(-1, 0, 1)), axis=2, reach=(-1, 0, 1))
    eroded = -_maximum(_maximum(-images, axis=1, reach=(0, 1)), axis=2, reach=(0, 1))
    return images + tf.nn.relu(u) * (dilated - images) + tf.nn.relu(-u) * (eroded - images)


def _maximum(images: Any, axis: int, reach: tuple[int, ...]) -> Any:
    """Return the largest of the neighbors along an axis; the pixels at the edge are repeated beyond it."""
    import tensorflow as tf

    n = images.shape[axis]
    places = np.clip(np.arange(n) + np.array(reach)[:, None], 0, n - 1)
    neighbors = [tf.gather(images, row, axis=axis) for row in places]
    return tf.reduce_max(tf.stack(neighbors), axis=0)


def _flip(images: Any, seed: Any) -> Any:
    import tensorflow as tf

    flipped = tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed, alg="philox") < 0.5
    return tf.where(flipped, images[:, :, ::-1], images)
