"""Images as files, or as bytes in a table: rows of pixels in [0, 1].

In a folder, subfolders are the classes, and images outside any are unlabeled. All images have one shape. If
any is in color, all have the channels red, green and blue.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.data._table import in_words, short
from vaefeat.data.labels import UNLABELED
from vaefeat.exceptions import DatasetCorruptError
from vaefeat.values.images import N_COLORS, ImageShape, shape_text

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".webp")
WHITE = {"1": 1, "L": 255, "I;16": 65535}  # of the modes that are gray
MAX_PIXELS = 2**20

Named = tuple[str, Any]  # an image's name for messages, and its path or a stream of its bytes


def read_images(folder: Path) -> tuple[np.ndarray, np.ndarray, ImageShape]:
    """Read a folder of images.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    X : ndarray of shape (n_images, n_features), float32
        In the order of the files' names.
    y : ndarray of shape (n_images,), object
        Names of the subfolders; -1 for images outside any.
    image_shape : (rows, columns) or (rows, columns, 3)

    Raises
    ------
    DatasetCorruptError
        If there are no images, or one of them cannot be read, or has a different shape.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise DatasetCorruptError(
            f"{short(folder.name)} has no images; expected files such as .png in a subfolder for each class."
        )
    names = [short(str(path.relative_to(folder))) for path in paths]
    X, shape = _read_all(zip(names, paths, strict=True), len(paths))
    y = np.array([_label(path.relative_to(folder)) for path in paths], object)
    return X, y, shape


def decode_images(values: Sequence[Any], name: str) -> tuple[np.ndarray, ImageShape]:
    """Return the images of a column, each the bytes of a file or a mapping that holds them as "bytes".

    Parameters
    ----------
    values : sequence of bytes or mapping
    name : str
        Of the table, for messages.

    Returns
    -------
    X : ndarray of shape (n_images, n_features), float32
    image_shape : (rows, columns) or (rows, columns, 3)

    Raises
    ------
    DatasetCorruptError
        If one of them is missing, cannot be read, or has a different shape from the first.
    """
    contents = [value.get("bytes") if isinstance(value, dict) else value for value in values]
    if None in contents:
        raise DatasetCorruptError(f"{short(name)} has no image in row {contents.index(None) + 1}.")
    images = ((f"Image {i} of {short(name)}", io.BytesIO(each or b"")) for i, each in enumerate(contents, 1))
    return _read_all(images, len(values))


def _read_all(images: Iterable[Named], n_images: int) -> tuple[np.ndarray, ImageShape]:
    X, first, n_channels = np.empty((0, 0), np.float32), ("", (0, 0)), 1
    for i, (name, file) in enumerate(images):
        pixels = _read(name, file)
        sides = pixels.shape[:2]
        if i == 0:
            X, first = np.empty((n_images, sides[0] * sides[1]), np.float32), (name, sides)
        if sides != first[1]:
            raise DatasetCorruptError(
                f"{name} has {shape_text(sides)} pixels, but {first[0]} {shape_text(first[1])}: resize all "
                "images to one shape."
            )
        if pixels.ndim == 3 and n_channels == 1:  # the first one in color
            X, n_channels = np.repeat(X, N_COLORS, axis=1), N_COLORS
        X[i] = np.repeat(pixels.ravel(), X.shape[1] // pixels.size)
    return X, (first[1] if n_channels == 1 else (*first[1], n_channels))


def _read(name: str, file: Any) -> np.ndarray:
    """Return an image, (rows, columns) if it is gray, (rows, columns, 3) if it is in color."""
    with in_words(name), import_optional("PIL.Image", "train").open(file) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DatasetCorruptError(
                f"{name} has {image.width * image.height:,} pixels, expected at most {MAX_PIXELS:,}: resize "
                "the images."
            )
        if image.mode in WHITE:
            return np.asarray(image, np.float32) / WHITE[image.mode]
        colors = np.asarray(image.convert("RGB"), np.float32) / WHITE["L"]
    is_gray = (colors == colors[..., :1]).all()
    return colors[..., 0] if is_gray else colors


def _label(path: Path) -> str | int:
    return path.parts[0] if len(path.parts) > 1 else UNLABELED
