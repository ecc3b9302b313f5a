"""Learning rates that change from epoch to epoch."""

import math

import keras

WARM_UP = 0.1  # share of the epochs


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
