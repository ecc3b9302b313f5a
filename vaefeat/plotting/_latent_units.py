"""Which latent units carry information."""

from typing import Any

import numpy as np

from vaefeat.plotting._axes import ACTIVE, SILENT, axes_or_new, check_estimator

MAX_NAMED = 25  # bars with the number of their unit below them


class LatentUnitsDisplay:
    """The KL divergence of each latent unit from the prior, the most informative first; active ones marked.

    Parameters
    ----------
    kl_per_unit : ndarray of shape (n_components,)
        In nats, as the attribute ``kl_per_unit_`` of a VAEEncoderTransformer.
    active_units : ndarray of shape (n_components,), bool
        As its ``active_units_``.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    bars_ : matplotlib.container.BarContainer
        In the order of descending KL.

    References
    ----------
    Burda, Grosse & Salakhutdinov (2016), "Importance Weighted Autoencoders", section 5.2.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from vaefeat import LatentUnitsDisplay
    >>> import numpy as np
    >>> display = LatentUnitsDisplay(np.array([0.0, 3.2]), np.array([False, True])).plot()
    >>> display.ax_.get_title()
    '1 of 2 latent units active'
    """

    def __init__(self, kl_per_unit: np.ndarray, active_units: np.ndarray) -> None:
        self.kl_per_unit = kl_per_unit
        self.active_units = active_units

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> "LatentUnitsDisplay":
        """Plot the units of a fitted VAEEncoderTransformer.

        Parameters
        ----------
        estimator : VAEEncoderTransformer
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.

        Returns
        -------
        LatentUnitsDisplay

        Raises
        ------
        TypeError
            If the estimator has no ``kl_per_unit_``.
        """
        check_estimator(estimator, cls.__name__, "kl_per_unit_", "active_units_")
        return cls(estimator.kl_per_unit_, estimator.active_units_).plot(ax)

    def plot(self, ax: Any = None) -> "LatentUnitsDisplay":
        """Draw, and return self.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.
        """
        self.ax_ = axes_or_new(ax, (6.4, 3.2))
        self.figure_ = self.ax_.figure
        order = np.argsort(-self.kl_per_unit, kind="stable")
        active = self.active_units[order]
        ranks = np.arange(len(order))
        self.bars_ = self.ax_.bar(
            ranks,
            self.kl_per_unit[order],
            color=np.where(active, ACTIVE, SILENT),
            hatch=["" if unit else "///" for unit in active],
            edgecolor="white",
            linewidth=0,
        )
        self._label(order, active)
        return self

    def _label(self, order: np.ndarray, active: np.ndarray) -> None:
        if len(order) <= MAX_NAMED:
            self.ax_.set_xticks(range(len(order)), order)
        self.ax_.set(
            xlabel="latent unit" if len(order) <= MAX_NAMED else "rank of the latent unit",
            ylabel="KL divergence (nats)",
            title=f"{active.sum()} of {len(active)} latent units active",
        )
        self.ax_.spines[["top", "right"]].set_visible(False)
        for state, name in ((True, "active"), (False, "silent")):
            if (active == state).any():
                self.bars_[int(np.flatnonzero(active == state)[0])].set_label(name)
        self.ax_.legend(frameon=False)
