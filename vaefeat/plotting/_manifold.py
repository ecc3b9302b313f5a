"""Two latent units as a map."""

from statistics import NormalDist
from typing import Any

import numpy as np

from vaefeat.plotting._axes import check_estimator
from vaefeat.plotting._images import ImageGridDisplay, Shape, image_shape_of


class ManifoldDisplay(ImageGridDisplay):
    """A map of the latent space: images decoded from a grid over the prior's quantiles.

    Equal steps of the grid have equal probability under the prior, N(0, I). With more than two units, the two
    that tell the most (with the highest KL divergence) span the grid, and the others are 0.

    Parameters and attributes are those of :class:`vaefeat.plotting.ImageGridDisplay`.

    References
    ----------
    Kingma & Welling (2014), "Auto-Encoding Variational Bayes", figure 4.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import ManifoldDisplay, VAEEncoderTransformer
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = VAEEncoderTransformer(2, hidden_layer_sizes=(16,), likelihood="bernoulli", max_iter=1)
    >>> vae = vae.fit(X / 16)
    >>> ManifoldDisplay.from_estimator(vae, n_steps=5).images.shape
    (5, 5, 64)
    """

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, n_steps: int = 15, image_shape: Shape | None = None, ax: Any = None
    ) -> "ManifoldDisplay":
        """Plot what the decoder makes of each point of a grid.

        Parameters
        ----------
        estimator : estimator
            A fitted VAEEncoderTransformer of at least two units.
        n_steps : int, default=15
            Points along each axis, at the quantiles 1/(n_steps + 1), ..., n_steps/(n_steps + 1).
        image_shape : (rows, columns) or (rows, columns, 3), optional
            By default the estimator's, or else that of a square.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.

        Returns
        -------
        ManifoldDisplay

        Raises
        ------
        TypeError
            If the estimator has no decoder, or no prior.
        ValueError
            If it has only one unit, or the features are not pixels of an image.
        """
        check_estimator(estimator, cls.__name__, "inverse_transform", "kl_per_unit_")
        kl = np.asarray(estimator.kl_per_unit_)
        if len(kl) < 2:
            raise ValueError("A map needs two units at least, got an estimator with n_components=1.")
        across, up = sorted(np.argsort(-kl, kind="stable")[:2].tolist())
        quantiles = [NormalDist().inv_cdf(i / (n_steps + 1)) for i in range(1, n_steps + 1)]
        Z = np.zeros((n_steps, n_steps, len(kl)), np.float32)
        Z[:, :, across] = quantiles
        Z[:, :, up] = np.reshape(quantiles[::-1], (-1, 1))
        images = estimator.inverse_transform(Z.reshape(-1, len(kl))).reshape(n_steps, n_steps, -1)
        ticks = [f"{z:.1f}" if i % 2 == 0 else "" for i, z in enumerate(quantiles)]
        display = cls(
            images,
            image_shape=image_shape_of(estimator, images.shape[2], image_shape),
            rows=ticks[::-1],
            columns=ticks,
            title="Decoded map of the latent space" + (", other units 0" if len(kl) > 2 else ""),
        ).plot(ax)
        display.ax_.set(xlabel=f"unit {across}", ylabel=f"unit {up}")
        return display
