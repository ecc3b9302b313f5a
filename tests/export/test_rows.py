import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from vaefeat import OnnxModel, export_onnx
from vaefeat.exceptions import ExportError
from vaefeat.export.rows import N_PARITY_ROWS, parity_rows, rows_of

RNG = np.random.default_rng(0)
CODES = RNG.integers(3, 7, size=(100, 3))
Y = CODES[:, 0] > 4


@pytest.mark.parametrize("handle_unknown", ["error", "ignore"])
@pytest.mark.parametrize("named", [True, False])
def test_one_hot_encoding_of_integers_is_exported(handle_unknown, named, tmp_path):
    X = pd.DataFrame(CODES, columns=list("abc")) if named else CODES
    encoder = OneHotEncoder(sparse_output=False, handle_unknown=handle_unknown)
    pipe = make_pipeline(encoder, RandomForestClassifier(5, random_state=0)).fit(X, Y)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X))
    assert_array_equal(model.run(X)["label"].astype(bool), pipe.predict(X))


def test_neighbors_have_the_values_of_the_data_in_each_column():
    X = np.column_stack([CODES, RNG.normal(size=100)])
    scaler = StandardScaler().fit(X)
    rows = parity_rows(scaler, rows_of(scaler, X))
    assert len(rows) == 2 * N_PARITY_ROWS
    assert_array_equal(rows.given[:N_PARITY_ROWS], X[:N_PARITY_ROWS])
    for column, values in zip(rows.given.T, X.T, strict=True):
        assert set(column) <= set(values)


def test_rows_keep_the_type_that_the_estimator_was_fitted_to():
    frame = pd.DataFrame(CODES, columns=list("abc"))
    scaler = StandardScaler().fit(frame)
    for X in (frame, frame[["c", "a", "b"]], CODES):
        rows = parity_rows(scaler, rows_of(scaler, X))
        assert list(rows.given.columns) == list("abc")
        assert (rows.given.dtypes == np.int64).all()
        assert_array_equal(rows.given.to_numpy(), rows.cast)


def test_a_column_of_text_is_refused_by_name(tmp_path):
    frame = pd.DataFrame({"size": CODES[:, 0], "color": np.array(["red", "blue"])[CODES[:, 1] % 2]})
    encoder = OneHotEncoder(sparse_output=False).fit(frame)
    with pytest.raises(ExportError, match=r"Column 'color' holds values of type .* OrdinalEncoder\(\)"):
        export_onnx(encoder, tmp_path / "pipe.onnx", X=frame)
