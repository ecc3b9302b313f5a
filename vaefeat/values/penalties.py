"""Penalties on the code of an autoencoder as pure functions: one value per example, with its equation."""

from typing import Any

import numpy as np

from vaefeat.values.objectives import namespace

Array = Any  # numpy.ndarray or a TensorFlow tensor

SMALLEST_SHARE = 1e-6  # mean activations are kept this far from 0 and 1
# The slope of an activation, from its value.
SLOPES = {
    "identity": lambda code: 1.0 + 0.0 * code,
    "relu": lambda code: namespace(code).sign(code),
    "sigmoid": lambda code: code * (1.0 - code),
    "tanh": lambda code: 1.0 - code * code,
}


def l1_norm(code: Array) -> Array:
    r"""Sum of the absolute values of a code, :math:`\sum_j |h_j|`: small where few units are in use.

    Parameters
    ----------
    code : array of shape (n_samples, n_components)

    Returns
    -------
    array of shape (n_samples,)
    """
    xp = namespace(code)
    return xp.sum(xp.abs(code), axis=-1)


def sparsity_kl(code: Array, target: float) -> Array:
    r"""Divergence of the mean activation of each unit from its target, in nats.

    .. math:: \sum_j \rho \log \frac{\rho}{\hat\rho_j} + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho_j}

    where :math:`\hat\rho_j` is the mean of unit j over the examples.

    Parameters
    ----------
    code : array of shape (n_samples, n_components), values in [0, 1]
    target : float
        :math:`\rho`, in (0, 1).

    Returns
    -------
    array of shape (n_samples,), the same value for all

    References
    ----------
    Lee, Ekanadham & Ng (2008), "Sparse deep belief net model for visual area V2"; in this form
    Ng (2011), "Sparse autoencoder", CS294A lecture notes.
    """
    xp = namespace(code)
    mean = xp.clip(xp.mean(code, axis=0), SMALLEST_SHARE, 1.0 - SMALLEST_SHARE)
    entropy = target * np.log(target) + (1 - target) * np.log(1 - target)
    kl = entropy - target * xp.log(mean) - (1 - target) * xp.log(1.0 - mean)
    return xp.sum(kl) + 0.0 * code[:, 0]


def layer_jacobian_norm(code: Array, kernel: Array, activation: str) -> Array:
    r"""Squared Frobenius norm of the Jacobian of one layer, :math:`h = s(x W + b)`.

    .. math:: \|J\|_F^2 = \sum_j s'(a_j)^2 \sum_i W_{ij}^2

    Parameters
    ----------
    code : array of shape (n_samples, n_components)
        h.
    kernel : array of shape (n_features, n_components)
        W.
    activation : {"identity", "relu", "sigmoid", "tanh"}
        s; its slope is computed from its value.

    Returns
    -------
    array of shape (n_samples,)

    References
    ----------
    Rifai et al. (2011), "Contractive Auto-Encoders: Explicit Invariance During Feature Extraction",
    equation 7.
    """
    xp = namespace(code)
    slope = SLOPES[activation](code)
    return xp.sum(xp.square(slope) * xp.sum(xp.square(kernel), axis=0), axis=-1)
