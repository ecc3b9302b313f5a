"""The progress of work whose steps may be trainings: the bar moves with their epochs."""

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from vaefeat._optional import import_optional

Progress = Callable[[str, float, int], Any]


class Steps:
    """Reports progress step by step, and within a step epoch by epoch.

    Parameters
    ----------
    show : callable, optional
        Takes a description of the current step, the number of steps done, which may be a fraction, and their
        total.
    """

    def __init__(self, show: Progress | None = None) -> None:
        self._show = show
        self._current: tuple[str, int, int] = ("", 0, 1)

    def __call__(self, what: str, done: int, total: int) -> None:
        """Begin a step."""
        self._current = what, done, total
        if self._show is not None:
            self._show(what, done, total)

    def fit(self, unfitted: BaseEstimator, X: Any, y: Any = None) -> BaseEstimator:
        """Fit an estimator, or a Pipeline; the epochs of its last step are shown."""
        last = unfitted[-1] if isinstance(unfitted, Pipeline) else unfitted
        if self._show is None or "callbacks" not in last.get_params():
            return unfitted.fit(X, y)  # FrozenEstimator requires y
        reporter = import_optional("vaefeat.training.progress", "train").EpochReporter(self._show_epoch)
        own = last.callbacks
        last.set_params(callbacks=[*own, reporter])
        try:
            return unfitted.fit(X, y)
        finally:
            last.set_params(callbacks=own)

    def _show_epoch(self, epoch: int, n_epochs: int) -> None:
        what, done, total = self._current
        assert self._show is not None
        self._show(f"{what}: epoch {epoch:,} of {n_epochs:,}", done + epoch / (n_epochs + 1), total)
