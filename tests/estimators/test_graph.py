import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from vaefeat import (
    GaussianNoise,
    GraphClassifier,
    LabeledKFold,
    OnnxEncoderTransformer,
    OnnxModel,
    VAEEncoderTransformer,
    export_onnx,
    labeled_scorer,
    mask_labels,
)
from vaefeat.estimators import _diffusion

RNG = np.random.default_rng(0)
CODES = np.repeat([0, 1, 2], 40)
X = (np.eye(3)[CODES] * 6 + RNG.normal(size=(120, 3))).astype(np.float32)
FEW = mask_labels(CODES, 3, random_state=0)
NAMES = np.array(["ash", "birch", "cedar"], dtype=object)
ENCODER = "exported/digits-image-vae/model.onnx"


def tiny(**params):
    settings = {"hidden_layer_sizes": (16,), "learning_rate_init": 1e-2, "n_steps": 100, "random_state": 0}
    return GraphClassifier(**settings | params)


@pytest.fixture(scope="module")
def fitted():
    return tiny().fit(X, FEW)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("method", ["poisson", "spreading"])
def test_one_label_per_class_is_enough_where_samples_form_groups(method, metric):
    classifier = tiny(method=method, metric=metric).fit(X, FEW)
    assert (classifier.transduction_ == CODES).mean() > 0.95
    assert classifier.score(X, CODES) > 0.95


def test_one_label_per_class_names_nearly_all_digits(digits):
    pixels, y = digits
    encoder = OnnxEncoderTransformer(ENCODER, output="hidden")
    for draw in range(3):
        pipe = make_pipeline(encoder, GraphClassifier(n_steps=200, random_state=0))
        assert pipe.fit(pixels, mask_labels(y, 10, random_state=draw)).score(pixels, y) > 0.95


def test_distributions_are_of_the_classes_and_transduction_is_the_most_probable(fitted):
    assert fitted.label_distributions_.shape == (120, 3)
    assert fitted.label_distributions_.dtype == np.float32
    assert_allclose(fitted.label_distributions_.sum(axis=1), 1, atol=1e-5)
    unlabeled = FEW == -1
    most_probable = fitted.classes_[fitted.label_distributions_.argmax(axis=1)]
    assert_array_equal(fitted.transduction_[unlabeled], most_probable[unlabeled])


def test_transduction_keeps_the_labels_that_were_given():
    wrong = mask_labels(CODES, 30, random_state=0)
    wrong[np.flatnonzero(wrong == 0)[0]] = 1
    classifier = tiny().fit(X, wrong)
    assert_array_equal(classifier.transduction_[wrong != -1], wrong[wrong != -1])


@pytest.mark.parametrize("mark", [-1, "-1", None, np.nan, pd.NA])
def test_classes_may_be_strings_and_be_missing_in_every_way(fitted, mark):
    y = np.where(FEW == -1, mark, NAMES[FEW])
    classifier = tiny().fit(X, y)
    assert classifier.classes_.tolist() == NAMES.tolist()
    assert_array_equal(classifier.predict(X), NAMES[fitted.predict(X)])


def test_the_prior_makes_up_for_a_label_that_is_a_poor_example():
    spread_out = RNG.normal(size=(600, 2)).astype(np.float32)
    y = np.full(600, -1)
    left = spread_out[:, 0].argmin()
    y[left], y[np.abs(spread_out).sum(axis=1).argmin()] = 0, 1
    shares = [
        (tiny(class_prior=prior, metric="euclidean").fit(spread_out, y).transduction_ == 0).mean()
        for prior in (None, [0.5, 0.5], [0.8, 0.2])
    ]
    assert abs(shares[1] - 0.5) < 0.05
    assert abs(shares[2] - 0.8) < 0.05
    assert abs(shares[0] - 0.5) > 0.05


@pytest.mark.parametrize("prior", [[0.5, 0.5], [1, 1, 1], [1, 0, 0]])
def test_a_prior_that_is_none_is_refused(prior):
    with pytest.raises(ValueError, match="class_prior must hold a positive probability for each of the 3"):
        tiny(class_prior=prior).fit(X, FEW)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(120, -1), "No sample has a label"),
        (np.where(CODES == 0, 0, -1), "All labeled samples are of one class"),
        (np.where(FEW == 0, "a", FEW.astype(object)), "mixes labels that are strings with others"),
    ],
)
def test_labels_that_tell_nothing_are_refused_and_an_earlier_fit_stays(y, message):
    classifier = tiny(n_steps=1).fit(X, FEW)
    before = classifier.classifier_
    with pytest.raises(ValueError, match=message):
        classifier.fit(X, y)
    assert classifier.classifier_ is before


def test_the_seed_determines_every_byte(fitted):
    again, other = tiny().fit(X, FEW), tiny(random_state=1).fit(X, FEW)
    assert fitted.classifier_.to_bytes() == again.classifier_.to_bytes()
    assert_array_equal(fitted.label_distributions_, again.label_distributions_)
    assert fitted.classifier_.to_bytes() != other.classifier_.to_bytes()


def test_graphs_of_the_same_samples_are_made_once(fitted, tmp_path, monkeypatch):
    cached = tiny(memory=str(tmp_path)).fit(X, FEW)
    assert cached.classifier_.to_bytes() == fitted.classifier_.to_bytes()
    monkeypatch.setattr(_diffusion, "nearest", None)  # not called again
    assert_array_equal(tiny(memory=str(tmp_path)).fit(X, FEW).transduction_, fitted.transduction_)


def test_noise_is_seen_in_training_alone(fitted):
    noisy = tiny(corruption=GaussianNoise(0.5)).fit(X, FEW)
    assert_array_equal(noisy.transduction_, fitted.transduction_)
    assert noisy.loss_curve_[-1] > fitted.loss_curve_[-1]


def test_encoder_and_classifier_are_one_file_that_answers_as_the_pipeline_does(digits, tmp_path):
    pixels, y = digits[0], mask_labels(digits[1], 20, random_state=0)
    vae = VAEEncoderTransformer(8, hidden_layer_sizes=(32,), output="hidden", max_iter=2, random_state=0)
    pipe = make_pipeline(vae, GraphClassifier(n_steps=50, random_state=0)).fit(pixels, y)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "model.onnx", X=pixels))
    outputs = model.run(pixels.astype(np.float32))
    assert_allclose(outputs["probabilities"], pipe.predict_proba(pixels), atol=1e-5)
    assert_array_equal(outputs["label"], pipe.predict(pixels))
    assert len(np.unique(outputs["label"])) > 5


def test_a_search_keeps_unlabeled_samples_and_scores_labeled_ones():
    y = np.where(mask_labels(CODES, 12, random_state=0) == -1, None, NAMES[CODES])
    search = GridSearchCV(
        tiny(n_steps=20), {"n_neighbors": [2, 8]}, cv=LabeledKFold(2), scoring=labeled_scorer("f1_macro")
    )
    assert search.fit(X, y).best_score_ > 0.9
    assert len(search.best_estimator_.transduction_) == 120
