"""The shape of images whose flattened pixels are features: row by row, and the channels of a pixel together.

A shape is ``(rows, columns)`` or ``(rows, columns, channels)``, as ``X.reshape(len(X), -1)`` flattens images.
"""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

ImageShape = tuple[int, ...]  # (rows, columns) or (rows, columns, channels)
N_COLORS = 3  # red, green and blue
SMALLEST_SIDE = 8  # pixels: of an image with more than one place for a patch along each side


def full_shape(image_shape: Sequence[int], n_features: int | None = None) -> tuple[int, int, int]:
    """Return the rows, columns and channels of an image.

    Parameters
    ----------
    image_shape : (rows, columns) or (rows, columns, channels)
        Without channels there is one.
    n_features : int, optional
        The number of features, which are the values of all pixels.

    Returns
    -------
    tuple of three int

    Raises
    ------
    ValueError
        If there are not two or three positive integers, or their product is not ``n_features``.

    Examples
    --------
    >>> from vaefeat.values.images import full_shape
    >>> full_shape((28, 20)), full_shape((32, 32, 3), 3072)
    ((28, 20, 1), (32, 32, 3))
    """
    given = tuple(image_shape)
    if len(given) not in (2, 3) or not all(isinstance(n, Integral) and n > 0 for n in given):
        raise ValueError(
            f"Got image_shape={given}, expected positive integers: (rows, columns), "
            "or (rows, columns, channels)."
        )
    rows, columns, channels = (*map(int, given), 1)[:3]
    if n_features is not None and rows * columns * channels != n_features:
        raise ValueError(
            f"image_shape={given} does not fit {n_features} features: it has {math.prod(given)} values."
        )
    return rows, columns, channels


def drawn_shape(image_shape: Sequence[int], n_features: int | None = None) -> tuple[int, int, int]:
    """Return the full shape of an image that can be drawn, in gray or in color.

    Raises
    ------
    ValueError
        As :func:`full_shape` does, and if there are not 1 or 3 channels.

    Examples
    --------
    >>> from vaefeat.values.images import drawn_shape
    >>> drawn_shape((8, 8, 3))
    (8, 8, 3)
    """
    shape = full_shape(image_shape, n_features)
    if shape[2] not in (1, N_COLORS):
        raise ValueError(f"Images of {shape[2]} channels cannot be drawn, expected 1 (gray) or 3 (color).")
    return shape


def shape_text(image_shape: Sequence[int]) -> str:
    """Return a shape as people write it, such as 28x28.

    Examples
    --------
    >>> from vaefeat.values.images import shape_text
    >>> shape_text((28, 20))
    '28x20'
    """
    return "x".join(map(str, image_shape))


def check_is_flat(X: Any) -> None:
    """Refuse an array of images that are not flattened, (n_samples, rows, columns[, channels]).

    Raises
    ------
    ValueError
        If ``X`` is an array of more than two dimensions.
    """
    shape = getattr(X, "shape", ())
    if len(shape) > 2:
        raise ValueError(
            f"Got X of shape {tuple(shape)}, expected a row of features for each sample: pass "
            f"X.reshape(len(X), -1), and for images set image_shape={tuple(shape[1:])}."
        )
