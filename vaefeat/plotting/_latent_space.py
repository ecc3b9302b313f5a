"""Where samples lie in the latent space."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.plotting._axes import COLORS, MARKERS, axes_or_new, check_estimator, latents

MAX_CLASSES = 20  # more different values of y, or fractions, are a quantity, not classes
PROJECTIONS = ("units", "pca")


class LatentSpaceDisplay:
    """Samples at their latent means, in two or three dimensions, with a color for each class.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, 2) or (n_samples, 3)
    y : array-like of shape (n_samples,), optional
        Classes; or a quantity, such as the time of a sample, if there are more than 20 values or
        fractions.
    axis_names : sequence of str
        One for each column of ``Z``.
    title : str

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Three-dimensional ones for three columns.
    figure_ : matplotlib.figure.Figure
    points_ : list of matplotlib.collections.PathCollection
        One for each class.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import LatentSpaceDisplay, VAEEncoderTransformer
    >>> X, y = load_digits(return_X_y=True)
    >>> vae = VAEEncoderTransformer(5, hidden_layer_sizes=(16,), likelihood="bernoulli", max_iter=2)
    >>> vae = vae.fit(X / 16)
    >>> display = LatentSpaceDisplay.from_estimator(vae, X / 16, y)
    >>> len(display.points_)
    10
    >>> display.title
    'Latent means: the 2 most active of 5 units'
    """

    def __init__(
        self,
        Z: np.ndarray,
        y: Any = None,
        *,
        axis_names: Sequence[str],
        title: str = "Latent means",
    ) -> None:
        self.Z = Z
        self.y = y
        self.axis_names = axis_names
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        n_dimensions: int = 2,
        projection: str = "units",
        ax: Any = None,
    ) -> "LatentSpaceDisplay":
        """Plot the latent means of samples.

        Parameters
        ----------
        estimator : estimator
            A fitted VAEEncoderTransformer, or any other transformer.
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), optional
            Classes, or a quantity, shown by colors.
        n_dimensions : {2, 3}, default=2
        projection : {"units", "pca"}, default="units"
            What to show if there are more units than dimensions: those whose means vary most over ``X``, or
            the principal components of all.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, three-dimensional ones for three dimensions; by default new ones.

        Returns
        -------
        LatentSpaceDisplay

        Raises
        ------
        TypeError
            If the estimator does not transform.
        ValueError
            If there are fewer units than dimensions, or ``y`` is not as long as ``X``, or the axes have
            a different number of dimensions.
        """
        check_estimator(estimator, cls.__name__, "transform")
        if n_dimensions not in (2, 3):
            raise ValueError(f"n_dimensions must be 2 or 3, got {n_dimensions}.")
        if projection not in PROJECTIONS:
            raise ValueError(f"projection must be one of {PROJECTIONS}, got {projection!r}.")
        Z = latents(estimator, X)
        if Z.shape[1] < n_dimensions:
            raise ValueError(f"{n_dimensions} dimensions need as many latent units, got {Z.shape[1]}.")
        if Z.shape[1] == n_dimensions:
            names, title = [f"unit {i}" for i in range(n_dimensions)], "Latent means"
        else:
            Z, names, title = _project(Z, n_dimensions, projection)
        return cls(Z, y, axis_names=names, title=title).plot(ax)

    def plot(self, ax: Any = None) -> "LatentSpaceDisplay":
        """Draw, and return self.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on, three-dimensional ones for three dimensions; by default new ones.
        """
        if self.y is not None and len(self.y) != len(self.Z):
            raise ValueError(f"Got {len(self.Z)} samples and {len(self.y)} classes, expected as many.")
        is_3d = self.Z.shape[1] == 3
        self.ax_ = axes_or_new(ax, (6.4, 5.6), projection="3d" if is_3d else None)
        if (self.ax_.name == "3d") != is_3d:
            advice = ', projection="3d"' if is_3d else ""
            raise ValueError(
                f"Got axes of {'two' if is_3d else 'three'} dimensions for {self.Z.shape[1]}: "
                f"make them with figure.add_subplot(111{advice})."
            )
        self.figure_ = self.ax_.figure
        self.points_ = self._draw()
        self.ax_.set_title(self.title)
        for name, label in zip("xyz", self.axis_names, strict=False):
            self.ax_.set(**{f"{name}label": label})
        if is_3d:
            self.ax_.set_box_aspect(None, zoom=0.85)  # else the third axis's name is cut off
        else:
            self.ax_.spines[["top", "right"]].set_visible(False)
        return self

    def _draw(self) -> list[Any]:
        size = float(np.clip(20_000 / len(self.Z), 3, 20))
        style = {"s": size, "linewidths": 0, "rasterized": True}
        if self.y is None:
            return [self.ax_.scatter(*self.Z.T, color=COLORS[3], alpha=0.5, **style)]
        y = np.asarray(self.y)
        classes = np.unique(y)
        if y.dtype.kind in "iuf" and (len(classes) > MAX_CLASSES or (y % 1).any()):
            points = self.ax_.scatter(*self.Z.T, c=y, cmap="cividis", **style)
            self.figure_.colorbar(points, ax=self.ax_, shrink=0.8)
            return [points]
        drawn = [self._draw_class(i, label, self.Z[y == label], style) for i, label in enumerate(classes)]
        # Next to the axes: on the right, or on the left where the third axis has its name on the right.
        side, x = ("left", 1.0) if self.Z.shape[1] == 2 else ("right", 0.0)
        self.ax_.legend(
            markerscale=(60 / size) ** 0.5, frameon=False, loc=f"center {side}", bbox_to_anchor=(x, 0.5)
        )
        return drawn

    def _draw_class(self, i: int, label: Any, Z: np.ndarray, style: dict[str, Any]) -> Any:
        """Draw a class with its name at its center, which identifies it in print, too."""
        effects = import_optional("matplotlib.patheffects", "train")
        marker = MARKERS[i // len(COLORS) % len(MARKERS)]
        color = COLORS[i % len(COLORS)]
        points = self.ax_.scatter(*Z.T, color=color, marker=marker, alpha=0.75, label=str(label), **style)
        self.ax_.text(
            *np.median(Z, axis=0).tolist(),
            str(label),
            color="black",
            weight="bold",
            size=14,
            ha="center",
            va="center",
            zorder=10,
            path_effects=[effects.withStroke(linewidth=3, foreground="white")],
        )
        return points


def _project(Z: np.ndarray, n_dimensions: int, projection: str) -> tuple[np.ndarray, list[str], str]:
    """Return fewer columns, their names, and what they are."""
    if projection == "pca":
        pca = import_optional("sklearn.decomposition", "train").PCA(n_dimensions, random_state=0).fit(Z)
        shares = pca.explained_variance_ratio_
        names = [f"component {i + 1} ({share:.0%} of variance)" for i, share in enumerate(shares)]
        return pca.transform(Z), names, f"Latent means: principal components of {Z.shape[1]} units"
    units = np.argsort(-Z.var(axis=0), kind="stable")[:n_dimensions]
    title = f"Latent means: the {n_dimensions} most active of {Z.shape[1]} units"
    return Z[:, units], [f"unit {i}" for i in units], title
