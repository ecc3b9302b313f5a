"""A callback that records reconstructions in the course of training."""

from collections.abc import Iterable
from typing import Any

import numpy as np


class ReconstructionSnapshots:
    """Record how a VAE reconstructs some samples in the course of its training.

    One of the ``callbacks`` of :class:`vaefeat.VAEEncoderTransformer`. It has the methods of a Keras
    callback without being one, so that an estimator that holds it unpickles where TensorFlow is not
    installed.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The samples to reconstruct, as the VAE's ``fit`` would take them.
    epochs : iterable of int, optional
        After which epochs; 0 is before the first. By default 0, 1, 2, 5, 10, 20, 50, 100, ...

    Attributes
    ----------
    epochs_ : list of int
        After which epochs there are snapshots, of the last training.
    reconstructions_ : list of ndarrays of shape (n_samples, n_features), float32
        The decoder's mean at the latent means, after each of them.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import ReconstructionSnapshots, VAEEncoderTransformer
    >>> X, _ = load_digits(return_X_y=True)
    >>> snapshots = ReconstructionSnapshots(X[:3] / 16)
    >>> vae = VAEEncoderTransformer(2, image_shape=(8, 8), max_iter=3, callbacks=[snapshots])
    >>> vae = vae.fit(X / 16)
    >>> snapshots.epochs_
    [0, 1, 2]
    >>> snapshots.reconstructions_[-1].shape
    (3, 64)
    """

    def __init__(self, X: Any, epochs: Iterable[int] | None = None) -> None:
        self.X = np.asarray(X, np.float32)
        self.epochs = None if epochs is None else sorted(epochs)

    def __repr__(self) -> str:
        return f"ReconstructionSnapshots({len(self.X)} samples, epochs={self.epochs})"

    def set_model(self, model: Any) -> None:
        """Take the model that is about to be trained."""
        self._model = model

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget the last training, and look at the initial weights."""
        self.epochs_: list[int] = []
        self.reconstructions_: list[np.ndarray] = []
        self._look(0)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look, if it is time; Keras counts epochs from 0."""
        self._look(epoch + 1)

    def _nothing(self, *arguments: Any) -> None:
        """Do nothing: the remaining methods of a callback."""

    set_params = on_epoch_begin = on_train_end = _nothing
    on_batch_end = on_train_batch_end = on_test_batch_end = on_predict_batch_end = _nothing

    def _look(self, epoch: int) -> None:
        if epoch not in self.epochs if self.epochs is not None else not _is_round(epoch):
            return
        self.epochs_.append(epoch)
        self.reconstructions_.append(np.asarray(self._model.reconstruct(self.X)))


def _is_round(epoch: int) -> bool:
    """Return whether an epoch is 0 or one of 1, 2, 5, 10, 20, 50, 100, ..."""
    return epoch == 0 or str(epoch).rstrip("0") in ("1", "2", "5")
