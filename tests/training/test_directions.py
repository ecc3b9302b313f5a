import numpy as np
from numpy.testing import assert_allclose

from vaefeat.training.directions import discriminants, principal_components


def test_principal_components_are_those_of_a_singular_value_decomposition():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 20)) * np.geomspace(10, 0.1, 20) @ np.linalg.qr(rng.normal(size=(20, 20)))[0]
    rows = (rows - rows.mean(axis=0)).astype(np.float32)
    directions = principal_components(rows, 5)
    expected = np.linalg.svd(rows, full_matrices=False)[2][:5].T
    assert_allclose(np.abs(np.sum(directions * expected, axis=0)), 1, atol=1e-4)


def test_there_are_no_components_without_variance():
    rows = np.random.default_rng(0).normal(size=(4, 30)).astype(np.float32)
    assert principal_components(rows - rows.mean(axis=0), 6).shape == (30, 3)


def test_two_views_of_one_feature_have_one_discriminant():
    first = np.array([[1.0], [3.0]])
    assert discriminants(first, first + 0.1, 2).shape == (1, 1)


def test_discriminants_prefer_what_views_leave_alone():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(2_000, 3)) * [1, 3, 1]
    first, second = (samples + rng.normal(size=(2_000, 3)) * [0.1, 3, 1] for _ in range(2))
    directions = discriminants(first, second, 2)
    assert directions.shape == (3, 2)
    assert np.abs(directions[:, 0]).argmax() == 0
    assert np.linalg.norm(directions[:, 0]) > 2 * np.linalg.norm(directions[:, 1])
    variances = np.concatenate([first, second]).var(axis=0)
    assert variances.argmax() == 1  # which principal components would prefer
