"""Directions in which samples differ from each other."""

import numpy as np

N_POWER_ITERATIONS = 3
LEAST_SHARE = 1e-8  # of the largest variance; below it, a direction has none
RIDGE = 0.1  # added to the variances within samples, in relation to their mean


def principal_components(X: np.ndarray, n_components: int) -> np.ndarray:
    """Return the directions of largest variance of rows with mean 0, (n_features, n_components).

    By subspace iteration from a start that is always the same. Where there are fewer directions of any
    variance, there are fewer components.

    References
    ----------
    Halko, Martinsson & Tropp (2011), "Finding Structure with Randomness", algorithm 4.4.
    """
    start = np.random.default_rng(0).standard_normal((X.shape[1], n_components + 10), np.float32)
    basis = np.linalg.qr(X @ start)[0]
    for _ in range(N_POWER_ITERATIONS):
        basis = np.linalg.qr(X @ np.linalg.qr(X.T @ basis)[0])[0]
    projected = (basis.T @ X).astype(np.float64)  # (n_components + 10, n_features)
    squares, rotation = np.linalg.eigh(projected @ projected.T)  # in ascending order
    n = min(n_components, int(np.sum(squares > LEAST_SHARE * squares[-1])))
    best = slice(-1, -n - 1, -1)
    return (projected.T @ (rotation[:, best] / np.sqrt(squares[best]))).astype(np.float32)


def discriminants(first: np.ndarray, second: np.ndarray, n_components: int) -> np.ndarray:
    r"""Return the directions in which samples differ most, compared with two views of one sample.

    Those of the largest ratio :math:`\lambda = u^T S u / u^T W u`, scaled by the root of it, where S is the
    covariance of all views and W that within samples: linear discriminants, where each sample is a class.

    Parameters
    ----------
    first, second : ndarrays of shape (n_samples, n_features)
        Two views of each sample.
    n_components : int

    Returns
    -------
    ndarray of shape (n_features, at most n_components)
    """
    difference = (first - second) / np.sqrt(2)
    within = difference.T @ difference / len(difference)
    total = np.atleast_2d(np.cov(np.concatenate([first, second]).T))
    within += (RIDGE * np.trace(within) / len(within) + 1e-6) * np.eye(len(within))
    whitener = np.linalg.inv(np.linalg.cholesky(within)).T
    ratios, directions = np.linalg.eigh(whitener.T @ total @ whitener)
    best = np.argsort(ratios)[::-1][:n_components]
    return whitener @ directions[:, best] * np.sqrt(np.maximum(ratios[best], 0))
