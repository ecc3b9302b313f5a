"""Samples, and what a model makes of them."""

from typing import Any

import numpy as np

from vaefeat.plotting._axes import check_estimator
from vaefeat.plotting._images import ImageGridDisplay, Shape, choose, image_shape_of


class ReconstructionDisplay(ImageGridDisplay):
    """Images above their reconstructions; or, from snapshots, next to them in the course of training.

    Parameters and attributes are those of :class:`vaefeat.plotting.ImageGridDisplay`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import ReconstructionDisplay, VAEEncoderTransformer
    >>> X, y = load_digits(return_X_y=True)
    >>> vae = VAEEncoderTransformer(2, hidden_layer_sizes=(16,), likelihood="bernoulli", max_iter=1)
    >>> vae = vae.fit(X / 16)
    >>> ReconstructionDisplay.from_estimator(vae, X / 16, y).images.shape
    (2, 10, 64)
    """

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        n_samples: int = 10,
        image_shape: Shape | None = None,
        ax: Any = None,
    ) -> "ReconstructionDisplay":
        """Plot samples above their reconstructions.

        Parameters
        ----------
        estimator : estimator
            A fitted VAEEncoderTransformer or M2Classifier, or another with a method ``reconstruct``.
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), optional
            Classes: the first sample of each is shown. Without them, the first of all.
        n_samples : int, default=10
            At most this many are shown.
        image_shape : (rows, columns) or (rows, columns, 3), optional
            By default the estimator's, or else that of a square.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.

        Returns
        -------
        ReconstructionDisplay

        Raises
        ------
        TypeError
            If the estimator does not reconstruct.
        ValueError
            If the features are not pixels of an image, or ``y`` is not as long as ``X``.
        """
        check_estimator(estimator, cls.__name__, "reconstruct")
        shown, names = choose(X, y, n_samples)
        images = np.stack([np.asarray(shown, np.float32), estimator.reconstruct(shown)])
        shape = image_shape_of(estimator, images.shape[2], image_shape)
        rows = ["input", "reconstruction"]
        return cls(images, image_shape=shape, rows=rows, columns=names, title="Reconstructions").plot(ax)

    @classmethod
    def from_snapshots(
        cls, snapshots: Any, *, image_shape: Shape | None = None, ax: Any = None
    ) -> "ReconstructionDisplay":
        """Plot samples, a row for each, and their reconstructions over the epochs.

        Parameters
        ----------
        snapshots : ReconstructionSnapshots
            After a training in which it was one of the ``callbacks``.
        image_shape : (rows, columns) or (rows, columns, 3), optional
            By default that of a square.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.

        Returns
        -------
        ReconstructionDisplay

        Raises
        ------
        ValueError
            If there are no snapshots yet, or the features are not pixels of an image.
        """
        if not getattr(snapshots, "reconstructions_", None):
            raise ValueError("There are no snapshots: fit an estimator with callbacks=[snapshots] first.")
        images = np.stack([snapshots.X, *snapshots.reconstructions_], axis=1)
        shape = image_shape_of(None, images.shape[2], image_shape)
        columns = ["input", *(f"{epoch:,}" for epoch in snapshots.epochs_)]
        title = "Reconstructions over the epochs of training"
        return cls(images, image_shape=shape, columns=columns, title=title).plot(ax)


class AnalogyDisplay(ImageGridDisplay):
    """Samples in the style of others: each decoded as every class.

    Parameters and attributes are those of :class:`vaefeat.plotting.ImageGridDisplay`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import AnalogyDisplay, M2Classifier, mask_labels
    >>> X, y = load_digits(return_X_y=True)
    >>> m2 = M2Classifier(4, hidden_layer_sizes=(32,), likelihood="bernoulli", max_iter=2, random_state=0)
    >>> m2 = m2.fit(X / 16, mask_labels(y, 100, random_state=0))
    >>> AnalogyDisplay.from_estimator(m2, X / 16, n_samples=5).images.shape
    (5, 11, 64)
    """

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        n_samples: int = 10,
        image_shape: Shape | None = None,
        ax: Any = None,
    ) -> "AnalogyDisplay":
        """Plot samples, a row for each, and what they would be as each class.

        Parameters
        ----------
        estimator : M2Classifier
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), optional
            Classes: the first sample of each is shown. Without them, the first of all.
        n_samples : int, default=10
            At most this many are shown.
        image_shape : (rows, columns) or (rows, columns, 3), optional
            By default the estimator's, or else that of a square.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.

        Returns
        -------
        AnalogyDisplay

        Raises
        ------
        TypeError
            If the estimator is not an M2Classifier.
        ValueError
            If the features are not pixels of an image, or ``y`` is not as long as ``X``.
        """
        check_estimator(estimator, cls.__name__, "reconstruct", "classes_")
        shown, _ = choose(X, y, n_samples)
        analogies = [estimator.reconstruct(shown, [label] * len(shown)) for label in estimator.classes_]
        images = np.stack([np.asarray(shown, np.float32), *analogies], axis=1)
        shape = image_shape_of(estimator, images.shape[2], image_shape)
        columns = ["input", *map(str, estimator.classes_)]
        return cls(images, image_shape=shape, columns=columns, title="The same style, as each class").plot(ax)
