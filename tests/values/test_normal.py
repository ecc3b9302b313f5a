import numpy as np
import pytest
from numpy.testing import assert_allclose

from vaefeat.values import normal
from vaefeat.values.normal import fit_normal

RNG = np.random.default_rng(0)
MEAN = np.array([0.0, 0.2, -0.1])
COVARIANCE = np.array([[1.0, 0.9, 0.3], [0.9, 1.0, 0.5], [0.3, 0.5, 1.0]])
COMPLETE = RNG.multivariate_normal(MEAN, COVARIANCE, 3_000)


def test_complete_rows_have_their_own_mean_and_covariance():
    mean, covariance = fit_normal(COMPLETE)
    assert_allclose(mean, COMPLETE.mean(axis=0))
    assert_allclose(covariance, np.cov(COMPLETE.T, ddof=0) + normal.RIDGE * np.eye(3), atol=1e-12)


def test_gaps_at_random_change_the_moments_little():
    rows = np.where(RNG.uniform(size=COMPLETE.shape) < 0.3, np.nan, COMPLETE)
    mean, covariance = fit_normal(rows)
    assert_allclose(mean, MEAN, atol=0.05)
    assert_allclose(covariance, COVARIANCE, atol=0.1)


def test_gaps_that_depend_on_another_feature_bias_the_mean_less_than_that_of_observed_values():
    rows = COMPLETE.copy()
    rows[COMPLETE[:, 0] > 0, 1] = np.nan
    bias = abs(np.nanmean(rows[:, 1]) - MEAN[1])
    assert abs(fit_normal(rows)[0][1] - MEAN[1]) < 0.5 * bias


def test_an_iteration_adds_the_conditional_covariances_of_each_row():
    rows = COMPLETE[:300].copy()
    rows[::2, 1] = np.nan
    rows[::3, 2] = np.nan
    precision = np.linalg.inv(COVARIANCE)
    completed, uncertainty = normal._expectation(rows, MEAN, precision)
    expected, total = rows.copy(), np.zeros((3, 3))
    for row, x in enumerate(rows):
        m, o = np.flatnonzero(np.isnan(x)), np.flatnonzero(~np.isnan(x))
        weights = COVARIANCE[np.ix_(m, o)] @ np.linalg.inv(COVARIANCE[np.ix_(o, o)])
        expected[row, m] = MEAN[m] + weights @ (x[o] - MEAN[o])
        total[np.ix_(m, m)] += COVARIANCE[np.ix_(m, m)] - weights @ COVARIANCE[np.ix_(o, m)]
    assert_allclose(completed, expected)
    assert_allclose(uncertainty, total)


@pytest.mark.parametrize("n_features", [1, 40])
def test_few_rows_and_constant_features_have_a_positive_definite_covariance(n_features):
    rows = RNG.normal(size=(5, n_features))
    rows[:, 0] = 0.0
    rows[1, -1] = np.nan
    assert np.linalg.eigvalsh(fit_normal(rows)[1]).min() > 0.9 * normal.RIDGE


def test_of_many_features_the_covariance_of_pairs_is_kept(monkeypatch):
    monkeypatch.setattr(normal, "MAX_FEATURES", 2)
    rows = np.where(RNG.uniform(size=COMPLETE.shape) < 0.3, np.nan, COMPLETE)
    assert_allclose(fit_normal(rows)[1], COVARIANCE, atol=0.1)
