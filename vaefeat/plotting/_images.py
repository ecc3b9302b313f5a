"""Images that are rows of features: their shape, and a grid of them as one picture."""

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.plotting._axes import axes_or_new
from vaefeat.values.images import drawn_shape

Shape = Sequence[int]
GAP = 1  # pixels between two images
INCHES_A_COLUMN, MAX_WIDTH = 0.62, 9.0


def image_shape_of(estimator: Any, n_features: int, image_shape: Shape | None = None) -> tuple[int, int, int]:
    """Return an image's rows, columns and channels: as given, as the estimator has them, or of a gray square.

    Raises
    ------
    ValueError
        If there is no such shape for ``n_features`` features, or its channels cannot be drawn.
    """
    shape = image_shape if image_shape is not None else getattr(estimator, "image_shape", None)
    if shape is None:
        side = math.isqrt(n_features)
        if side**2 != n_features:
            raise ValueError(
                f"{n_features} features are not a square gray image: pass image_shape, (rows, columns) or "
                "(rows, columns, 3)."
            )
        shape = side, side
    return drawn_shape(shape, n_features)


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


def tile(images: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Return a grid of images as one, with gaps of NaN between them.

    Parameters
    ----------
    images : ndarray of shape (n_rows, n_columns, n_features)
    image_shape : (rows, columns, channels) of one image

    Returns
    -------
    ndarray of shape (n_rows * (rows + 1) - 1, n_columns * (columns + 1) - 1, channels)
    """
    n_rows, n_columns, _ = images.shape
    height, width, channels = image_shape
    cells = np.full((n_rows, n_columns, height + GAP, width + GAP, channels), np.nan, np.float32)
    cells[:, :, :height, :width] = images.reshape(n_rows, n_columns, *image_shape)
    picture = cells.transpose(0, 2, 1, 3, 4).reshape(n_rows * (height + GAP), -1, channels)
    return picture[:-GAP, :-GAP]


def with_opacity(picture: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return a picture in color, (rows, columns, 3), as red, green, blue and opacity in [0, 1].

    ``low`` becomes 0 and ``high`` 1; NaN becomes transparent.
    """
    colors = np.nan_to_num((picture - low) / (high - low or 1.0)).clip(0, 1)
    return np.concatenate([colors, ~np.isnan(picture[..., :1])], axis=-1)


class ImageGridDisplay:
    """A grid of images, gray or in color: what the Displays of images have in common.

    Parameters
    ----------
    images : ndarray of shape (n_rows, n_columns, n_features)
    image_shape : (rows, columns) or (rows, columns, 3)
        Of one image, whose pixels the features are, row by row; with 3 channels, red, green and blue.
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
        if shape[2] > 1:
            picture = with_opacity(picture, low, high)
        self.image_ = self.ax_.imshow(picture, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        self._label(shape)
        return self

    def _label(self, shape: tuple[int, int, int]) -> None:
        (n_rows, n_columns), (height, width, _) = self.images.shape[:2], shape
        y = [i * (height + GAP) + (height - 1) / 2 for i in range(n_rows)]
        x = [i * (width + GAP) + (width - 1) / 2 for i in range(n_columns)]
        self.ax_.set_yticks(y if len(self.rows) else [], self.rows)
        self.ax_.set_xticks(x if len(self.columns) else [], self.columns)
        self.ax_.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
        self.ax_.spines[:].set_visible(False)
        self.ax_.set_title(self.title)
