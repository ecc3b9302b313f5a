"""Images as files, or as bytes in a table: rows of gray pixels in [0, 1].

In a folder, subfolders are the classes, and images outside any are unlabeled. All images have one shape;
those in color are converted to gray, and a :class:`DataWarning` says so.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.data._table import in_words, short
from vaefeat.data.arrays import warn_of_color
from vaefeat.data.labels import UNLABELED
from vaefeat.exceptions import DatasetCorruptError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".webp")
WHITE = {"1": 1, "L": 255, "I;16": 65535}  # of the modes that are gray
MAX_PIXELS = 2**20

Named = tuple[str, Any]  # an image's name for messages, and its path or a stream of its bytes


def read_images(folder: Path) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Read a folder of images.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    X : ndarray of shape (n_images, n_pixels), float32
        In the order of the files' names.
    y : ndarray of shape (n_images,), object
        Names of the subfolders; -1 for images outside any.
    image_shape : tuple of two int
        Rows and columns.

    Raises
    ------
    DatasetCorruptError
        If there are no images, or one of them cannot be read, or has a different shape.

    Warns
    -----
    DataWarning
        If some are in color.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise DatasetCorruptError(
            f"{short(folder.name)} has no images; expected files such as .png in a subfolder for each class."
        )
    names = [short(str(path.relative_to(folder))) for path in paths]
    X, shape = _read_all(zip(names, paths, strict=True), len(paths), folder.name)
    y = np.array([_label(path.relative_to(folder)) for path in paths], object)
    return X, y, shape


def decode_images(values: Sequence[Any], name: str) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the images of a column, each the bytes of a file or a mapping that holds them as "bytes".

    Parameters
    ----------
    values : sequence of bytes or mapping
    name : str
        Of the table, for messages.

    Returns
    -------
    X : ndarray of shape (n_images, n_pixels), float32
    image_shape : tuple of two int

    Raises
    ------
    DatasetCorruptError
        If one of them is missing, cannot be read, or has a different shape from the first.

    Warns
    -----
    DataWarning
        If some are in color.
    """
    contents = [value.get("bytes") if isinstance(value, dict) else value for value in values]
    if None in contents:
        raise DatasetCorruptError(f"{short(name)} has no image in row {contents.index(None) + 1}.")
    images = ((f"Image {i} of {short(name)}", io.BytesIO(each or b"")) for i, each in enumerate(contents, 1))
    return _read_all(images, len(values), name)


def _read_all(images: Iterable[Named], n_images: int, source: str) -> tuple[np.ndarray, tuple[int, int]]:
    X, first, n_in_color = np.empty((0, 0), np.float32), ("", (0, 0)), 0
    for i, (name, file) in enumerate(images):
        pixels, is_in_color = _read(name, file)
        if i == 0:
            X, first = np.empty((n_images, pixels.size), np.float32), (name, pixels.shape)
        if pixels.shape != first[1]:
            raise DatasetCorruptError(
                f"{name} has {_text(pixels.shape)} pixels, but {first[0]} {_text(first[1])}: resize all "
                "images to one shape."
            )
        X[i] = pixels.ravel()
        n_in_color += is_in_color
    if n_in_color:
        warn_of_color(source)
    return X, (first[1][0], first[1][1])


def _read(name: str, file: Any) -> tuple[np.ndarray, bool]:
    """Return an image in gray, and whether it is in color."""
    with in_words(name), import_optional("PIL.Image", "train").open(file) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DatasetCorruptError(
                f"{name} has {image.width * image.height:,} pixels, expected at most {MAX_PIXELS:,}: resize "
                "the images."
            )
        if image.mode in WHITE:
            return np.asarray(image, np.float32) / WHITE[image.mode], False
        rgb = image.convert("RGB")
        return np.asarray(rgb.convert("L"), np.float32) / WHITE["L"], not _is_gray(rgb)


def _is_gray(rgb: Any) -> bool:
    channels = np.asarray(rgb)
    return bool((channels == channels[..., :1]).all())


def _label(path: Path) -> str | int:
    return path.parts[0] if len(path.parts) > 1 else UNLABELED


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
