"""Rows with named columns: frames and files, encoded as a model's card says."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from tests.onnx_models import linear_model
from vaefeat.data.frames import frame_columns
from vaefeat.data.plan import make_plan
from vaefeat.exceptions import DatasetCorruptError, InvalidModelError
from vaefeat.runtime import OnnxModel, encode

FRAME = pd.DataFrame(
    {
        "age": [30.0, None, 50.0, 41.0],
        "home": ["rent", "own", None, "rent"],
        "member": [True, False, None, True],
        "since": pd.to_datetime(["2020-01-01", "2020-01-03", None, "2020-01-02"]),
    }
)
PLAN = make_plan(frame_columns(FRAME))[0]
FEATURES = PLAN.encode(frame_columns(FRAME))


def model_of(**card):
    """Return a model that returns its features."""
    n = FEATURES.shape[1]
    card = {"inputs": {"allow_nan": True}, "columns": PLAN.to_json(), **card}
    return OnnxModel(linear_model(np.eye(n), np.zeros(n), metadata={"vaefeat.card": json.dumps(card)}))


def same(found, expected=FEATURES):
    # A matrix product spreads the NaN of a row over all of it.
    complete = ~np.isnan(expected).any(axis=1)
    assert_array_equal(found[complete], expected[complete])
    assert np.isnan(found[~complete]).all()


@pytest.mark.parametrize(
    "convert",
    [
        lambda frame: frame,
        lambda frame: frame[frame.columns[::-1]].assign(more=1),
        lambda frame: frame.convert_dtypes(),
        pl.from_pandas,
        pa.Table.from_pandas,
        frame_columns,
    ],
    ids=["pandas", "reordered", "nullable", "polars", "pyarrow", "mapping"],
)
def test_a_frame_is_encoded_by_the_plan_in_the_card(convert):
    same(model_of().run(convert(FRAME))["Y"])


def test_features_that_are_encoded_already_are_taken_by_name():
    encoded = pd.DataFrame(FEATURES, columns=PLAN.feature_names)
    same(model_of().run(encoded[PLAN.feature_names[::-1]])["Y"])
    same(model_of().run(FEATURES)["Y"])


def test_without_a_plan_a_frame_is_taken_by_the_names_of_the_features():
    card = {"inputs": {"feature_names": ["a", "b"]}}
    model = OnnxModel(linear_model(np.eye(2), np.zeros(2), metadata={"vaefeat.card": json.dumps(card)}))
    assert_array_equal(model.run(pd.DataFrame({"b": [2], "c": [3], "a": [1]}))["Y"], [[1, 2]])
    with pytest.raises(ValueError, match="no column 'b'"):
        model.run(pd.DataFrame({"x": [2], "a": [1]}))


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv.gz", "rows.parquet"])
def test_files_are_encoded_by_the_plan_in_the_card(name, tmp_path):
    frame = FRAME.assign(label="x")
    if name.endswith("parquet"):
        frame.to_parquet(tmp_path / name)
    else:
        frame.to_csv(tmp_path / name, index=False, sep="\t" if "tsv" in name else ",")
    assert encode(model_of(), tmp_path / name, tmp_path / "out.npy") == 4
    same(np.load(tmp_path / "out.npy"))


def test_a_file_of_encoded_features_is_taken_as_it_is(tmp_path):
    pd.DataFrame(FEATURES, columns=PLAN.feature_names).to_csv(tmp_path / "rows.csv", index=False)
    encode(model_of(), tmp_path / "rows.csv", tmp_path / "out.npy")
    same(np.load(tmp_path / "out.npy"))


def test_a_file_without_a_column_is_refused_and_nothing_is_written(tmp_path):
    FRAME.drop(columns="home").to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DatasetCorruptError, match=r"rows\.csv has no column 'home'"):
        encode(model_of(), tmp_path / "rows.csv", tmp_path / "out.npy")
    assert not (tmp_path / "out.npy").exists()


@pytest.mark.parametrize(
    ("columns", "message"), [([1], "no column plan"), (PLAN.to_json()[:1], "become 2 features")]
)
def test_a_card_with_a_plan_for_another_model_is_refused(columns, message):
    with pytest.raises(InvalidModelError, match=message):
        model_of(columns=columns)
