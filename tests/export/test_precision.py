import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vaefeat import OnnxModel, VAEEncoderTransformer, export_onnx
from vaefeat.exceptions import ParityError

N = 400
RNG = np.random.default_rng(0)
OTHER = RNG.normal(size=N)
COLUMNS = {
    "milliseconds since 1970": 1.7e12 + RNG.uniform(0, 1e6, N),
    "numbers near 1e8": 1e8 + RNG.permutation(N),
    "longitudes within a city block": -99.1332 + RNG.normal(size=N) * 1e-4,
}


def pipeline(last):
    encoder = VAEEncoderTransformer(2, hidden_layer_sizes=(16,), max_iter=5, random_state=0)
    return make_pipeline(StandardScaler(), encoder, last)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("named", [True, False])
def test_a_column_that_float32_cannot_hold_is_named_and_nothing_is_written(name, named, tmp_path):
    values = COLUMNS[name]
    X = pd.DataFrame({"other": OTHER, "column": values})
    column = "'column'" if named else "1"
    if not named:
        X = X.to_numpy()
    pipe = pipeline(LogisticRegression()).fit(X, values > np.median(values))
    with pytest.raises(ParityError, match=rf"^Column {column} needs more precision .* of 400 .* Center it"):
        export_onnx(pipe, tmp_path / "pipe.onnx", X=X)
    assert list(tmp_path.iterdir()) == []


def test_a_regressor_s_column_that_float32_cannot_hold_is_named(tmp_path):
    X = np.column_stack([OTHER, COLUMNS["milliseconds since 1970"]])
    with pytest.raises(ParityError, match=r"Column 1 .* the outputs of .* of 400 rows would change"):
        export_onnx(pipeline(Ridge()).fit(X, OTHER), tmp_path / "pipe.onnx", X=X)


@pytest.mark.parametrize("name", COLUMNS)
def test_centered_as_the_message_says_the_same_column_is_exported(name, tmp_path):
    values = COLUMNS[name] - COLUMNS[name][0]
    X, y = np.column_stack([OTHER, values]), values > np.median(values)
    pipe = pipeline(LogisticRegression()).fit(X, y)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X))
    assert_array_equal(model.run(X)["label"].astype(bool), pipe.predict(X))


@pytest.mark.parametrize("dtype", ["float64", "int64", "Int64", "Float64", "bool"])
def test_data_frames_of_any_numbers_are_exported(dtype, tmp_path):
    X = pd.DataFrame({"a": OTHER, "b": pd.Series(RNG.integers(0, 2, N)).astype(dtype)})
    pipe = pipeline(LogisticRegression()).fit(X, OTHER > 0)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X))
    assert_array_equal(model.run(X)["label"].astype(bool), pipe.predict(X))


def test_a_computation_that_deviates_is_not_blamed_on_a_column(tmp_path, monkeypatch):
    X = RNG.normal(size=(N, 3))
    pipe = pipeline(LogisticRegression()).fit(X, X[:, 0] > 0)
    transform = StandardScaler.transform
    monkeypatch.setattr(StandardScaler, "transform", lambda self, X: transform(self, X) + 0.1)
    with pytest.raises(ParityError, match="The first step that deviates: standardscaler"):
        export_onnx(pipe, tmp_path / "pipe.onnx", X=X)
