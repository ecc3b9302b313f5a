"""A progress bar over epochs, as Keras draws it over batches."""

from collections.abc import Mapping

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
