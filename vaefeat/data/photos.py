"""The files of two data sets of photographs: pixels from 0 to 255, and classes."""

import io
from pathlib import Path

import numpy as np

from vaefeat._optional import import_optional

CIFAR_FILES = ("train.parquet", "test.parquet")
OLIVETTI_FILES = ("olivetti.npz",)


def read_cifar(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read color images of 32x32 pixels, each a JPEG in a row of a table.

    Parameters
    ----------
    folder : Path
        With ``train.parquet`` and ``test.parquet``: columns ``image`` and ``label``.

    Returns
    -------
    X : ndarray of shape (60_000, 3_072), uint8
        Row by row; red, green and blue of a pixel together.
    y : ndarray of shape (60_000,), uint8
        0 to 9.
    """
    parquet = import_optional("pyarrow.parquet", "tables")
    tables = [parquet.read_table(folder / file) for file in CIFAR_FILES]
    X = [_pixels(content) for table in tables for content in table["image"].to_pylist()]
    return np.stack(X), np.concatenate([table["label"].to_numpy() for table in tables])


def read_olivetti(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read gray images of 64x64 pixels, ten of each of 40 people.

    Parameters
    ----------
    folder : Path
        With ``olivetti.npz``: ``X`` in [0, 1], and ``y``.

    Returns
    -------
    X : ndarray of shape (400, 4_096), uint8
    y : ndarray of shape (400,), uint8
        0 to 39.
    """
    with np.load(folder / OLIVETTI_FILES[0], allow_pickle=False) as arrays:
        return np.rint(arrays["X"] * 255).astype(np.uint8), arrays["y"].astype(np.uint8)


def _pixels(content: bytes) -> np.ndarray:
    with import_optional("PIL.Image", "train").open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB")).ravel()
