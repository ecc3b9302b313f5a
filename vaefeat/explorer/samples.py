"""Choose the samples of a data set that an explorer shows, and write them as bytes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vaefeat.data import Dataset
from vaefeat.values.images import ImageShape, drawn_shape

MAX_SAMPLES = 2000
MAX_CLASSES = 20


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples to show.

    Attributes
    ----------
    name : str
        Of the data set.
    split : {"test", "training"}
        The latter if the data set has no test samples.
    X : ndarray of shape (n_samples, n_features), float32
    indices : ndarray of shape (n_samples,), int
        The position of each sample in its split, ascending.
    y : ndarray of shape (n_samples,), or None
        Classes, if known.
    image_shape : tuple of int or None
        Rows and columns, and channels if they are in color, if the samples are images.
    is_ordered : bool
        Whether the samples have an order instead of classes, such as the frames of a film.
    """

    name: str
    split: str
    X: np.ndarray
    indices: np.ndarray
    y: np.ndarray | None
    image_shape: ImageShape | None
    is_ordered: bool

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The values that are shown as 0 and as 1: one pair for pixels, or one per feature of a table."""
        if self.image_shape is None:
            return self.X.min(axis=0), self.X.max(axis=0)
        low, high = min(0.0, self.X.min()), max(1.0, self.X.max())
        return np.array([low], np.float32), np.array([high], np.float32)

    def to_bytes(self) -> bytes:
        """Return the samples row by row, one byte per value: 0 to 255 between the bounds."""
        low, high = self.bounds
        width = np.where(high > low, high - low, 1)
        return np.rint(255 * (self.X - low) / width).astype(np.uint8).tobytes()

    def describe(self) -> dict[str, Any]:
        """Return the description of the bytes, as JSON can hold it."""
        low, high = self.bounds
        classes, labels = _classes(self.y)
        return {
            "name": self.name,
            "split": self.split,
            "n_samples": len(self.X),
            "n_features": self.X.shape[1],
            "image_shape": self.image_shape,
            "low": low.tolist(),
            "high": high.tolist(),
            "indices": self.indices.tolist(),
            "classes": classes,
            "labels": labels,
            "is_ordered": self.is_ordered,
        }


def choose_samples(dataset: Dataset, image_shape: ImageShape | None = None) -> Samples:
    """Return evenly spaced samples of the test set, or of the training set if there is no test set.

    Parameters
    ----------
    dataset : Dataset
    image_shape : tuple of int, optional
        (rows, columns) or (rows, columns, 3) of an image, if the data set does not know it.

    Returns
    -------
    Samples
        At most 2,000, in their order.

    Raises
    ------
    ValueError
        If the features do not match the image shape, or there are too many classes to tell apart.
    """
    shape = image_shape or dataset.image_shape
    if shape is not None:
        drawn_shape(shape, dataset.X.shape[1])
    has_test = len(dataset.X_test) > 0
    X, y = (dataset.X_test, dataset.y_test) if has_test else (dataset.X, dataset.y)
    indices = np.unique(np.linspace(0, len(X) - 1, min(len(X), MAX_SAMPLES)).astype(int))
    split = "test" if has_test else "training"
    y = None if y is None else _checked(y)[indices]
    is_ordered = y is None and not has_test  # a random split loses the order
    return Samples(dataset.name, split, X[indices], indices, y, shape, is_ordered)


def _checked(y: np.ndarray) -> np.ndarray:
    y = y.astype(str) if y.dtype == object else y
    n_classes = len(np.unique(y))
    if n_classes > MAX_CLASSES:
        raise ValueError(
            f"Got {n_classes} classes, expected at most {MAX_CLASSES}, so that they can be told apart. "
            "Choose another target column, or none."
        )
    return y


def _classes(y: np.ndarray | None) -> tuple[list[str] | None, list[int] | None]:
    if y is None:
        return None, None
    classes, labels = np.unique(y, return_inverse=True)
    return [str(name) for name in classes], labels.tolist()
