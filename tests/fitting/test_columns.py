import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vaefeat import OnnxModel, export_onnx
from vaefeat.data.samples import Samples
from vaefeat.fitting import ColumnEncoder, default_candidates
from vaefeat.fitting.candidates import FOREST

N = 1_000


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(N) < 0.2, np.nan, rng.normal(40, 10, N)),
            "home": rng.choice(["rent", "own", "other", None], N),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="D"),
            "amount": rng.integers(0, 2**40, N),
        }
    )


@pytest.fixture(scope="module")
def y(frame):
    return np.where(frame["age"].fillna(0) + 10 * (frame["home"] == "rent") > 35, "yes", "no")


@pytest.mark.parametrize("classifier", [LogisticRegression(), RandomForestClassifier(20, random_state=0)])
def test_a_file_gives_what_the_pipeline_gives_with_gaps_and_unseen_categories(classifier, frame, y, tmp_path):
    scalers = [StandardScaler()] if isinstance(classifier, LogisticRegression) else []
    pipe = make_pipeline(ColumnEncoder(), SimpleImputer(strategy="median"), *scalers, classifier).fit(
        frame, y
    )
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "model.onnx", X=frame))
    rows = frame.assign(home=frame["home"].where(frame.index % 7 > 0, "a boat"))
    rows.loc[::5, ["age", "amount"]] = np.nan
    outputs = model.run(rows[rows.columns[::-1]])
    assert_array_equal(outputs["label"], pipe.predict(rows))
    assert_allclose(outputs["probabilities"], pipe.predict_proba(rows), atol=1e-5)


def test_ties_of_a_forest_break_in_a_file_as_in_the_pipeline(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 4)).astype(np.float32), rng.integers(0, 9, 200)
    forest = next(each for each in default_candidates(Samples("rows", X, y)) if each.kind == FOREST)
    pipe = make_pipeline(forest.extractor, forest.predictor).fit(X, y)
    rows = rng.normal(size=(1_000, 4)).astype(np.float32)
    outputs = OnnxModel.load(export_onnx(pipe, tmp_path / "model.onnx", X=X)).run(rows)
    top = np.sort(outputs["probabilities"], axis=1)
    assert np.sum(top[:, -1] == top[:, -2]) > 100
    assert_array_equal(outputs["probabilities"], pipe.predict_proba(rows))
    assert_array_equal(outputs["label"], pipe.predict(rows))


def test_the_card_names_the_features_and_holds_the_plan(frame, y, tmp_path):
    pipe = make_pipeline(ColumnEncoder(), SimpleImputer(), LogisticRegression()).fit(frame, y)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "model.onnx", X=frame))
    assert model.card["inputs"]["feature_names"] == pipe[0].plan_.feature_names
    assert model.plan == pipe[0].plan_


def test_an_encoder_takes_features_that_are_encoded_already(frame):
    encoder = ColumnEncoder().fit(frame)
    X = encoder.transform(frame)
    assert_array_equal(encoder.transform(X), X)
    assert encoder.get_feature_names_out().tolist() == encoder.plan_.feature_names
