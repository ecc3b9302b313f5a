"""The one rule by which a .csv is read, whoever reads it."""

import gzip
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from tests.onnx_models import linear_model
from vaefeat.data import load_dataset
from vaefeat.data._dialect import Format
from vaefeat.data.tables import open_rows, read_table
from vaefeat.exceptions import DatasetCorruptError, DatasetNotFoundError, DataWarning
from vaefeat.runtime import OnnxModel, encode

ROWS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
LINES = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def stream(path, header=None, names=None, n_features=3):
    """Read as ``encode`` does."""
    with open_rows(path, n_features, names, known=Format(header)) as chunks:
        return np.concatenate([rows for rows, _ in chunks])


def whole(path, header=None):
    """Read as ``load_dataset`` does, which every other verb calls."""
    return read_table(path, header=header)[0]


@pytest.fixture(params=[stream, whole], ids=["in chunks", "whole"])
def read(request):
    return request.param


def csv(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


# --- the header ---


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize(
    ("text", "rows", "is_said"),
    [
        pytest.param("a,b,c\n4,5,6\n7,8,9\n", LINES[1:], False, id="names"),
        pytest.param("1,2,3\n4,5,6\n7,8,9\n", LINES[1:], True, id="counted from 1"),
        pytest.param("0,1,2\n4,5,6\n7,8,9\n", LINES[1:], True, id="counted from 0"),
        pytest.param("4,5,6\n7,8,9\n", LINES[1:], False, id="none"),
        pytest.param("1,2,3.0\n4,5,6\n", LINES[:2], False, id="a row that nearly counts"),
        pytest.param("1,3,2\n4,5,6\n", [[1, 3, 2], [4, 5, 6]], False, id="a row out of order"),
    ],
)
def test_the_first_line_is_a_header_by_one_rule(text, rows, is_said, suffix, read, tmp_path):
    path = csv(tmp_path / f"rows{suffix}", text)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert_array_equal(read(path), rows)
    assert [warning.category for warning in said] == [DataWarning] * is_said


@pytest.mark.parametrize(("header", "rows"), [(True, LINES[1:]), (False, LINES)])
@pytest.mark.parametrize("first_line", ["1,2,3", "01,2,3"])
def test_the_header_option_overrides_the_rule(header, rows, first_line, read, tmp_path):
    path = csv(tmp_path / "rows.csv", f"{first_line}\n4,5,6\n7,8,9\n")
    assert_array_equal(read(path, header=header), rows)


def test_names_taken_for_a_row_are_refused_with_the_option_that_helps(read, tmp_path):
    path = csv(tmp_path / "rows.csv", "year,2019,2020\n4,5,6\n")
    with pytest.raises(DatasetCorruptError, match=r"line 1, column 1: got 'year', .*\(--header\)"):
        read(path)


def test_a_line_that_holds_the_target_is_a_header(tmp_path):
    X, y = read_table(csv(tmp_path / "rows.csv", "7,8,kind\n1,2,a\n3,4,b\n"), "kind")
    assert_array_equal(X, [[1, 2], [3, 4]])
    assert y.tolist() == ["a", "b"]


def test_a_target_that_is_a_number_makes_no_header_of_a_row_that_holds_it(tmp_path):
    X, y = read_table(csv(tmp_path / "rows.csv", "5,8,-1\n1,2,0\n3,4,1\n"), "-1")
    assert_array_equal(X, [[5, 8], [1, 2], [3, 4]])
    assert y.tolist() == [-1, 0, 1]


def test_the_same_file_has_as_many_rows_for_encode_as_for_load_dataset(tmp_path):
    path = tmp_path / "rows.csv"
    pd.DataFrame(ROWS).to_csv(path, index=False)
    model = OnnxModel(linear_model(np.eye(3), np.zeros(3)))
    with pytest.warns(DataWarning, match="names of the columns"):
        data = load_dataset(path)
    with pytest.warns(DataWarning, match="names of the columns"):
        assert encode(model, path, tmp_path / "out.npy") == len(data.X) + len(data.X_test) == len(ROWS)


# --- the index that pandas writes ---


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize(
    "index",
    [range(40), range(1, 41), np.random.default_rng(0).permutation(40), [f"row {i}" for i in range(40)]],
)
@pytest.mark.parametrize("again", [False, True], ids=["once", "read and written again"])
def test_an_index_is_no_feature_and_this_is_said(index, again, suffix, read, tmp_path):
    path = tmp_path / f"rows{suffix}"
    pd.DataFrame(ROWS, columns=list("abc"), index=index).to_csv(path)
    if again:
        pd.read_csv(path).to_csv(path, index=False)
    with pytest.warns(DataWarning, match=r"left out the column '(Unnamed: 0)?' as the index that"):
        assert_array_equal(read(path), ROWS)


def test_an_index_that_pandas_keeps_in_a_parquet_file_is_no_feature(read, tmp_path):
    path = tmp_path / "rows.parquet"
    pd.DataFrame(ROWS, columns=list("abc"), index=np.arange(40)[::-1]).to_parquet(path)
    with pytest.warns(DataWarning, match="as the index that pandas writes"):
        assert_array_equal(read(path), ROWS)


def test_columns_found_by_name_cause_no_warning_about_an_index(tmp_path):
    pd.DataFrame(ROWS, columns=list("abc")).to_csv(tmp_path / "rows.csv")
    assert_array_equal(stream(tmp_path / "rows.csv", names=["c", "a"], n_features=2), ROWS[:, [2, 0]])


def test_a_first_column_of_fractions_is_a_feature_also_without_a_name(read, tmp_path):
    pd.DataFrame(ROWS, columns=["", "b", "c"]).to_csv(tmp_path / "rows.csv", index=False)
    assert_array_equal(read(tmp_path / "rows.csv"), ROWS)


# --- cells ---


@pytest.mark.parametrize("cell", ["", "NA", "NaN", "nan", "null", "None", "<NA>", "#N/A"])
def test_missing_values_are_those_of_pandas(cell, tmp_path):
    path = csv(tmp_path / "rows.csv", f"a,b,c\n4,{cell},6\n7,8,9\n")
    assert_array_equal(whole(path), pd.read_csv(path).to_numpy(np.float32))


def test_true_and_false_are_one_and_zero(read, tmp_path):
    path = csv(tmp_path / "rows.csv", "a,b,c\nTrue,5,false\nFalse,8,true\n")
    assert_array_equal(read(path), [[1, 5, 0], [0, 8, 1]])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("line", [2, 3, 5])
def test_an_empty_line_is_no_row_of_missing_values(line, end, read, tmp_path):
    lines = ["a,b,c", "4,5,6", "7,8,9", "1,2,3"]
    lines.insert(line - 1, "")
    path = csv(tmp_path / "rows.csv", end.join(lines) + end)
    with pytest.raises(DatasetCorruptError, match=rf"rows\.csv, line {line} is empty, expected a row"):
        read(path)


# --- files that are meant to harm ---

HARMFUL = {
    "commas": b"," * 60_000_000,
    "one number": b"1" * 60_000_000,
    "commas below a header": b"a,b,c\n" + b"," * 60_000_000,
    "commas below a row": b"7,8,9\n" + b"," * 60_000_000,
    "empty lines": b"a,b,c\n" + b"\n" * 60_000_000,
    "many columns": b",".join(b"%d" % i for i in range(400_000)) + b"\n",
}
SCRIPT = """
import sys
from pathlib import Path
from vaefeat.data.tables import open_rows, read_table
import pyarrow.csv
path = Path(sys.argv[1])
def peak_mb():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) // 1024
before = peak_mb()
for read in (lambda: read_table(path), lambda: [list(chunks) for chunks in [open_rows(path, 3).__enter__()]]):
    try:
        read()
    except ValueError as exc:
        print(exc)
print(peak_mb() - before)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="this system does not tell the peak of memory"
)
@pytest.mark.parametrize("kind", HARMFUL)
def test_a_small_file_that_decompresses_to_absurd_lines_is_refused_in_little_memory(kind, tmp_path):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(HARMFUL[kind], 1))
    done = subprocess.run([sys.executable, "-c", SCRIPT, path], capture_output=True, text=True, check=True)
    *sentences, peak_mb = done.stdout.splitlines()
    assert len(sentences) == 2
    assert all(sentence.startswith("rows.csv.gz") and len(sentence) <= 300 for sentence in sentences)
    assert int(peak_mb) < 150


NAME = "n" * 200


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (f"{NAME}a,{NAME}b\n1,2\n", "c" * 500),
        (f"{NAME}a,{NAME}b\n1,{'x' * 10_000}\n", None),
        ("a," + ",".join(f"b{i}" for i in range(1_000)) + "\n1\n", None),
        (f"{NAME},{NAME}\n1,2\n", None),
        (f"{NAME}a,b\n1,inf\n", None),
        (f"{'1' * 1_000},{NAME}\n1,2\n", None),
        ("7,2\n", "9" * 400),
    ],
)
def test_no_message_is_longer_than_300_characters(text, target, tmp_path):
    path = csv(tmp_path / f"{'r' * 200}.csv", text)
    with pytest.raises(ValueError, match="rrr") as caught:
        read_table(path, target, header=text[0].isalpha() or None)
    assert len(str(caught.value)) <= 300


def test_a_line_in_another_encoding_is_located(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"a,kind\n" + b"1,x\n" * 50_000 + "1,é\n".encode("latin1"))
    with pytest.raises(DatasetCorruptError, match=r"rows\.csv, line 50002 is not UTF-8"):
        read_table(tmp_path / "rows.csv", "kind")


@pytest.mark.parametrize("label", ["99999999999999999999", "inf", "0.5"])
def test_classes_that_no_integer_can_hold_stay_floats(label, tmp_path):
    _, y = read_table(csv(tmp_path / "rows.csv", f"a,kind\n1,{label}\n2,3\n"), "kind")
    assert y.tolist() == [float(label), 3.0]


def test_a_name_that_no_file_can_have_is_that_of_no_file():
    with pytest.raises(DatasetNotFoundError, match="There is no file xxx") as caught:
        load_dataset("x" * 900 + ".csv")
    assert len(str(caught.value)) <= 300
