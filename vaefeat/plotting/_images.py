"""Images that are rows of features: their shape, and a grid of them as one picture."""

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.plotting._axes import axes_or_new

Shape = Sequence[int]
GAP = 1  # pixels between two images
INCHES_A_COLUMN, MAX_WIDTH = 0.62, 9.0


def image_shape_of(estimator: Any, n_features: int, image_shape: Shape | None = None) -> tuple[int, int]:
    """Return rows and columns of an image: as given, as the estimator has it, or else of a square.

    Raises
    ------
    ValueError
        If there is no such shape for ``n_features`` pixels.
    """
    shape = image_shape if image_shape is not None else getattr(estimator, "image_shape", None)
    if shape is None:
        side = math.isqrt(n_features)
        if side**2 != n_features:
            raise ValueError(
                f"{n_features} features are not a square image: pass image_shape, its rows and columns."
            )
        shape = side, side
    if len(shape) != 2 or math.prod(shape) != n_features:
        raise ValueError(f"image_shape={tuple(shape)} does not fit {n_features} features.")
    return int(shape[0]), int(shape[1])


def choose(X: Any, y: Any, n_samples: int) -> tuple[Any, list[str]]:
    """Return the first of the samples; with ``y`` the first of each class, and the classes' names."""
    if y is None:
        chosen, names = np.arange(min(n_samples, len(X))), []
    else:
        if len(y) != len(X):
            raise ValueError(f"Got {len(X)} samples and {len(y)} classes, expected as many.")
        classes, chosen = np.unique(np.asarray(y), return_index=True)
        chosen, names = chosen[:n_samples], [str(label) for label in classes[:n_samples]]
    return import_optional("sklearn.utils", "train")._safe_indexing(X, chosen), names


def tile(images: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """Return a grid of images as one, with gaps of NaN between them.

    Parameters
    ----------
    images : ndarray of shape (n_rows, n_columns, n_features)
    image_shape : (rows, columns) of one image

    Returns
    -------
    ndarray of shape (n_rows * (rows + 1) - 1, n_columns * (columns + 1) - 1)
    """
    n_rows, n_columns, _ = images.shape
    height, width = image_shape
    cells = np.full((n_rows, n_columns, height + GAP, width + GAP), np.nan, np.float32)
    cells[:, :, :height, :width] = images.reshape(n_rows, n_columns, height, width)
    return cells.transpose(0, 2, 1, 3).reshape(n_rows * (height + GAP), -1)[:-GAP, :-GAP]


class ImageGridDisplay:
    """A grid of gray images: what the Displays of images have in common.

    Parameters
    ----------
    images : ndarray of shape (n_rows, n_columns, n_features)
    image_shape : (rows, columns)
        Of one image, whose pixels the features are, row by row.
    rows, columns : sequence of str
        What is written next to the rows and above the columns; may be empty.
    title : str

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    image_ : matplotlib.image.AxesImage
    """

    def __init__(
        self,
        images: np.ndarray,
        *,
        image_shape: Shape,
        rows: Sequence[str] = (),
        columns: Sequence[str] = (),
        title: str = "",
    ) -> None:
        self.images = images
        self.image_shape = image_shape
        self.rows = rows
        self.columns = columns
        self.title = title

    def plot(self, ax: Any = None) -> Self:
        """Draw, and return self.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.
        """
        shape = image_shape_of(None, self.images.shape[2], self.image_shape)
        picture = tile(self.images, shape)
        width = min(MAX_WIDTH, max(3.0, INCHES_A_COLUMN * self.images.shape[1]))
        self.ax_ = axes_or_new(ax, (width + 0.6, width * picture.shape[0] / picture.shape[1] + 0.8))
        self.figure_ = self.ax_.figure
        is_unit = self.images.min() >= 0 and self.images.max() <= 1
        low, high = (0, 1) if is_unit else (self.images.min(), self.images.max())
        self.image_ = self.ax_.imshow(picture, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        self._label(shape)
        return self

    def _label(self, shape: tuple[int, int]) -> None:
        (n_rows, n_columns), (height, width) = self.images.shape[:2], shape
        y = [i * (height + GAP) + (height - 1) / 2 for i in range(n_rows)]
        x = [i * (width + GAP) + (width - 1) / 2 for i in range(n_columns)]
        self.ax_.set_yticks(y if len(self.rows) else [], self.rows)
        self.ax_.set_xticks(x if len(self.columns) else [], self.columns)
        self.ax_.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
        self.ax_.spines[:].set_visible(False)
        self.ax_.set_title(self.title)
