"""scikit-learn's own checks, with no expected failures.

scikit-learn exempts its own semi-supervised classifiers, by name, from a check in which -1 is a class.
Those of vaefeat are exempted here in the same way.
"""

import os

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from vaefeat import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    GraphClassifier,
    M2Classifier,
    SupervisedEncoderTransformer,
    VAEEncoderTransformer,
)
from vaefeat.estimators import _latent
from vaefeat.estimators._typicality import Typicality

SEMI_SUPERVISED = {"GraphClassifier", "M2Classifier"}
SMALL = {"hidden_layer_sizes": (16,), "batch_size": 300, "max_iter": 5}
# The checks set the random_state of an estimator, but not of the estimator that it wraps.
SEEDED = AutoencoderTransformer(2, hidden_layer_sizes=(), batch_size=300, max_iter=1, random_state=0)


@pytest.fixture(autouse=True)
def _array_api(monkeypatch):
    if "check_array_api" in os.environ.get("PYTEST_CURRENT_TEST", ""):
        pytest.skip("the estimators take NumPy arrays; scikit-learn skips this check, too")


@pytest.fixture(autouse=True)
def _minus_one_is_not_a_class(monkeypatch):
    """Label samples as scikit-learn does for its own semi-supervised classifiers, which it knows by name."""
    choose = estimator_checks._choose_check_classifiers_labels

    def choose_labels(name, y, y_names):
        return choose("SelfTrainingClassifier" if name in SEMI_SUPERVISED else name, y, y_names)

    monkeypatch.setattr(estimator_checks, "_choose_check_classifiers_labels", choose_labels)


@parametrize_with_checks([VAEEncoderTransformer(4, **SMALL)])
def test_check_estimator_passes(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:The classifier .*it has not learned its classes"
)  # some checks draw them at random
@pytest.mark.filterwarnings("ignore:y contains no unlabeled samples:UserWarning")
@parametrize_with_checks(
    [
        AutoencoderTransformer(4, **SMALL),
        AutoencoderOutlierDetector(SEEDED),
        AutoencoderOutlierDetector(Typicality(SEEDED)),
        AutoencoderImputer(SEEDED),
        SupervisedEncoderTransformer(n_steps=50),
        M2Classifier(4, hidden_layer_sizes=(16,)),
        GraphClassifier(hidden_layer_sizes=(16,), learning_rate_init=1e-2, n_steps=100),
    ]
)
def test_check_estimator_passes_for_the_other_estimators(estimator, check):
    check(estimator)


@pytest.fixture
def _rows_as_images(monkeypatch):
    """Take the features for an image of one row, as the checks vary their number."""
    monkeypatch.setattr(_latent, "checked_image_shape", lambda estimator, n, **options: (1, n, 1))


@pytest.mark.slow
@pytest.mark.usefixtures("_rows_as_images")
@parametrize_with_checks(
    [
        VAEEncoderTransformer(4, filters=(4,), decoder="convolutional", **SMALL),
        AutoencoderTransformer(4, filters=(4,), decoder="convolutional", **SMALL),
    ]
)
def test_check_estimator_passes_with_convolutions_in_encoder_and_decoder(estimator, check):
    check(estimator)
