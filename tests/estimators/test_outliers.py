from functools import partial
from unittest.mock import patch

import joblib
import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skl2onnx import to_onnx
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from vaefeat import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    OnnxModel,
    VAEEncoderTransformer,
    export_onnx,
)
from vaefeat.estimators import _typicality
from vaefeat.estimators._typicality import Typicality
from vaefeat.exceptions import ExportError

RNG = np.random.default_rng(0)
# On a line in space, but for some that are off it.
INLIERS = RNG.normal(size=(300, 1)) @ np.array([[1.0, 2.0, -1.0]]) + 0.05 * RNG.normal(size=(300, 3))
OUTLIERS = RNG.normal(size=(15, 3))
X = np.concatenate([INLIERS, OUTLIERS]).astype(np.float32)
IS_INLIER = np.arange(315) < 300
SETTINGS = {"hidden_layer_sizes": (), "learning_rate_init": 1e-2, "max_iter": 150, "random_state": 0}


def autoencoder(**params):
    return AutoencoderTransformer(1, **SETTINGS | params)


ESTIMATORS = {
    "autoencoder": autoencoder,
    "autoencoder in a pipeline": lambda: make_pipeline(StandardScaler(), autoencoder(max_iter=5)),
    "autoencoder of probabilities": lambda: make_pipeline(
        MinMaxScaler(clip=True), autoencoder(loss="log_loss", max_iter=5)
    ),
    "vae": lambda: VAEEncoderTransformer(1, **SETTINGS | {"hidden_layer_sizes": (16,)}),
    "vae of probabilities": lambda: make_pipeline(
        MinMaxScaler(clip=True),
        VAEEncoderTransformer(1, **SETTINGS | {"max_iter": 5}, likelihood="bernoulli"),
    ),
}


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request):
    return AutoencoderOutlierDetector(ESTIMATORS[request.param]()).fit(X)


@pytest.fixture(scope="module")
def detector():
    return AutoencoderOutlierDetector(autoencoder()).fit(X)


@pytest.mark.parametrize("kind", ["autoencoder", "vae"])
def test_what_is_off_the_line_scores_lower(kind):
    scores = AutoencoderOutlierDetector(ESTIMATORS[kind]()).fit(X).score_samples(X)
    assert roc_auc_score(IS_INLIER, scores) > 0.85


def test_scores_decisions_and_labels_agree_and_are_the_same_each_time(fitted):
    scores = fitted.score_samples(X)
    assert scores.dtype == np.float64
    assert_array_equal(scores, fitted.estimator_.score_samples(X).astype(float))
    assert_array_equal(fitted.decision_function(X), scores - fitted.offset_)
    assert_array_equal(fitted.predict(X), np.where(scores >= fitted.offset_, 1, -1))
    assert_array_equal(fitted.score_samples(X), scores)


@pytest.mark.parametrize("contamination", [0.05, 0.5])
def test_the_share_of_outliers_is_the_one_asked_for(contamination):
    labels = AutoencoderOutlierDetector(autoencoder(), contamination=contamination).fit_predict(X)
    assert_allclose(np.mean(labels == -1), contamination, atol=1 / len(X))


def test_auto_takes_for_outliers_what_lies_beyond_tukey_s_fence(detector):
    lower, upper = np.percentile(detector.score_samples(X), [25, 75])
    assert detector.offset_ == pytest.approx(lower - 1.5 * (upper - lower))
    assert np.mean(detector.predict(OUTLIERS) == -1) > 0.7
    assert np.mean(detector.predict(INLIERS) == 1) > 0.9


@pytest.mark.parametrize(("kind", "distance"), [("vae", 1e19), ("autoencoder", 1e25), ("autoencoder", 3e38)])
def test_a_sample_that_is_too_far_for_float32_is_an_outlier_here_and_in_the_file(kind, distance, tmp_path):
    detector = AutoencoderOutlierDetector(ESTIMATORS[kind]()).fit(X)
    far = np.array([[1, 1, 1], [-1, 1, 1]]) * distance
    assert_array_equal(detector.score_samples(far), -np.inf)
    assert_array_equal(detector.predict(far), -1)
    outputs = OnnxModel.load(export_onnx(detector, tmp_path / "detector.onnx", X=X)).run(far)
    assert_array_equal(outputs["scores"], -np.inf)
    assert_array_equal(outputs["label"], -1)


@pytest.mark.parametrize("contamination", ["auto", 0.3])
def test_training_samples_that_are_too_far_for_float32_are_refused(contamination):
    rows = np.concatenate([X, np.full((200, 3), 1e25)])
    with pytest.raises(ValueError, match="not hold the scores of 515 of 515 training samples: put"):
        AutoencoderOutlierDetector(autoencoder(max_iter=0), contamination=contamination).fit(rows)


def test_any_estimator_that_scores_will_do_but_ours_alone_leave(tmp_path):
    detector = AutoencoderOutlierDetector(GaussianMixture(random_state=0)).fit(X)
    assert roc_auc_score(IS_INLIER, detector.score_samples(X)) > 0.9
    with pytest.raises(ExportError, match="The scores of GaussianMixture cannot be exported"):
        export_onnx(detector, tmp_path / "detector.onnx", X=X)


@pytest.mark.parametrize(
    "params", [{"contamination": 0.6}, {"contamination": 0.0}, {"estimator": StandardScaler()}]
)
def test_bad_parameters_are_named(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        AutoencoderOutlierDetector(**{"estimator": autoencoder()} | params).fit(X)


# --- the default: neighbors, their code and a reconstruction ---


@pytest.fixture(scope="module")
def default():
    small = AutoencoderTransformer(2, hidden_layer_sizes=(8,), n_steps=100, random_state=0)
    with patch("vaefeat.estimators._outliers.Typicality", partial(Typicality, small)):
        return AutoencoderOutlierDetector().fit(10 + 5 * X[IS_INLIER])


def test_the_default_scores_what_is_off_the_line_lower_on_any_scale(default):
    assert roc_auc_score(IS_INLIER, default.score_samples(10 + 5 * X)) > 0.9
    assert_array_equal(default.predict(1e4 * (1 + OUTLIERS)), -1)


def test_the_scores_of_training_samples_have_mean_0_but_for_being_their_own_neighbors(default):
    scores = default.score_samples(10 + 5 * X[IS_INLIER])
    assert 0 < scores.mean() < 0.6


def test_the_default_gives_the_same_labels_and_scores_in_its_file(default, tmp_path):
    rows = 10 + 5 * X
    path = export_onnx(default, tmp_path / "detector.onnx", X=rows)
    far = np.concatenate([rows, [[1e25, 0, 0], [0, -3e38, 0]]])
    outputs = OnnxModel.load(path).run(far)
    assert_array_equal(outputs["label"][:, 0], default.predict(far))
    assert_allclose(outputs["scores"][:, 0], default.decision_function(far), atol=1e-4)
    assert_array_equal(default.score_samples(far)[-2:], -np.inf)


def test_the_default_in_a_pipeline_is_one_file_too(default, tmp_path):
    pipe = make_pipeline(StandardScaler(), AutoencoderOutlierDetector(default.estimator_)).fit(X)
    outputs = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X)).run(X)
    assert_array_equal(outputs["label"][:, 0], pipe.predict(X))


def test_the_file_holds_no_more_than_so_many_training_samples(default, monkeypatch):
    monkeypatch.setattr(_typicality, "MAX_REFERENCES", 20)
    few = clone(default.estimator_).fit(X)
    sizes = [len(model.scores_.to_bytes()) for model in (default.estimator_, few)]
    assert sizes[0] - sizes[1] > 4 * (300 - 20) * 5  # float32, of three features and two units
    assert roc_auc_score(IS_INLIER, few.score_samples(X)) > 0.8


def test_constant_features_and_duplicates_do_no_harm(default):
    rows = np.repeat(np.hstack([X[:20], np.ones((20, 1))]), 8, axis=0)
    model = clone(default.estimator_).fit(rows)
    assert np.isfinite(model.score_samples(rows)).all()
    assert model.score_samples(rows[:1] + 10) < model.score_samples(rows).min()


def test_of_two_training_samples_the_other_is_the_neighbor(default):
    model = clone(default.estimator_).fit(X[:2])
    assert np.isfinite(model.score_samples(X)).all()


def test_fewer_wide_samples_are_kept(default, monkeypatch):
    monkeypatch.setattr(_typicality, "MAX_VALUES", 20 * X.shape[1])
    few = clone(default.estimator_).fit(X)
    assert len(few.scores_.to_bytes()) < len(default.estimator_.scores_.to_bytes())


@pytest.mark.slow
def test_the_default_itself_is_a_typicality():
    detector = AutoencoderOutlierDetector().fit(X)
    assert isinstance(detector.estimator_, Typicality)
    assert detector.estimator_.autoencoder_.n_components == 32
    assert roc_auc_score(IS_INLIER, detector.score_samples(X)) > 0.9


# --- ONNX ---


def test_its_file_gives_its_labels_and_its_scores(fitted, tmp_path):
    model = OnnxModel.load(export_onnx(fitted, tmp_path / "detector.onnx", X=X))
    assert model.n_outputs == {"label": 1, "scores": 1}
    outputs = model.run(X)
    expected = fitted.decision_function(X)
    assert_allclose(outputs["scores"][:, 0], expected, atol=1e-5 * max(1, np.abs(expected).max()))
    assert_array_equal(outputs["label"][:, 0], fitted.predict(X))


def test_a_pipeline_that_ends_in_a_detector_is_exported_as_one_file(tmp_path):
    pipe = make_pipeline(StandardScaler(), AutoencoderOutlierDetector(autoencoder())).fit(X)
    outputs = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X)).run(X)
    assert_array_equal(outputs["label"][:, 0], pipe.predict(X))
    assert_allclose(outputs["scores"][:, 0], pipe.decision_function(X), atol=1e-4)


def test_steps_that_do_nothing_are_left_out_of_the_file(tmp_path):
    inner = make_pipeline("passthrough", StandardScaler(), autoencoder())
    detector = AutoencoderOutlierDetector(inner).fit(X)
    outputs = OnnxModel.load(export_onnx(detector, tmp_path / "detector.onnx", X=X)).run(X)
    assert_array_equal(outputs["label"][:, 0], detector.predict(X))


def test_a_detector_of_scikit_learn_is_exported_with_the_same_outputs(tmp_path):
    forest = make_pipeline(StandardScaler(), IsolationForest(n_estimators=10, random_state=0)).fit(X)
    outputs = OnnxModel.load(export_onnx(forest, tmp_path / "forest.onnx", X=X)).run(X)
    assert_array_equal(outputs["label"][:, 0], forest.predict(X))


def test_plain_skl2onnx_converts_it(detector):
    proto = to_onnx(detector, X[:1])
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    label, scores = session.run(None, {"X": X})
    assert_array_equal(label[:, 0], detector.predict(X))
    assert_allclose(scores[:, 0], detector.decision_function(X), atol=1e-4)


def test_it_unpickles_and_works_without_tensorflow(detector, tmp_path, run_fresh):
    joblib.dump((detector, X), tmp_path / "detector.joblib")
    printed = run_fresh(
        f"""
        import joblib
        detector, X = joblib.load({str(tmp_path / "detector.joblib")!r})
        print(detector.predict(X).tolist())
        """,
        absent=["tensorflow", "keras", "tf2onnx", "skl2onnx", "onnx"],
    )
    assert printed == str(detector.predict(X).tolist())
