"""A normal distribution of rows with gaps: its moments by expectation maximization."""

from collections.abc import Iterator

import numpy as np

RIDGE = 0.01  # added to the variance of each standardized feature, so that no feature is a sum of others
START_RIDGE = 0.1  # least eigenvalue of the first covariance, which is of pairs and need not have a density
N_ITERATIONS = 8
MAX_ROWS = 3_000  # which tell a covariance well enough
MAX_FEATURES = 500  # an iteration inverts a matrix of missing features for each row
CHUNK = 256  # rows


def fit_normal(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the mean and the covariance of standardized rows with gaps.

    The covariance starts from pairs of observed values. Each iteration then replaces missing values by their
    conditional means, and adds the conditional covariances to those of the completed rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardized features, NaN where a value is missing; each has a value somewhere. Of more than 3 000
        rows the first are taken, and of more than 500 features the covariance of pairs is kept.

    Returns
    -------
    mean : ndarray of shape (n_features,), float64
    covariance : ndarray of shape (n_features, n_features), float64
        Positive definite.

    References
    ----------
    Little & Rubin (2002), "Statistical Analysis with Missing Data", section 11.2.
    """
    X = X[:MAX_ROWS].astype(np.float64)
    mean, covariance = _of_pairs(X)
    for _ in range(N_ITERATIONS if X.shape[1] <= MAX_FEATURES else 0):
        completed, uncertainty = _expectation(X, mean, np.linalg.inv(covariance))
        mean = completed.mean(axis=0)
        covariance = np.cov(completed.T, ddof=0).reshape(len(mean), -1) + uncertainty / len(X)
        covariance += RIDGE * np.eye(len(mean))
    return mean, covariance


def _of_pairs(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    observed = ~np.isnan(X)
    n_values, n_pairs = observed.sum(axis=0), observed.T.astype(np.float64) @ observed
    mean = np.where(observed, X, 0).sum(axis=0) / np.maximum(n_values, 1)
    centered = np.where(observed, X - mean, 0)
    eigenvalues, vectors = np.linalg.eigh(centered.T @ centered / np.maximum(n_pairs, 1))
    return mean, (vectors * np.maximum(eigenvalues, START_RIDGE)) @ vectors.T


def _expectation(X: np.ndarray, mean: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows completed by conditional means, and the sum of their conditional covariances.

    With m the missing features of a row, their covariance is V = precision[m, m]^-1, and their mean
    mean[m] - V (precision (x - mean))[m], where x is the mean in place of missing values.
    """
    missing = np.isnan(X)
    centered = np.where(missing, 0, X - mean)
    gradient = centered @ precision
    uncertainty = np.zeros_like(precision)
    for rows, features, is_padding in _chunks(missing):
        blocks = precision[features[:, :, None], features[:, None, :]]  # (n, k, k)
        blocks[is_padding[:, :, None] | is_padding[:, None, :]] = 0
        row, place = np.nonzero(is_padding)
        blocks[row, place, place] = 1
        V = np.linalg.inv(blocks)
        V[row, place, place] = 0
        shift = np.einsum("nij,nj->ni", V, gradient[rows[:, None], features])
        centered[rows[:, None], features] -= shift  # 0 for padding, whose values are observed
        np.add.at(uncertainty, (features[:, :, None], features[:, None, :]), V)
    return centered + mean, uncertainty


def _chunks(missing: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield rows with similar numbers of gaps, their missing features, (n, k), and which are padding."""
    order = np.argsort(missing.sum(axis=1), kind="stable")
    for start in range(0, len(order), CHUNK):
        rows = order[start : start + CHUNK]
        k = missing[rows].sum(axis=1).max()
        features = np.argsort(~missing[rows], axis=1, kind="stable")[:, :k]
        if k:
            yield rows, features, ~np.take_along_axis(missing[rows], features, axis=1)
