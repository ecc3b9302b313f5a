import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from tests.runtime.test_encoding import X, with_card
from vaefeat._files import lock
from vaefeat.data.files import MANIFEST, find_files
from vaefeat.exceptions import DatasetCorruptError
from vaefeat.runtime import encode_files, units

NAMES = [f"f{i}" for i in range(64)]


@pytest.fixture(scope="module")
def model():
    return with_card({"inputs": {"feature_names": NAMES}}, 64)


@pytest.fixture
def source(tmp_path):
    """Return a folder with the rows in two files: four row groups, and a text."""
    (tmp_path / "source").mkdir()
    table = pa.Table.from_arrays(list(X[:4_000].T), NAMES)
    pq.write_table(table, tmp_path / "source" / "a.parquet", row_group_size=1_000)
    pd.DataFrame(X[4_000:], columns=NAMES).to_csv(tmp_path / "source" / "b.csv", index=False)
    return tmp_path / "source"


def read(folder):
    """Return the outputs as any reader of Parquet finds them."""
    return pa.dataset.dataset(folder).to_table()


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def matrix(table, columns=("Y_0", "Y_1", "Y_2")):
    return np.stack([table[name].to_numpy() for name in columns], axis=1)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_every_unit_becomes_a_file_and_the_rows_keep_their_order(n_threads, model, source, tmp_path):
    seen = []
    found = encode_files(
        model, source, tmp_path / "out", n_threads=n_threads, progress=lambda *each: seen.append(each)
    )
    assert (found.n_rows, found.n_bad_rows, len(found.paths)) == (5_000, 0, 5)
    assert seen == [(1_000, 0.2), (2_000, 0.4), (3_000, 0.6), (4_000, 0.8), (5_000, 1.0)]
    assert_array_equal(matrix(read(tmp_path / "out")), model.run(X)["Y"])
    assert found.paths == find_files(tmp_path / "out")


def test_the_manifest_says_what_became_of_each_unit(model, source, tmp_path):
    encode_files(model, [source / "b.csv", source / "a.parquet"], tmp_path / "out", output_names=["S"])
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert manifest["outputs"] == ["S"]
    assert [(Path(each["source"]).name, each["row_group"], each["rows"]) for each in manifest["parts"]] == [
        ("b.csv", None, 1_000),
        *(("a.parquet", i, 1_000) for i in range(4)),
    ]
    assert read(tmp_path / "out").column_names == ["S"]


class Killed(BaseException):
    pass


def test_a_killed_encoding_goes_on_with_what_is_missing(model, source, tmp_path, monkeypatch):
    run, n_runs = type(model).run, []

    def counted(self, X, *args):
        n_runs.extend([1] * (len(X) > 0))  # without rows, the model says which columns there will be
        if len(n_runs) == 3:
            raise Killed
        return run(self, X, *args)

    monkeypatch.setattr(type(model), "run", counted)
    out = tmp_path / "out"
    with pytest.raises(Killed):
        encode_files(model, source, out, n_threads=1)
    assert not (out / MANIFEST).exists()
    (out / ".part-000001-0123.parquet.beef").write_bytes(b"half")  # of a process that was killed
    (out / "part-000000-0000.parquet").write_bytes(b"of another model")
    before = contents(out)
    encode_files(model, source, out)
    n_kept = sum(content in contents(out).values() for content in before.values())
    assert 2 <= n_kept < 5
    assert len(n_runs) == (n_kept + 1) + (5 - n_kept)
    assert sorted(path.name for path in out.glob(".*")) == [".lock"]
    encode_files(model, source, tmp_path / "anew")
    assert contents(out) == contents(tmp_path / "anew")
    assert_array_equal(matrix(read(out)), run(model, X)["Y"])


def test_a_changed_source_or_model_is_encoded_anew(model, source, tmp_path):
    out = tmp_path / "out"
    first = encode_files(model, source, out).paths
    pd.DataFrame(2 * X[4_000:], columns=NAMES).to_csv(source / "b.csv", index=False)
    second = encode_files(model, source, out).paths
    assert (first[:4], first[4] == second[4]) == (second[:4], False)
    assert sorted(out.glob("part-*")) == second
    assert_array_equal(matrix(read(out))[4_000:], 2 * model.run(X[4_000:])["Y"])
    third = encode_files(with_card({"name": "other"}, 64), source, out).paths
    assert not set(second) & set(third)


@pytest.fixture
def bad_source(source):
    rows = X[:100].copy()
    rows[7, 2], rows[63, 0] = np.nan, np.inf
    pq.write_table(pa.Table.from_arrays(list(rows.T), NAMES), source / "c.parquet", row_group_size=60)
    return source


def test_a_bad_row_is_reported_with_its_place(model, bad_source, tmp_path):
    message = r"c.parquet, row group 0, row 8, column 'f2': got nan"
    with pytest.raises(DatasetCorruptError, match=message):
        encode_files(model, bad_source, tmp_path / "out")
    assert not (tmp_path / "out" / MANIFEST).exists()


@pytest.mark.parametrize("on_bad_row", ["null", "quarantine"])
def test_bad_rows_are_empty_or_left_out_and_listed(on_bad_row, model, bad_source, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):  # the second time, all is there
        found = encode_files(model, bad_source, out, on_bad_row=on_bad_row)
    kept = found.n_rows, found.n_bad_rows
    texts = [path.read_text() for path in sorted((out / units.REPORTS).iterdir())]
    reports = [json.loads(line) for text in texts for line in text.splitlines()]
    assert [(each["row_group"], each["row"], each["column"], each["value"]) for each in reports] == [
        (0, 8, "f2", "nan"),
        (1, 4, "f0", "inf"),
    ]
    table, good = read(out), np.delete(np.arange(100), [7, 63])
    if on_bad_row == "null":
        assert kept == (5_100, 2)
        assert table["Y_0"].null_count == table["S"].null_count == 2
        table = table.filter(pa.compute.is_valid(table["Y_0"]))
    assert on_bad_row == "null" or kept == (5_098, 2)
    assert_array_equal(matrix(table)[5_000:], model.run(X[good])["Y"])


def test_only_one_process_writes_to_a_folder(model, source, tmp_path):
    (tmp_path / "out").mkdir()
    with open(tmp_path / "out" / ".lock", "ab", buffering=0) as file:
        lock(file, tmp_path)
        with pytest.raises(BlockingIOError, match="Another process is writing"):
            encode_files(model, source, tmp_path / "out")


def test_an_unknown_policy_or_no_rows_end_in_a_message(model, tmp_path):
    with pytest.raises(ValueError, match="on_bad_row='skip', expected one of"):
        encode_files(model, tmp_path, tmp_path / "out", on_bad_row="skip")
    np.save(tmp_path / "empty.npy", np.zeros((0, 64)))
    with pytest.raises(DatasetCorruptError, match="have no rows"):
        encode_files(with_card({}, 64), tmp_path, tmp_path / "out")
