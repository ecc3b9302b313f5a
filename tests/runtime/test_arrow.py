import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from tests.runtime.test_columns import FRAME, model_of
from tests.runtime.test_encoding import X, with_card
from tests.runtime.test_many_files import NAMES, matrix, read
from vaefeat import ArrowEncoder, OnnxModel, encode_files
from vaefeat.exceptions import DatasetCorruptError

KEY = pa.schema([("key", pa.int64())])
OUTPUTS = ["Y_0", "Y_1", "Y_2", "S"]
DIGITS = "exported/digits-vae/model.onnx"


def table_of(rows):
    return pa.Table.from_arrays(list(rows.T), NAMES)


def keyed(rows):
    return table_of(rows).add_column(0, "key", pa.array(np.arange(len(rows)) * 7))


@pytest.fixture(scope="module")
def model():
    return with_card({"inputs": {"feature_names": NAMES}}, 64)


@pytest.fixture(scope="module")
def nameless():
    return with_card({}, 64)


def test_a_table_a_batch_and_an_iterator_come_back_as_they_went_in(model):
    encode, table = ArrowEncoder(model), table_of(X)
    (batch,) = table.slice(0, 100).combine_chunks().to_batches()
    found = encode(table), encode(batch), encode(iter(table.to_batches(max_chunksize=900)))
    assert [type(each) for each in found[:2]] == [pa.Table, pa.RecordBatch]
    batches = list(found[2])
    assert [len(each) for each in batches] == [900] * 5 + [500]
    assert found[0].schema == found[1].schema == batches[0].schema == encode.schema
    assert encode.names == OUTPUTS
    expected = model.run(X)
    assert_array_equal(matrix(found[0]), expected["Y"])
    assert_array_equal(matrix(found[1]), expected["Y"][:100])
    assert_array_equal(pa.Table.from_batches(batches)["S"], expected["S"])


def test_rows_are_what_files_of_them_become(tmp_path):
    table = pa.Table.from_pandas(FRAME.assign(more=1), preserve_index=False)
    pq.write_table(table, tmp_path / "rows.parquet")
    encode_files(model_of(), tmp_path / "rows.parquet", tmp_path / "out")
    found = ArrowEncoder(model_of())(table)
    assert_frame_equal(found.to_pandas(), read(tmp_path / "out").to_pandas())


def test_a_trained_encoder_gives_the_same_bits_however_rows_are_divided():
    model = OnnxModel.load(DIGITS)
    rows = np.random.default_rng(0).random((300, 64), np.float32)
    table = table_of(rows)
    parts = ArrowEncoder(DIGITS, ["z_mean"])(table.to_batches(max_chunksize=7))
    found = pa.Table.from_batches(parts)
    assert_array_equal(matrix(found, found.column_names), model.run(rows)["z_mean"])


def test_columns_are_found_by_name_and_others_left_out(model):
    shuffled = keyed(X).select([*NAMES[::-1], "key"])
    assert ArrowEncoder(model)(shuffled).equals(ArrowEncoder(model)(table_of(X)))
    with pytest.raises(DatasetCorruptError, match=r"the table has no column 'f0'.*; 62 more are missing"):
        ArrowEncoder(model)(table_of(X).select(["f63"]))


def test_kept_columns_come_first_and_are_no_features(model, nameless):
    for each in (model, nameless):
        encode = ArrowEncoder(each, ["S"], keep=KEY)
        found = encode(keyed(X))
        assert found.column_names == encode.names == ["key", "S"]
        assert_array_equal(found["key"], np.arange(len(X)) * 7)
        assert_array_equal(found["S"], each.run(X)["S"])
    with pytest.raises(DatasetCorruptError, match="the table has 65 columns, but the model takes 64"):
        ArrowEncoder(nameless)(keyed(X))


def test_a_feature_can_be_kept(model):
    found = ArrowEncoder(model, ["S"], keep=pa.schema([("f1", pa.float32())]))(table_of(X))
    assert_array_equal(found["f1"], X[:, 1])
    assert_array_equal(found["S"], model.run(X)["S"])


def test_no_rows_have_the_schema_all_the_same(model):
    encode, empty = ArrowEncoder(model, keep=KEY), keyed(X[:0])
    assert encode(empty).schema == encode.schema
    assert encode(pa.RecordBatch.from_pylist([], schema=empty.schema)).num_rows == 0
    assert list(encode([])) == []


def test_bad_rows_are_refused_empty_or_left_out(model):
    rows = X.copy()
    rows[4_500, 2], rows[4_900, 0] = np.nan, np.inf
    with pytest.raises(DatasetCorruptError, match="the table, row 4501, column 'f2': got nan"):
        ArrowEncoder(model)(keyed(rows))
    good = np.delete(np.arange(len(X)), [4_500, 4_900])
    empty = ArrowEncoder(model, keep=KEY, on_bad_row="null")(keyed(rows))
    assert [empty[name].null_count for name in ("key", *OUTPUTS)] == [0, 2, 2, 2, 2]
    left = ArrowEncoder(model, keep=KEY, on_bad_row="quarantine")(keyed(rows))
    for found in (empty.drop_null(), left):
        assert_array_equal(found["key"], 7 * good)
        assert_array_equal(matrix(found), model.run(X[good])["Y"])


def test_it_is_pickled_with_the_model_and_without_a_session(model):
    encode = ArrowEncoder(model, keep=KEY)
    expected = encode(keyed(X))
    script = (
        "import pickle, sys\n"
        "encode, rows = pickle.load(sys.stdin.buffer)\n"
        "assert encode.model._session is None\n"
        "pickle.dump(encode(rows), sys.stdout.buffer)"
    )
    content = pickle.dumps((encode, keyed(X)))
    done = subprocess.run([sys.executable, "-c", script], input=content, capture_output=True, check=True)
    assert pickle.loads(done.stdout).equals(expected)


def test_unknown_outputs_policies_and_columns_end_in_a_message(model):
    with pytest.raises(ValueError, match=r"names \['Z'\], expected some of"):
        ArrowEncoder(model, ["Z"])
    with pytest.raises(ValueError, match="on_bad_row='skip', expected one of"):
        ArrowEncoder(model, on_bad_row="skip")
    with pytest.raises(DatasetCorruptError, match="Column 'f3' of the table is string"):
        ArrowEncoder(model)(table_of(X).set_column(3, "f3", pa.array(["x"] * len(X))))
