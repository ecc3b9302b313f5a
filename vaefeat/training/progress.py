"""The progress of a training: as a bar over epochs, as Keras draws it over batches, or reported to others."""

from collections.abc import Callable, Mapping
from typing import Any

import keras


class ProgressBar(keras.callbacks.Callback):
    """Show the epoch, the terms of the loss in nats, and the time left."""

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._bar = keras.utils.Progbar(self.params["epochs"], unit_name="epoch")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        logs = dict(logs or {})
        if "kl" in logs:
            logs = {"elbo": -(logs["reconstruction"] + logs["kl"])} | logs
        self._bar.stateful_metrics = set(logs)  # show each epoch's own values, not their average
        self._bar.update(epoch + 1, logs.items(), finalize=self.model.stop_training or None)


class EpochReporter(keras.callbacks.Callback):
    """Report the number of each epoch when it ends, and their total."""

    def __init__(self, report: Callable[[int, int], Any]) -> None:
        super().__init__()
        self.report = report

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.report(epoch + 1, self.params["epochs"])
