"""Loss curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vaefeat.plotting._axes import COLORS, axes_or_new, check_estimator

STYLES = {"training": "-", "validation": "--"}
VALIDATION = "val_"
NAMES = {"kl": "KL divergence", "cross_entropy": "cross-entropy"}


class LossCurveDisplay:
    """The terms of a loss over the epochs: for a VAE the negative ELBO and its two terms, in nats.

    Parameters
    ----------
    history : mapping of str to sequence of float
        As the attribute ``history_`` of an estimator: one value per epoch. Those of the validation
        samples are under ``val_*``.
    unit : str, default="nats"
        Unit of the loss, such as "squared error" for an AutoencoderTransformer that minimizes it.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    lines_ : list of matplotlib.lines.Line2D

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import LossCurveDisplay, VAEEncoderTransformer
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = VAEEncoderTransformer(2, hidden_layer_sizes=(16,), likelihood="bernoulli", max_iter=2)
    >>> vae = vae.fit(X / 16)
    >>> [line.get_label().split(":")[0] for line in LossCurveDisplay.from_estimator(vae).lines_]
    ['negative ELBO', 'reconstruction', 'KL divergence']
    """

    def __init__(self, history: Mapping[str, Sequence[float]], unit: str = "nats") -> None:
        self.history = history
        self.unit = unit

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, terms: Sequence[str] | None = None, ax: Any = None
    ) -> "LossCurveDisplay":
        """Plot how an estimator was trained.

        Parameters
        ----------
        estimator : estimator
            A fitted VAEEncoderTransformer, AutoencoderTransformer or M2Classifier, or another that has a
            ``history_``.
        terms : sequence of str, optional
            The curves to plot, by their names; all by default.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        TypeError
            If the estimator has no ``history_``.
        ValueError
            If it was trained for 0 epochs, or lacks one of the terms.
        """
        check_estimator(estimator, cls.__name__, "history_")
        unit = getattr(estimator, "loss_unit", "nats")
        return cls(estimator.history_, unit).plot(terms=terms, ax=ax)

    def plot(self, *, terms: Sequence[str] | None = None, ax: Any = None) -> "LossCurveDisplay":
        """Draw, and return self.

        Parameters
        ----------
        terms : sequence of str, optional
            The curves to plot, by their names; all by default.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.
        """
        curves = self._curves()
        names = list(dict.fromkeys(name for name, _ in curves))
        if not names:
            raise ValueError(
                "There is no curve: the estimator was trained for 0 epochs. Fit it with max_iter > 0."
            )
        terms = names if terms is None else list(terms)
        if unknown := set(terms) - set(names):
            raise ValueError(f"Got terms {sorted(unknown)}, expected some of {names}.")
        self.ax_ = axes_or_new(ax, (6.4, 4.0))
        self.figure_ = self.ax_.figure
        self.lines_ = [
            self._draw(name, samples, values, COLORS[(0, 3, 4, 5, 6)[names.index(name) % 5]])
            for (name, samples), values in curves.items()
            if name in terms
        ]
        self.ax_.set(xlabel="epoch", ylabel=f"{self.unit} per sample", title="Training")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.grid(alpha=0.3)
        self.ax_.spines[["top", "right"]].set_visible(False)
        self.ax_.legend(frameon=False)
        return self

    def _curves(self) -> dict[tuple[str, str], np.ndarray]:
        """Return the curves, without duplicates, by the names of their term and samples."""
        curves = {}
        for samples, prefix in (("training", ""), ("validation", VALIDATION)):
            of_samples = {
                name.removeprefix(VALIDATION): np.asarray(values)
                for name, values in self.history.items()
                if name.startswith(VALIDATION) == bool(prefix)
            }
            for name, values in _distinct_terms(of_samples).items():
                curves[NAMES.get(name, name), samples] = values
        return curves

    def _draw(self, name: str, samples: str, values: np.ndarray, color: str) -> Any:
        of_samples = "" if samples == "training" else f", {samples}"
        label = f"{name}{of_samples}: {values[-1]:.2f}"
        epochs = np.arange(1, len(values) + 1)
        (line,) = self.ax_.plot(
            epochs,
            values,
            STYLES[samples],
            color=color,
            marker="o" if len(values) == 1 else None,
            label=label,
        )
        return line


def _distinct_terms(history: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put the negative ELBO first if it can be computed; leave out duplicates of other terms."""
    if history.keys() == {"loss", "reconstruction"}:  # an autoencoder without penalties
        return {"loss": history["loss"]}
    if not {"reconstruction", "kl"} <= history.keys():
        return history
    elbo = history["reconstruction"] + history["kl"]
    loss_is_elbo = np.allclose(history["loss"], elbo, rtol=1e-6)
    others = {name: values for name, values in history.items() if not (name == "loss" and loss_is_elbo)}
    return {"negative ELBO": elbo, **others}
