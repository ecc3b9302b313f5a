from copy import copy
from functools import partial
from unittest.mock import patch

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vaefeat import (
    AutoencoderImputer,
    AutoencoderTransformer,
    MaskingNoise,
    OnnxModel,
    VAEEncoderTransformer,
    export_onnx,
)
from vaefeat.estimators._gaps import GapNetwork

RNG = np.random.default_rng(0)
COMPLETE = RNG.normal(size=(400, 2)) @ RNG.normal(size=(2, 6))  # in a plane, so that features tell of others
MISSING = RNG.uniform(size=COMPLETE.shape) < 0.2
MISSING[:, 5] = False
X = np.where(MISSING, np.nan, COMPLETE)
X.setflags(write=False)
MEANS = np.nanmean(X, axis=0)
SETTINGS = {"hidden_layer_sizes": (32,), "learning_rate_init": 1e-2, "max_iter": 60, "random_state": 0}


def autoencoder(**params):
    return AutoencoderTransformer(2, **SETTINGS | {"corruption": MaskingNoise(0.2)} | params)


def rmse(imputed):
    return np.sqrt(np.mean(np.square(imputed - COMPLETE)[MISSING]))


@pytest.fixture(scope="module")
def fitted():
    return AutoencoderImputer(autoencoder(), add_indicator=True).fit(X)


@pytest.mark.parametrize(
    "estimator", [autoencoder(), VAEEncoderTransformer(2, **SETTINGS)], ids=["autoencoder", "vae"]
)
def test_what_is_missing_is_told_from_the_rest_and_what_is_there_stays(estimator):
    imputed = AutoencoderImputer(estimator).fit_transform(X)
    assert_array_equal(imputed[~MISSING], X[~MISSING])
    assert rmse(imputed) < 0.5 * rmse(np.where(MISSING, MEANS, X))


def test_iterating_helps_an_autoencoder_that_was_shown_no_gaps():
    imputer = AutoencoderImputer(autoencoder(corruption=None)).fit(COMPLETE)
    once, often = (rmse(imputer.set_params(n_iter=n_iter).transform(X)) for n_iter in (1, 5))
    assert often < 0.9 * once


def test_rows_that_are_complete_pass_as_they_are_in_their_own_dtype(fitted):
    for dtype in (np.float32, np.float64):
        rows = COMPLETE.astype(dtype)
        passed = fitted.transform(rows)[:, :6]
        assert_array_equal(passed, rows)
        assert passed.dtype == dtype


def test_the_indicator_marks_features_that_had_gaps_in_training(fitted):
    assert_array_equal(fitted.transform(X)[:, 6:], MISSING[:, :5])
    assert_array_equal(fitted.get_feature_names_out()[6:], [f"missingindicator_x{i}" for i in range(5)])


def test_data_frames_keep_their_names():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    imputer = AutoencoderImputer(autoencoder(max_iter=1)).set_output(transform="pandas")
    assert list(imputer.fit_transform(frame).columns) == list("abcdef")


def test_the_same_row_gets_the_same_values_alone_and_in_company(fitted):
    alone = np.concatenate([fitted.transform(X[i : i + 1]) for i in range(20)])
    assert_array_equal(alone, fitted.transform(X)[:20])


@pytest.mark.parametrize("estimator", [autoencoder(), None])
def test_a_feature_without_any_value_is_refused(estimator):
    empty = X.copy()
    empty[:, [1, 3]] = np.nan
    with pytest.raises(ValueError, match=r"The features \[1, 3\] have no value at all: drop them"):
        AutoencoderImputer(estimator).fit(empty)


@pytest.mark.parametrize("params", [{"n_iter": 0}, {"add_indicator": "yes"}, {"estimator": StandardScaler()}])
def test_bad_parameters_are_named(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        AutoencoderImputer(**{"estimator": autoencoder()} | params).fit(X)


# --- the default: a normal distribution, and a network that corrects it ---


@pytest.fixture(scope="module")
def default():
    with patch("vaefeat.estimators._imputer.GapNetwork", partial(GapNetwork, (32,), n_steps=200)):
        return AutoencoderImputer(add_indicator=True).fit(5 + 3 * X)


@pytest.mark.slow
def test_the_default_fills_noisy_linear_data_as_well_as_regression_does_on_any_scale():
    noisy = X + 0.3 * RNG.normal(size=X.shape)
    regression = IterativeImputer(max_iter=50, tol=1e-2, random_state=0).fit_transform(noisy)
    network = GapNetwork((32,), n_steps=200).fit(5 + 3 * noisy)
    imputed = (network.impute(5 + 3 * noisy) - 5) / 3
    assert rmse(imputed) < 1.02 * rmse(regression)


def test_the_default_leaves_observed_values_as_they_are(default):
    assert_array_equal(default.transform(5 + 3 * X)[:, :6][~MISSING], (5 + 3 * X)[~MISSING])


@pytest.mark.slow
def test_the_default_learns_what_is_not_linear():
    angles = RNG.uniform(-np.pi, np.pi, (600, 1)) * [1, 2, 3]
    network = GapNetwork((64,), n_steps=500, learning_rate_init=1e-2)
    network.fit(np.hstack([np.cos(angles), np.sin(angles)]))  # uncorrelated
    assert not network.is_normal_
    assert min(network.history_["val_loss"]) < 0.8 * network.history_["val_normal"][0]


def test_a_network_that_learned_nothing_is_left_out():
    noise = RNG.normal(size=(60, 4))
    network = GapNetwork((64,), n_steps=100, learning_rate_init=0.1).fit(noise)
    assert network.is_normal_
    mean = noise.mean(axis=0)
    assert_allclose(network.impute(np.full((1, 4), np.nan))[0], mean, atol=1e-5)


@pytest.mark.parametrize("add_indicator", [False, True])
def test_the_file_of_the_default_gives_what_it_gives_and_takes_nan(default, add_indicator, tmp_path):
    imputer = copy(default)
    imputer.indicator_ = default.indicator_ if add_indicator else None
    rows = (5 + 3 * X).astype(np.float32)
    rows[0] = np.nan
    model = OnnxModel.load(export_onnx(imputer, tmp_path / "imputer.onnx", X=rows))
    assert_allclose(model.run(rows)["features"], imputer.transform(rows), rtol=1e-5, atol=1e-5)
    assert model.card["inputs"]["allow_nan"]


def test_the_default_keeps_the_names_of_a_frame_and_gives_each_row_the_same_values_alone(default):
    rows = (5 + 3 * X)[:20]
    alone = np.concatenate([default.transform(rows[i : i + 1]) for i in range(20)])
    assert_allclose(alone, default.transform(rows), rtol=1e-5)


@pytest.mark.slow
def test_the_default_itself_is_a_gap_network():
    imputer = AutoencoderImputer().fit(X[:50])
    assert isinstance(imputer.estimator_, GapNetwork)
    assert imputer.estimator_.hidden_layer_sizes == (256, 256)


# --- ONNX ---


@pytest.mark.parametrize("add_indicator", [False, True])
@pytest.mark.parametrize(
    "estimator",
    [autoencoder(max_iter=5), VAEEncoderTransformer(2, **SETTINGS | {"max_iter": 5})],
    ids=["autoencoder", "vae"],
)
def test_its_file_gives_what_it_gives_and_takes_nan(estimator, add_indicator, tmp_path):
    imputer = AutoencoderImputer(estimator, n_iter=3, add_indicator=add_indicator).fit(X)
    model = OnnxModel.load(export_onnx(imputer, tmp_path / "imputer.onnx", X=X))
    rows = X.astype(np.float32)
    assert_allclose(model.run(rows)["features"], imputer.transform(rows), atol=1e-5)
    assert model.card["inputs"]["allow_nan"]
    with pytest.raises(ValueError, match="X contains NaN or infinity: got inf in row 0, column 2"):
        model.run([[0, 0, np.inf, 0, np.nan, 0]])


def test_iterations_share_their_weights_in_the_file(fitted):
    from vaefeat.export.pipeline import convert_estimator

    once, often = (
        len(convert_estimator(copy(fitted).set_params(n_iter=n_iter)).SerializeToString())
        for n_iter in (1, 10)
    )
    networks = len(fitted.estimator_.encoder_.to_bytes()) + len(fitted.estimator_.decoder_.to_bytes())
    assert often - once < 2 * networks


def test_a_pipeline_from_incomplete_rows_to_a_class_is_exported_as_one_file(tmp_path):
    y = COMPLETE[:, 0] > 0
    imputer = AutoencoderImputer(autoencoder(max_iter=5), n_iter=2, add_indicator=True)
    pipe = make_pipeline(StandardScaler(), imputer, LogisticRegression()).fit(X, y)
    outputs = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X)).run(X)
    assert_allclose(outputs["probabilities"], pipe.predict_proba(X), atol=1e-5)


def test_the_features_behind_it_may_be_an_output_too(tmp_path):
    y = COMPLETE[:, 0] > 0
    imputer = AutoencoderImputer(autoencoder(max_iter=5))
    encoder = AutoencoderTransformer(3, **SETTINGS | {"max_iter": 5})
    pipe = make_pipeline(StandardScaler(), imputer, encoder, LogisticRegression()).fit(X, y)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X, with_features=True))
    assert_allclose(model.run(X)["code"], pipe[:-1].transform(X), atol=1e-5)


def test_it_unpickles_and_works_without_tensorflow(fitted, tmp_path, run_fresh):
    joblib.dump((fitted, X[:3]), tmp_path / "imputer.joblib")
    printed = run_fresh(
        f"""
        import joblib
        imputer, X = joblib.load({str(tmp_path / "imputer.joblib")!r})
        print(imputer.transform(X).tolist())
        """,
        absent=["tensorflow", "keras", "tf2onnx", "skl2onnx", "onnx"],
    )
    assert printed == str(fitted.transform(X[:3]).tolist())
