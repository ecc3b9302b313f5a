"""Is it worth it? Accuracy, or R² of quantities, over the number of labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vaefeat.plotting._axes import axes_or_new, styles


class LabelEfficiencyDisplay:
    """Accuracy, or R², against the number of labels, a line for each feature extractor.

    Parameters
    ----------
    summary : list of dict
        As returned by :meth:`vaefeat.comparison.Comparison.summary`, for one classifier.
    n_train : int
        Number of training samples: where "all" labels stand on the axis.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    lines_ : list of matplotlib.container.ErrorbarContainer
        Means, with the standard deviation over the draws.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from vaefeat import LabelEfficiencyDisplay
    >>> rows = [
    ...     dict(extractor="raw", n_labeled=n, accuracy_mean=mean, accuracy_sd=0.01)
    ...     for n, mean in [(100, 0.75), ("all", 0.93)]
    ... ]
    >>> LabelEfficiencyDisplay(rows, n_train=60_000).plot().ax_.get_xlabel()
    'labeled samples'
    """

    def __init__(self, summary: Sequence[dict[str, Any]], *, n_train: int) -> None:
        self.summary = summary
        self.n_train = n_train
        self._metric, self._scale = (
            ("r2", 1) if any("r2_mean" in row for row in summary) else ("accuracy", 100)
        )

    @classmethod
    def from_comparison(
        cls, comparison: Any, *, classifier: str | None = None, ax: Any = None
    ) -> "LabelEfficiencyDisplay":
        """Plot the outcome of :func:`vaefeat.compare`.

        Parameters
        ----------
        comparison : vaefeat.comparison.Comparison
        classifier : str, optional
            Whose rows to plot; by default the first one's.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.

        Returns
        -------
        LabelEfficiencyDisplay

        Raises
        ------
        ValueError
            If the comparison has no rows of that classifier.
        """
        known = list(dict.fromkeys(row["classifier"] for row in comparison.rows))
        classifier = classifier or (known[0] if known else None)
        summary = [row for row in comparison.summary() if row["classifier"] == classifier]
        if not summary:
            raise ValueError(f"There are no rows of classifier {classifier!r}; there are rows of {known}.")
        return cls(summary, n_train=max(row["n_train"] for row in comparison.rows)).plot(ax=ax)

    def plot(self, ax: Any = None) -> "LabelEfficiencyDisplay":
        """Draw, and return self.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.
        """
        self.ax_ = axes_or_new(ax, (8.0, 4.4))
        self.figure_ = self.ax_.figure
        self.lines_ = [self._draw(name, style) for name, style in styles(self._extractors()).items()]
        self._label_axes()
        return self

    def _extractors(self) -> list[str]:
        return list(dict.fromkeys(row["extractor"] for row in self.summary))

    def _position(self, row: dict[str, Any]) -> float:
        return float(self.n_train if row["n_labeled"] == "all" else row["n_labeled"])

    def _draw(self, extractor: str, style: dict[str, str]) -> Any:
        rows = sorted((r for r in self.summary if r["extractor"] == extractor), key=self._position)
        return self.ax_.errorbar(
            [self._position(row) for row in rows],
            [self._scale * row[f"{self._metric}_mean"] for row in rows],
            yerr=[self._scale * row[f"{self._metric}_sd"] for row in rows],
            **style,
            markersize=6,
            capsize=3,
            linewidth=2.5 if "vae" in extractor else 1.5,
            linestyle="--" if extractor.startswith("supervised") else "-",
            label=extractor,
        )

    def _label_axes(self) -> None:
        positions = {self._position(row): row["n_labeled"] for row in self.summary}
        labels = [f"all ({x:,.0f})" if n == "all" else f"{n:,}" for x, n in positions.items()]
        self.ax_.set_xscale("log")
        self.ax_.set_xticks(list(positions), labels)
        self.ax_.set_xticks([], minor=True)
        what = "test accuracy (%)" if self._metric == "accuracy" else "test R²"
        self.ax_.set(xlabel="labeled samples", ylabel=what)
        floor = min(row[f"{self._metric}_mean"] - row[f"{self._metric}_sd"] for row in self.summary)
        self.ax_.set_ylim(bottom=float(np.floor(20 * floor) / 20 * self._scale), top=self._scale)
        self.ax_.grid(alpha=0.3)
        self.ax_.spines[["top", "right"]].set_visible(False)
        self.ax_.legend(title="features", frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
