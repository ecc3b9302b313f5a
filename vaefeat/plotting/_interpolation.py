"""What lies between two samples."""

from typing import Any

import numpy as np

from vaefeat.plotting._axes import check_estimator, latents
from vaefeat.plotting._images import ImageGridDisplay, Shape, image_shape_of


class InterpolationDisplay(ImageGridDisplay):
    """Straight paths through the latent space, from one sample to another, decoded.

    In the latent space of a VAE, what lies between two samples looks like a sample, too; in that of a plain
    autoencoder, nothing ensures this. To see both, plot each on its own axes.

    Parameters and attributes are those of :class:`vaefeat.plotting.ImageGridDisplay`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from matplotlib import pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import AutoencoderTransformer, InterpolationDisplay, VAEEncoderTransformer
    >>> X, _ = load_digits(return_X_y=True)
    >>> X = X / 16
    >>> _, axes = plt.subplots(1, 2)
    >>> vae = VAEEncoderTransformer(2, hidden_layer_sizes=(16,), likelihood="bernoulli", max_iter=1)
    >>> plain = AutoencoderTransformer(2, hidden_layer_sizes=(16,), loss="log_loss", max_iter=1)
    >>> for estimator, ax in zip([vae, plain], axes):
    ...     display = InterpolationDisplay.from_estimator(estimator.fit(X), X[:4], X[4:8], n_steps=7, ax=ax)
    >>> display.images.shape
    (4, 9, 64)
    """

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X_start: Any,
        X_end: Any,
        *,
        n_steps: int = 9,
        title: str | None = None,
        image_shape: Shape | None = None,
        ax: Any = None,
    ) -> "InterpolationDisplay":
        """Plot paths, a row for each, between the samples at their ends.

        Parameters
        ----------
        estimator : estimator
            A fitted VAEEncoderTransformer, or another with ``transform`` and ``inverse_transform``.
        X_start, X_end : array-like of shape (n_paths, n_features)
        n_steps : int, default=9
            Points on a path, including its ends, which are the reconstructions of the samples.
        title : str, optional
            By default the estimator's name.
        image_shape : (rows, columns) or (rows, columns, 3), optional
            By default the estimator's, or else that of a square.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.

        Returns
        -------
        InterpolationDisplay

        Raises
        ------
        TypeError
            If the estimator cannot decode.
        ValueError
            If there are more or fewer ends than starts, or the features are not pixels of an image.
        """
        check_estimator(estimator, cls.__name__, "transform", "inverse_transform")
        if len(X_start) != len(X_end):
            raise ValueError(f"Got {len(X_start)} starts and {len(X_end)} ends of paths, expected as many.")
        start, end = (latents(estimator, X)[:, None] for X in (X_start, X_end))  # (n_paths, 1, n_components)
        shares = np.linspace(0, 1, n_steps, dtype=np.float32)
        Z = start + shares[:, None] * (end - start)  # (n_paths, n_steps, n_components)
        decoded = estimator.inverse_transform(Z.reshape(-1, Z.shape[2])).reshape(*Z.shape[:2], -1)
        ends = (np.asarray(X, np.float32)[:, None] for X in (X_start, X_end))
        images = np.concatenate([next(ends), decoded, next(ends)], axis=1)
        return cls(
            images,
            image_shape=image_shape_of(estimator, images.shape[2], image_shape),
            columns=["from", *([""] * n_steps), "to"],
            title=type(estimator).__name__ if title is None else title,
        ).plot(ax)
