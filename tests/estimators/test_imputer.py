from copy import copy

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
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


@pytest.mark.slow
def test_the_default_is_an_autoencoder_that_was_shown_gaps():
    imputer = AutoencoderImputer().fit(X[:50])
    assert imputer.estimator_.corruption == MaskingNoise(0.2)
    assert_allclose(imputer.statistics_, np.nanmean(X[:50], axis=0))


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


def test_a_feature_without_any_value_is_refused():
    empty = X.copy()
    empty[:, [1, 3]] = np.nan
    with pytest.raises(ValueError, match=r"The features \[1, 3\] have no value at all: drop them"):
        AutoencoderImputer(autoencoder()).fit(empty)


@pytest.mark.parametrize("params", [{"n_iter": 0}, {"add_indicator": "yes"}, {"estimator": StandardScaler()}])
def test_bad_parameters_are_named(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        AutoencoderImputer(**{"estimator": autoencoder()} | params).fit(X)


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
