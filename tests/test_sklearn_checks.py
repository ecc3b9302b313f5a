"""scikit-learn's own checks, with no expected failures."""

import os

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from vaefeat import SupervisedEncoderTransformer, VAEEncoderTransformer


@pytest.fixture(autouse=True)
def _array_api(monkeypatch):
    if "check_array_api" in os.environ.get("PYTEST_CURRENT_TEST", ""):
        pytest.skip("the estimators take NumPy arrays; scikit-learn skips this check of its own accord")


@parametrize_with_checks([VAEEncoderTransformer(), SupervisedEncoderTransformer(n_steps=50)])
def test_scikit_learn_s_checks_pass(estimator, check):
    check(estimator)
