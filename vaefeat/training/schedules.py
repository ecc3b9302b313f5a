"""Learning rates and weights that change from epoch to epoch."""

import math
from typing import Any

import keras

WARM_UP = 0.1  # share of the epochs
STEPS_WITHOUT_KL = 200


def n_epochs_without_kl(n_epochs: int, n_samples: int, batch_size: int) -> int:
    """Return in how many epochs the KL term does not count: those of the first 200 steps, at most a tenth."""
    steps_per_epoch = math.ceil(n_samples / batch_size)
    return min(STEPS_WITHOUT_KL // steps_per_epoch, int(WARM_UP * n_epochs))


def cosine_schedule(highest: float, n_epochs: int) -> keras.callbacks.Callback:
    r"""Return a callback that raises the learning rate, and lowers it as half a cosine.

    .. math:: \eta_t = \eta\, \min(1, t / 0.1 T)\, \tfrac12 (1 + \cos(\pi t / T))

    with t the middle of an epoch and T the number of epochs.

    Parameters
    ----------
    highest : float
        :math:`\eta`.
    n_epochs : int

    References
    ----------
    Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm Restarts".
    """

    def rate(epoch: int, current: float) -> float:
        progress = (epoch + 0.5) / n_epochs
        return highest * min(1.0, progress / WARM_UP) * 0.5 * (1 + math.cos(math.pi * progress))

    return keras.callbacks.LearningRateScheduler(rate)


class DelayedKL(keras.callbacks.Callback):
    r"""Leave the KL term out of the objective in the first epochs.

    Before the decoder has learned to use the latents, the best answer to the KL term is to silence them, and
    silent units do not come back ("posterior collapse"). A few hundred steps are enough.

    Parameters
    ----------
    n_epochs : int
        Epochs without the KL term.

    References
    ----------
    Bowman et al. (2016), "Generating Sentences from a Continuous Space", section 3.1.
    """

    def __init__(self, n_epochs: int) -> None:
        super().__init__()
        self._n_epochs = n_epochs

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.kl_weight.assign(float(epoch >= self._n_epochs))
