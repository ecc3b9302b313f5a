from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline

import vaefeat
from vaefeat import OnnxModel, export_onnx, mask_labels
from vaefeat.data.samples import Samples
from vaefeat.fitting import Candidate, choose, default_candidates, verdict
from vaefeat.fitting import run as runs
from vaefeat.fitting.candidates import BESIDE, FOREST, GRAPH, IMAGE, LOGISTIC, PHOTO, RAW, RIDGE, VAE


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    kind = np.where(x[:, 0] + 0.1 * rng.normal(size=120) > 0, "good", "bad").astype(object)
    kind[60:] = None
    return pd.DataFrame(x, columns=["a", "b", "c"]).assign(color=rng.choice(["red", "blue"], 120), kind=kind)


@pytest.fixture(scope="module")
def choice(frame):
    return choose(frame, "kind", max_iter=1)


def test_every_candidate_is_scored_and_one_is_fitted(choice, frame):
    assert [(c.features, c.kind) for c in choice.candidates] == [
        ("raw", LOGISTIC),
        ("raw, unscaled", FOREST),
        (VAE, LOGISTIC),
        (BESIDE, LOGISTIC),
    ]
    assert len(choice.scores) == 4
    assert choice.skipped == []
    assert choice.scores[0].majority[1] == pytest.approx(0.5, abs=0.2)
    predicted = choice.pipeline.predict(frame.drop(columns="kind"))
    assert np.mean(predicted[:60] == frame["kind"][:60]) > 0.9


def test_the_same_seed_makes_the_same_choice(frame):
    fits = [choose(frame, "kind", classifier=FOREST).pipeline for _ in range(2)]
    assert_array_equal(*(fit.predict_proba(frame) for fit in fits))


def test_images_are_tried_as_drawings_and_large_ones_as_photographs():
    X, y = load_digits(return_X_y=True)
    small = default_candidates(Samples("digits", X, y, image_shape=(8, 8)))
    assert small[-1].features == IMAGE
    candidates = default_candidates(Samples("digits", np.repeat(X, 4, axis=1), y, image_shape=(16, 16)))
    assert [candidate.features for candidate in candidates][-2:] == [IMAGE, PHOTO]
    assert candidates[-1].extractor[-1].max_iter == 0  # its hidden layer is not trained


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return Samples("digits", X, mask_labels(y, 50, random_state=0), image_shape=(8, 8))


def test_a_graph_classifier_is_tried_on_images_that_are_partly_labeled(digits):
    last = default_candidates(digits)[-1]
    assert (last.features, last.kind) == (IMAGE, GRAPH)


@pytest.mark.slow
def test_a_graph_classifier_ships_with_its_encoder(digits, tmp_path):
    choice = choose(digits, classifier=GRAPH, max_iter=2)
    assert choice.scores[0].accuracy > 0.7
    predicted = choice.pipeline.predict(digits.X)
    assert np.mean(predicted == load_digits().target) > 0.7
    model = OnnxModel.load(export_onnx(choice.pipeline, tmp_path / "model.onnx", X=digits.X))
    assert_array_equal(model.run(digits.X)["label"], predicted)


@pytest.mark.parametrize(
    ("kind", "expected"), [(LOGISTIC, LogisticRegression), (FOREST, RandomForestClassifier)]
)
def test_a_kind_of_classifier_can_be_asked_for(kind, expected, frame):
    pipe = vaefeat.fit(frame, "kind", classifier=kind, max_seconds=0)
    assert isinstance(pipe[-1], expected)


def test_an_encoder_alone_ends_in_its_features(frame):
    pipe = choose(frame, "kind", encoder_only=True, max_iter=1).pipeline
    assert pipe.transform(frame.drop(columns="kind")).shape == (120, 256)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classifier": "oracle"}, "Got the classifier 'oracle', expected one of"),
        ({"classifier": FOREST, "encoder_only": True}, "No encoder is followed by random-forest"),
        ({"classifier": GRAPH}, "graph is for images of which some have no label"),
    ],
)
def test_what_cannot_be_chosen_is_refused(options, message, frame):
    with pytest.raises(ValueError, match=message):
        choose(frame, "kind", **options)


def test_without_a_target_there_is_nothing_to_predict(frame):
    with pytest.raises(ValueError, match="has no classes to predict"):
        choose(frame)


def test_when_time_is_over_the_other_candidates_are_skipped(frame):
    choice = choose(frame, "kind", max_seconds=0)
    assert len(choice.scores) == 1
    assert choice.skipped[-1] == "raw beside vae, logistic regression"


class Watching(TransformerMixin, BaseEstimator):
    """A transformer that must not be given labels, and keeps how many rows it was fitted to."""

    def fit(self, X, y=None):
        assert y is None
        self.n_rows_ = len(X)
        return self

    def transform(self, X):
        return X


class Learned(LogisticRegression):
    """A classifier that remembers how many labels it learned from, and refuses the mark of unlabeled rows."""

    n_labels = []

    def fit(self, X, y):
        assert "-1" not in y.astype(str)
        Learned.n_labels.append(len(y))
        return super().fit(X, y)


def test_features_learn_from_all_rows_without_labels_and_classifiers_from_labeled_rows(frame, monkeypatch):
    Learned.n_labels.clear()
    candidate = Candidate(RAW, make_pipeline(Watching()), LOGISTIC, Learned())
    monkeypatch.setattr(runs, "default_candidates", lambda *args: [candidate])
    pipeline = choose(frame, "kind").pipeline
    assert pipeline.named_steps["watching"].n_rows_ == 120
    assert max(Learned.n_labels[:-1]) == 48
    assert Learned.n_labels[-1] == 60


def test_the_verdict_says_where_an_encoder_does_not_pay(choice):
    assert verdict(choice).startswith("With 60 labels: raw, ")
    assert verdict(choice).endswith("do not bother with an encoder here: it does not pay.")


def test_the_verdict_says_where_nothing_is_to_be_learned(frame):
    useless = frame.assign(kind=np.random.default_rng(2).choice(["good", "bad"], 120))
    assert "hardly better than guessing" in verdict(choose(useless, "kind", max_seconds=0))


def test_the_verdict_says_where_an_encoder_is_only_surer(choice):
    better = replace(choice, chosen=2, scores=[*choice.scores[:2], choice.scores[0], choice.scores[3]])
    assert verdict(better).endswith(
        "Ship it: the encoder makes it surer of the right class, though hardly right more often."
    )


@pytest.fixture(scope="module")
def prices(frame):
    rng = np.random.default_rng(0)
    price = 3e5 + 1e5 * frame["a"] + 5e4 * (frame["color"] == "red") + 1e4 * rng.normal(size=120)
    return frame.drop(columns="kind").assign(price=price.where(frame.index < 60))


def test_quantities_are_predicted_by_ridge_regression_or_a_forest(prices):
    choice = choose(prices, "price", max_iter=1)
    assert [candidate.kind for candidate in choice.candidates] == [RIDGE, FOREST, RIDGE, RIDGE]
    assert isinstance(choice.pipeline[-1], RidgeCV)
    assert choice.scores[0].value > 0.95
    assert verdict(choice).startswith("With 60 labels: raw, ridge, 0.9")
    assert verdict(choice).endswith("do not bother with an encoder here: it does not pay.")


@pytest.mark.parametrize("kind", [RIDGE, FOREST])
@pytest.mark.parametrize("offset", [0, 1e6])
def test_a_file_predicts_quantities_as_the_pipeline_does(kind, offset, prices, tmp_path):
    pipe = vaefeat.fit(prices.assign(price=prices["price"] + offset), "price", classifier=kind, max_seconds=0)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "model.onnx", X=prices.drop(columns="price")))
    rows = prices.assign(color="green", a=prices["a"].where(prices.index % 5 > 0))
    found = model.run(rows)["prediction"]
    assert found.shape == (120, 1)
    np.testing.assert_allclose(found[:, 0], pipe.predict(rows), rtol=1e-5)


def test_few_numbers_are_quantities_where_this_is_said(frame):
    rated = frame.assign(kind=np.digitize(frame["a"], [-1, 0, 1]))
    assert choose(rated, "kind", max_seconds=0).samples.task == "classification"
    assert choose(rated, "kind", max_seconds=0, task="regression").scores[0].metric == "R²"
    with pytest.raises(ValueError, match="expected one of ridge, random-forest here"):
        choose(rated, "kind", task="regression", classifier=LOGISTIC)


def test_guessing_the_mean_of_quantities_is_not_to_be_shipped(prices):
    noise = prices.assign(price=np.random.default_rng(2).normal(size=120))
    assert "hardly better than guessing (0.000)" in verdict(choose(noise, "price", max_seconds=0))


def test_arrays_are_learned_from_as_they_are():
    X, y = load_digits(return_X_y=True)
    pipe = vaefeat.fit(X[:200].reshape(-1, 8, 8), y[:200], classifier=FOREST)
    assert pipe.score(X[:200], y[:200]) > 0.9


def test_gaps_in_an_array_are_filled():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = np.where(X[:, 0] > 0, "good", "bad")
    X[::7] = np.nan
    assert vaefeat.fit(X, y, classifier=LOGISTIC, max_seconds=0).predict(X).shape == (60,)
