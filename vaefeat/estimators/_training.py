"""The one way from a model and data to fitted attributes: train, export, keep."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from vaefeat._optional import import_optional
from vaefeat.data.rows import Rows
from vaefeat.estimators._base import OnnxEstimator

if TYPE_CHECKING:
    from vaefeat.training.interface import TrainableModel
    from vaefeat.training.loop import Trainer


def spawn_seeds(random_state: Any, n: int) -> list[int]:
    """Return ``n`` integers drawn from ``random_state``, for consumers that take an integer seed."""
    return check_random_state(random_state).randint(2**30, size=n).tolist()


@contextmanager
def training_environment() -> Iterator[None]:
    """Say what is missing before a training takes hours, and keep the process's settings out of it."""
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend != "tensorflow":  # which need not be installed
        raise RuntimeError(
            f"KERAS_BACKEND is {backend}, expected tensorflow: unset it, or set it to tensorflow, before "
            "Keras is imported."
        )
    for room in ("vaefeat.training.loop", "vaefeat.export.networks"):
        import_optional(room, "train")
    from vaefeat.training.environment import keras_as_shipped

    with keras_as_shipped():
        yield


def release_trainer(trainer: "Trainer") -> None:
    """Let later trainings of the same kind reuse the traced steps of a trainer that is no longer used."""
    from vaefeat.training.loop import release

    release(trainer)


class TrainedEstimator(OnnxEstimator):
    """An estimator that trains its networks itself.

    Attributes
    ----------
    history_ : dict of lists of float
        Mean of each term of the loss, for each epoch.
    loss_curve_ : list of float
    n_iter_ : int
    """

    history_: dict[str, list[float]]
    loss_curve_: list[float]
    n_iter_: int

    @property
    def loss_unit(self) -> str:
        """The unit of the loss."""
        return "nats"

    def training_summary(self) -> dict[str, Any]:
        """Return what a card says about the training."""
        active = getattr(self, "active_units_", None)
        final_loss = "final_loss_nats" if self.loss_unit == "nats" else "final_loss"
        return {
            "epochs": self.n_iter_,
            final_loss: float(self.loss_curve_[-1]) if self.loss_curve_ else None,
            "active_units": None if active is None else int(active.sum()),
        }

    def _callbacks(self, learning_rate: str, max_epochs: int) -> list:
        """Return the schedule of the learning rate, if it has one, and the callbacks of the caller."""
        from vaefeat.training.schedules import cosine_schedule

        scheduled = learning_rate == "cosine" and max_epochs > 0
        schedule = [cosine_schedule(self.learning_rate_init, max_epochs)] if scheduled else []
        return [*schedule, *self.callbacks]  # the caller's come last, so that they have the last word

    def _train(self, trainer: "Trainer", data: tuple[np.ndarray, ...] | Rows, **options: Any) -> None:
        """Train, and keep the course of the training, after that of an earlier one that it continues."""
        history = trainer.train(data, verbose=self.verbose, **options)
        previous = self.history_ if options.get("first_epoch") else {}
        self.history_ = _joined(previous, history)
        self.loss_curve_ = self.history_.get("loss", [])
        self.n_iter_ = len(self.loss_curve_)

    def _keep_networks(self, model: "TrainableModel", X: np.ndarray) -> None:
        """Turn what was trained into ONNX models, compared with the model on ``X``, and plain data."""
        from vaefeat.export.networks import export_networks

        for role, network in export_networks(model, X).items():
            setattr(self, f"{role}_", network)
        self.__dict__.pop("noise_variance_", None)  # of an earlier fit, with another likelihood
        noise_variance = model.noise_variance()
        if noise_variance is not None:
            self.noise_variance_ = noise_variance


def _joined(first: dict[str, list[float]], second: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the courses of two trainings, one after the other: NaN where a loss had no such term."""
    before, after = ([np.nan] * len(history.get("loss", ())) for history in (first, second))
    return {name: first.get(name, before) + second.get(name, after) for name in first | second}
