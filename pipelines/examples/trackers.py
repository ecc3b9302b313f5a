# %% [markdown]
# # Log to TensorBoard, MLflow or your own tracker
# `callbacks` takes what Keras calls a callback: an object that hears of every epoch. A tracker is a few
# lines.

# %%
import tempfile
from pathlib import Path

import keras
import tensorflow as tf
from matplotlib import pyplot as plt

from vaefeat import LossCurveDisplay, VAEEncoderTransformer, load_dataset

digits = load_dataset("digits")


# %% [markdown]
# ## TensorBoard
# The same class logs to MLflow if `log` calls `mlflow.log_metric(name, value, step=epoch)`.


# %%
class TensorBoardLogger(keras.callbacks.Callback):
    """Write the terms of the loss after each epoch; ``tensorboard --logdir`` shows them."""

    def __init__(self, folder):
        super().__init__()
        self.folder = str(folder)

    def on_train_begin(self, logs=None):
        self.writer = tf.summary.create_file_writer(self.folder)

    def on_epoch_end(self, epoch, logs=None):
        for name, value in logs.items():
            self.log(name, value, epoch)

    def log(self, name, value, epoch):
        with self.writer.as_default():
            tf.summary.scalar(name, value, step=epoch)

    def on_train_end(self, logs=None):
        self.writer.close()


folder = tempfile.TemporaryDirectory()
vae = VAEEncoderTransformer(
    10, likelihood="bernoulli", max_iter=20, callbacks=[TensorBoardLogger(folder.name)], random_state=0
).fit(digits.X)
(file,) = Path(folder.name).iterdir()
print(f"{file.stat().st_size:,} bytes of events")
folder.cleanup()

# %% [markdown]
# ## Without a tracker
# The estimator keeps the same numbers.

# %%
LossCurveDisplay.from_estimator(vae)
plt.show()
