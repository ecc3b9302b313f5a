"""A folder of images: one subfolder per class; images outside any are unlabeled.

Images are gray, all of one shape, and become rows of pixels in [0, 1].
"""

from pathlib import Path
from typing import Any

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.data._table import in_words, short
from vaefeat.data.labels import UNLABELED
from vaefeat.exceptions import DatasetCorruptError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".webp")
GRAY_MODES = {"1": 1, "L": 255, "I;16": 65535}  # and what white is
MAX_PIXELS = 2**20


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
        If there are no images, or one of them is in color, cannot be read, or has another shape.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise DatasetCorruptError(
            f"{short(folder.name)} has no images; expected files such as .png in a subfolder for each class."
        )
    first = _read(paths[0], folder)
    X = np.empty((len(paths), first.size), np.float32)
    for i, path in enumerate(paths):
        pixels = _read(path, folder)
        if pixels.shape != first.shape:
            raise DatasetCorruptError(
                f"{_name(path, folder)} has {_shape(pixels)} pixels, but {_name(paths[0], folder)} "
                f"{_shape(first)}: resize all images to one shape."
            )
        X[i] = pixels.ravel()
    y = np.array([_label(path.relative_to(folder)) for path in paths], object)
    return X, y, (first.shape[0], first.shape[1])


def _read(path: Path, folder: Path) -> np.ndarray:
    with in_words(_name(path, folder)), import_optional("PIL.Image", "train").open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DatasetCorruptError(
                f"{_name(path, folder)} has {image.width * image.height:,} pixels, expected at most "
                f"{MAX_PIXELS:,}: resize the images."
            )
        gray = image.convert("L") if image.mode == "P" and _is_gray(image) else image
        if gray.mode not in GRAY_MODES:
            raise DatasetCorruptError(
                f"{_name(path, folder)} is in color (mode {image.mode}), expected gray; convert the images."
            )
        white = GRAY_MODES[gray.mode]
        return np.asarray(gray, np.float32) / white


def _is_gray(image: Any) -> bool:
    rgb = np.asarray(image.convert("RGB"))
    return bool((rgb == rgb[..., :1]).all())


def _label(path: Path) -> str | int:
    return path.parts[0] if len(path.parts) > 1 else UNLABELED


def _name(path: Path, folder: Path) -> str:
    return short(str(path.relative_to(folder)))


def _shape(pixels: np.ndarray) -> str:
    return "x".join(map(str, pixels.shape))
