import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_wine
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from vaefeat import (
    Bernoulli,
    Categorical,
    Gaussian,
    OnnxModel,
    SwapNoise,
    VAEEncoderTransformer,
    export_onnx,
)
from vaefeat.fitting import ColumnEncoder
from vaefeat.recipes import make_table_pipeline, table_encoder, table_likelihood, table_scaler

FRAME = pd.DataFrame(
    {
        "age": [30.0, 40.0, 50.0, 60.0],
        "income": [1.0, None, 3.0, 4.0],
        "home": ["rent", "own", "rent", None],
        "color": ["red", "blue", "red", "blue"],
        "member": [True, False, True, True],
        "since": pd.to_datetime(["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01"]),
        "amount": [5, 6, 7, 9],
    }
)


def test_the_pipeline_takes_gaps_and_exports_raw_and_learned_features(tmp_path):
    X, y = load_wine(return_X_y=True)
    X[::5, 0] = np.nan
    pipe = make_table_pipeline(4, random_state=0, max_iter=5, hidden_layer_sizes=(32,), batch_size=20)
    train = np.arange(len(X)) % 3 > 0
    assert pipe.fit(X[train], y[train]).score(X[~train], y[~train]) > 0.9
    assert pipe[:-1].transform(X).shape == (len(X), 13 + 32)
    export_onnx(pipe, tmp_path / "model.onnx", X=X)
    outputs = OnnxModel.load(tmp_path / "model.onnx").run(X.astype(np.float32))
    assert_array_equal(outputs["label"], pipe.predict(X))
    assert_allclose(outputs["probabilities"], pipe.predict_proba(X), atol=1e-5)


def test_the_encoder_returns_its_hidden_layer_unless_asked_for_another():
    assert table_encoder().output == "hidden"
    assert table_encoder(output="z_mean", n_components=3).output == "z_mean"


def test_two_views_of_a_row_are_drawn_together():
    X = load_wine().data
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    encoder = table_encoder(3, max_iter=2, random_state=0).fit(X)
    assert encoder.corruption == SwapNoise(0.4)
    assert len(encoder.history_["contrast"]) == 2


def test_each_column_of_a_table_has_the_likelihood_of_its_kind():
    plan = ColumnEncoder().fit(FRAME).plan_
    likelihood = table_likelihood(plan)
    assert likelihood.groups == (
        (Gaussian(0.1), 2),  # two numbers
        (Bernoulli(), 1),  # a gap
        (Categorical(), 3),
        (Categorical(), 2),  # a category is never merged with another
        (Bernoulli(), 1),
        (Gaussian(0.1), 2),  # a date, and a number
    )
    assert likelihood.n_columns == len(plan.feature_names)
    assert table_likelihood(plan, variance="learned").groups[0] == (Gaussian("learned"), 2)


def test_numbers_are_standardized_and_the_features_keep_their_order():
    encoder = ColumnEncoder().fit(FRAME)
    X = np.nan_to_num(encoder.transform(FRAME), nan=2.0)
    scaled = table_scaler(encoder.plan_).fit_transform(X)
    is_number = np.isin(encoder.plan_.feature_names, ["age", "income", "since", "amount"])
    assert_array_equal(scaled[:, ~is_number], X[:, ~is_number])
    assert_allclose(scaled[:, is_number].mean(axis=0), 0, atol=1e-6)
    assert_allclose(scaled[:, is_number].std(axis=0), 1, rtol=1e-6)


# --- whole Pipelines for tables as they are ---

N = 300


def churn_like(rng):
    """Numbers of any size, and categories, some with many values; no gaps."""
    minutes = rng.gamma(4.0, 50.0, N)
    frame = pd.DataFrame(
        {
            "state": rng.choice([f"state {i}" for i in range(40)], N),
            "plan": rng.choice(["yes", "no"], N, p=[0.1, 0.9]),
            "messages": rng.poisson(8.0, N) * (rng.random(N) < 0.3),
            "minutes": minutes,
            "charge": minutes * 0.17,
        }
    )
    return frame, np.where(minutes > 250, "yes", "no")


def credit_like(rng):
    """Numbers, dates, truth values and categories, with gaps in all of them."""
    income = rng.lognormal(5.0, 0.5, N)
    frame = pd.DataFrame(
        {
            "home": rng.choice(["rent", "own", "other"], N),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="D"),
            "income": income,
            "debt": rng.random(N) < 0.2,
            "amount": rng.integers(0, 2**40, N).astype(float),
        }
    )
    return frame.mask(rng.random(frame.shape) < 0.1), np.where(income > 150, "good", "bad")


def soybean_like(rng):
    """Categories alone, many of them missing."""
    kind = rng.integers(0, 3, N)
    columns = {f"leaf {i}": (kind + (rng.random(N) < 0.2)) % 4 for i in range(6)}
    frame = pd.DataFrame(columns).map("abcd".__getitem__)
    return frame.mask(rng.random(frame.shape) < 0.2), np.array(["rust", "rot", "spot"])[kind]


def with_gaps_and_unseen_categories(frame, plan, rng):
    categories = [column.name for column in plan.columns if column.kind == "category"]
    rows = frame.astype(object)
    rows[categories] = rows[categories].mask(rng.random((N, len(categories))) < 0.3, "never seen")
    others = rows.columns.difference(categories)
    rows[others] = rows[others].mask(rng.random((N, len(others))) < 0.3)
    rows[categories] = rows[categories].mask(rng.random((N, len(categories))) < 0.1, None)
    return rows


@pytest.mark.parametrize(
    "make", [pytest.param(churn_like, marks=pytest.mark.slow), credit_like, soybean_like]
)
def test_a_file_gives_what_the_pipeline_gives_with_gaps_and_unseen_categories(make, tmp_path):
    rng = np.random.default_rng(0)
    frame, y = make(rng)
    encoder = ColumnEncoder().fit(frame)
    plan = encoder.plan_
    vae = VAEEncoderTransformer(
        4, hidden_layer_sizes=(32,), likelihood=table_likelihood(plan), max_iter=5, random_state=0
    )
    pipe = make_pipeline(
        encoder,
        SimpleImputer(strategy="median", keep_empty_features=True),
        table_scaler(plan),
        vae.set_params(output="hidden"),
        LogisticRegression(max_iter=1_000),
    ).fit(frame, y)
    assert pipe.score(frame, y) > 0.8
    rows = with_gaps_and_unseen_categories(frame, plan, rng)
    outputs = OnnxModel.load(export_onnx(pipe, tmp_path / "model.onnx", X=frame)).run(rows)
    assert_allclose(outputs["probabilities"], pipe.predict_proba(rows), atol=1e-5)
    assert_array_equal(outputs["label"], pipe.predict(rows))
