"""The course of a training: what it has come to, saved now and then, and restored."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from vaefeat.training.checkpoint import Checkpoint, Position, Sums, Weights
from vaefeat.training.optimizers import state

STOPPING = ("wait", "stopped_epoch", "best", "best_epoch")  # of keras.callbacks.EarlyStopping


class Course:
    """Where a training stands, in memory and, if there is one, in a checkpoint.

    Parameters
    ----------
    model : keras.Model
    optimizer : keras.optimizers.Optimizer
    callbacks : sequence of keras.callbacks.Callback
        Of these, EarlyStopping has a state that is saved.
    checkpoint : Checkpoint, optional
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        callbacks: Sequence[keras.callbacks.Callback],
        checkpoint: Checkpoint | None,
    ) -> None:
        self._model = model
        self._variables = model.variables + state(optimizer)
        self._stoppings = [each for each in callbacks if isinstance(each, keras.callbacks.EarlyStopping)][:1]
        self._checkpoint = checkpoint
        saved = None if checkpoint is None else checkpoint.load()
        self._restored: Weights = {} if saved is None else saved[1]
        self.position = Position() if saved is None else saved[0]

    def restore(self) -> None:
        """Let model, optimizer and EarlyStopping go on from where the checkpoint was made."""
        self._assign()
        self._model.stop_training = self.position.stopped
        for stopping in self._stoppings if self.position.stopping else ():
            for name, value in self.position.stopping.items():
                setattr(stopping, name, value)
            stopping.best_weights = self._restored.get("best")

    def begin_epoch(self) -> None:
        """Undo what callbacks did for a second time, if the epoch had begun before the checkpoint."""
        if self.position.sums.n_blocks:
            self._assign()
        self._restored = {}

    def _assign(self) -> None:
        for variable, value in zip(self._variables, self._restored.get("variable", ()), strict=False):
            variable.assign(value)

    def resume_order(self, rng: np.random.Generator) -> int:
        """Set a generator back to the beginning of an epoch, and return how many of its blocks are done."""
        if self.position.generator:
            rng.bit_generator.state = self.position.generator
        return self.position.skip

    def end_block(self, generator: Mapping[str, Any]) -> None:
        """Record that a block is done, of an epoch that began with this state of the generator."""
        self.position.generator, self.position.skip = generator, self.position.sums.n_blocks
        if self._checkpoint is not None and self._checkpoint.is_due():
            self.save()

    def end_epoch(self, logs: Mapping[str, float]) -> None:
        """Record that an epoch is done, with its mean losses."""
        for name, mean in logs.items():
            self.position.history.setdefault(name, []).append(mean)
        self.position.epoch += 1
        self.position.sums = Sums()
        if self._checkpoint is not None and self._checkpoint.is_due():
            self.save()

    def save(self) -> None:
        """Save where the training stands, if there is a checkpoint."""
        if self._checkpoint is None:
            return
        weights = {"variable": [variable.numpy() for variable in self._variables]}
        self.position.stopped = bool(self._model.stop_training)
        for stopping in self._stoppings:
            self.position.stopping = {name: _plain(getattr(stopping, name)) for name in STOPPING}
            weights["best"] = stopping.best_weights or []
        self._checkpoint.save(self.position, weights)


def _plain(value: Any) -> int | float | None:
    """Return a number as JSON can hold it."""
    return value.item() if isinstance(value, np.generic) else value
