import gzip
import io
import os
import pickle
import time
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from pyarrow import parquet

from vaefeat.data import _table as tables
from vaefeat.data._table import CHUNK_ROWS
from vaefeat.data.tables import open_rows, open_writer
from vaefeat.exceptions import DatasetCorruptError, DatasetNotFoundError, DataWarning

SUFFIXES = (".npy", ".npz", ".csv", ".csv.gz", ".parquet")
ARRAYS = (".npy", ".npz", ".parquet")  # whose rows are counted, where those of a .csv are lines
NAMES = ["a", "b", "c"]
X = np.random.default_rng(0).normal(size=(5_000, 3)).astype(np.float32)
X.setflags(write=False)


def save(path, rows, names=None):
    """Write rows as a person does, with NumPy and pandas; a .csv has a header if there are names."""
    table = pd.DataFrame(rows, columns=names or [f"x{i}" for i in range(np.shape(rows)[1])])
    if path.suffix == ".npy":
        np.save(path, rows)
    elif path.suffix == ".npz":
        np.savez(path, X=rows, y=np.zeros(1))
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, header=names is not None)
    return path


def load(path):
    """Return the arrays of an .npz, or the columns of a table, by name; of an .npy the array as 'array'."""
    if path.suffix == ".npy":
        return {"array": np.load(path)}
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return dict(arrays)
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    return {name: column.to_numpy() for name, column in table.items()}


def read(path, n_features=3, names=None):
    with open_rows(path, n_features, names) as chunks:
        return np.concatenate([rows for rows, _ in chunks])


def read_bytes(content, path):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path)


def read_text(text, path):
    return read_bytes(gzip.compress(text.encode(), 1) if path.suffix == ".gz" else text, path)


# --- rows ---


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
def test_rows_are_float32_whatever_the_format_and_the_dtype(suffix, dtype, tmp_path):
    rows = (np.abs(X) * 9).astype(dtype)
    found = read(save(tmp_path / f"rows{suffix}", rows))
    assert found.dtype == np.float32
    assert_array_equal(found, rows.astype(np.float32))


@pytest.mark.parametrize("suffix", ARRAYS)
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float16])
def test_dtypes_that_a_csv_does_not_have_are_read_too(suffix, dtype, tmp_path):
    rows = np.abs(X * 9).astype(dtype)
    assert_array_equal(read(save(tmp_path / f"rows{suffix}", rows)), rows.astype(np.float32))


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i2", np.longdouble])
def test_dtypes_that_only_numpy_has_are_read_too(dtype, tmp_path):
    rows = (X * 9).astype(dtype)
    assert_array_equal(read(save(tmp_path / "rows.npy", rows)), rows.astype(np.float32))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rows_come_in_chunks_with_the_share_that_has_been_read(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "CHUNK_BYTES", 2**17)  # blocks of 16 kB of a .csv
    path = save(tmp_path / f"rows{suffix}", X)
    with open_rows(path, 3) as chunks:
        rows, shares = zip(*chunks, strict=True)
    assert len(rows) > 1
    assert max(map(len, rows)) <= CHUNK_ROWS
    assert list(shares) == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == 1
    assert_array_equal(np.concatenate(rows), X)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_npy_is_read(version, tmp_path):
    with open(tmp_path / "rows.npy", "wb") as file:
        np.lib.format.write_array(file, X, version=version)
    assert_array_equal(read(tmp_path / "rows.npy"), X)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_npz_is_read(compression, tmp_path):
    np.save(tmp_path / "X.npy", X)
    with zipfile.ZipFile(tmp_path / "rows.npz", "w", compression) as archive:
        archive.write(tmp_path / "X.npy", "X.npy")
    assert_array_equal(read(tmp_path / "rows.npz"), X)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("rows", [X, X[:1], X[:, :1]], ids=["many", "one row", "one column"])
def test_an_array_that_is_stored_column_by_column_has_the_same_rows(rows, suffix, tmp_path):
    save(tmp_path / f"rows{suffix}", np.asfortranarray(rows))
    assert_array_equal(read(tmp_path / f"rows{suffix}", rows.shape[1]), rows)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("7,2,3\n4,5,6\n", [[7, 2, 3], [4, 5, 6]], id="no header"),
        pytest.param("a,b,c\n1,2,3\n4,5,6\n", [[1, 2, 3], [4, 5, 6]], id="header"),
        pytest.param("7,2,3\n4,5,6", [[7, 2, 3], [4, 5, 6]], id="no newline at the end"),
        pytest.param("a,b,c\r\n1,2,3\r\n4,5,6\r\n", [[1, 2, 3], [4, 5, 6]], id="of Windows"),
        pytest.param("\ufeff7,2,3\n4,5,6\n", [[7, 2, 3], [4, 5, 6]], id="byte order mark, no header"),
        pytest.param("\ufeffa,b,c\n1,2,3\n", [[1, 2, 3]], id="byte order mark, header"),
        pytest.param('"a,x","b ""y""",ü\n1,2,3\n', [[1, 2, 3]], id="quoted names"),
        pytest.param('"7","2","3"\n', [[7, 2, 3]], id="quoted numbers"),
        pytest.param("1, 2 ,3\n", [[1, 2, 3]], id="spaces"),
        pytest.param("+1,-.5,2.\n1e3,1E-3,-0\n", [[1, -0.5, 2], [1e3, 1e-3, 0]], id="signs and exponents"),
        pytest.param("1e-50,1,2\n", [[0, 1, 2]], id="too small for float32"),
    ],
)
def test_a_csv_may_be_written_in_many_ways(text, rows, suffix, tmp_path):
    assert_array_equal(read_text(text, tmp_path / f"rows{suffix}"), np.array(rows, np.float32))


def test_a_csv_gz_may_consist_of_several_members(tmp_path):
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(b"7,2,3\n") + gzip.compress(b"4,5,6\n"))
    assert_array_equal(read(tmp_path / "rows.csv.gz"), [[7, 2, 3], [4, 5, 6]])


# --- names ---


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("names", [NAMES, ["a.b", "a", "b"], ["7", "x y", 'z"']])
def test_columns_are_found_by_their_names_in_any_order_among_others(suffix, names, tmp_path):
    first, second, third = names
    table = pd.DataFrame(X[:9], columns=names).assign(remark="a, \"b\" and 'c'")
    table = table[[third, "remark", first, second]]
    path = tmp_path / f"rows{suffix}"
    table.to_parquet(path) if suffix == ".parquet" else table.to_csv(path, index=False)
    assert_array_equal(read(path, names=names), X[:9])


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".csv.gz"])
def test_a_table_without_names_is_taken_as_it_is(suffix, tmp_path):
    assert_array_equal(read(save(tmp_path / f"rows{suffix}", X[:9]), names=NAMES), X[:9])


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize(
    ("columns", "names", "message"),
    [
        (["a", "b", "x"], NAMES, "has no column 'c', which the model takes."),
        (["a", "x", "y"], NAMES, "has no column 'b', which the model takes; 1 more are missing"),
        (["A", "B", "C"], NAMES, "has no column 'a', which the model takes; 2 more are missing"),
        (["a", "a", "b"], None, "has columns with the same name"),
        (["a", "b", "c", "c"], NAMES, "has columns with the same name"),
        (["a", "b", "c", "d"], None, "has 4 columns, but the model takes 3 features"),
    ],
)
def test_columns_that_do_not_match_the_model_are_refused(suffix, columns, names, message, tmp_path):
    path = tmp_path / f"rows{suffix}"
    if suffix == ".parquet":
        table = pa.Table.from_arrays([pa.array([1.0])] * len(columns), names=columns)
        parquet.write_table(table, path)
    else:
        pd.DataFrame([[1.0] * len(columns)], columns=columns).to_csv(path, index=False)
    with pytest.raises(DatasetCorruptError, match=message):
        read(path, names=names)


def test_names_that_are_numbers_are_a_header_if_the_model_has_them(tmp_path):
    path = save(tmp_path / "rows.csv", X[:9], ["0", "1", "2"])
    assert_array_equal(read(path, names=["0", "1", "2"]), X[:9])


# --- bad rows: which one ---


@pytest.mark.parametrize("suffix", ARRAYS)
@pytest.mark.parametrize("row", [0, 1, CHUNK_ROWS, 4_998])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_located_by_row_and_column(suffix, row, value, tmp_path):
    rows = X.astype(np.float64)
    rows[row, 1] = value
    column = "'x1'" if suffix == ".parquet" else 2
    message = rf"rows\{suffix}, row {row + 1}, column {column}: got {value}, expected a finite float32 number"
    with pytest.raises(DatasetCorruptError, match=message):
        read(save(tmp_path / f"rows{suffix}", rows))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_a_value_that_float32_cannot_hold_is_located_too(suffix, tmp_path):
    rows = X.astype(np.float64)
    rows[4_998, 1] = -1e39
    with pytest.raises(DatasetCorruptError, match=r"row 4999, column .*: got -inf, expected a finite"):
        read(save(tmp_path / f"rows{suffix}", rows))


def test_a_signaling_nan_is_treated_like_any_other(tmp_path):
    rows = X.astype(np.float64)
    rows.view(np.uint64)[7, 1] = 0x7FF0000000000001
    with pytest.raises(DatasetCorruptError, match="row 8, column 2: got nan"):
        read(save(tmp_path / "rows.npy", rows))


BAD_LINES = [
    pytest.param("1,x,3", ", column (2|'b'): got 'x', expected a number", id="text"),
    pytest.param("1,2", ": Expected 3 columns, got 2", id="too short"),
    pytest.param("1,2,3,4", ": Expected 3 columns, got 4", id="too long"),
    pytest.param("", " is empty, expected a row", id="blank"),
    pytest.param("   ", ": Expected 3 columns, got 1", id="spaces"),
    pytest.param("1,,3", ", column (2|'b'): got nan", id="an empty cell"),
    pytest.param("1,NA,3", ", column (2|'b'): got nan", id="NA"),
    pytest.param("1,nan,3", ", column (2|'b'): got nan", id="nan"),
    pytest.param("1,2,-inf", ", column (3|'c'): got -inf", id="inf"),
    pytest.param("1,1e39,3", ", column (2|'b'): got inf", id="too large"),
]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("header", ["", "a,b,c\n", "\ufeffa,b,c\n"])
@pytest.mark.parametrize("row", [1, 2_000, 4_999])
@pytest.mark.parametrize(("line", "message"), BAD_LINES)
def test_a_bad_line_is_located_by_the_number_that_an_editor_shows(
    line, message, row, header, suffix, tmp_path, monkeypatch
):
    monkeypatch.setattr(tables, "CHUNK_BYTES", 2**13)  # blocks of 1 kB: 160 lines
    lines = ["1,-2,3"] * 5_000
    lines[row] = line
    with pytest.raises(DatasetCorruptError, match=rf"^rows\{suffix}, line {row + 1 + bool(header)}{message}"):
        read_text(header + "\n".join(lines) + "\n", tmp_path / f"rows{suffix}")


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
def test_a_bad_line_is_located_beyond_the_first_block(line, message, tmp_path):
    lines = ["0.12345678901234567890,2.0,3.0000000000"] * 200_000
    lines[150_000] = line
    with pytest.raises(DatasetCorruptError, match=rf"rows\.csv, line 150002{message}"):
        read_text("\n".join(["a,b,c", *lines]), tmp_path / "rows.csv")


def test_the_header_that_pandas_writes_for_unnamed_columns_is_a_header(tmp_path):
    pd.DataFrame(X).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.warns(DataWarning, match=r"rows\.csv: took the first line, 0,1,2, as names of the columns"):
        assert_array_equal(read(tmp_path / "rows.csv"), X)


@pytest.mark.parametrize("line", ["1,,3", "1,NA,3", "1,x,3"])
def test_a_bad_first_line_is_not_a_header(line, tmp_path):
    with pytest.raises(DatasetCorruptError, match="line 1"):
        read_text(f"{line}\n4,5,6\n7,8,9\n", tmp_path / "rows.csv")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_bad_cell_is_located_by_its_name_if_columns_are_reordered(suffix, tmp_path):
    rows = np.array([[1, 2, 3, 4], [5, 6, 7, np.nan]])
    path = save(tmp_path / f"rows{suffix}", rows, ["c", "x", "b", "a"])
    with pytest.raises(DatasetCorruptError, match="column 'a'"):
        read(path, names=NAMES)


def test_the_rows_of_an_array_are_not_called_lines_whatever_its_name(tmp_path):
    with pytest.raises(DatasetCorruptError, match="row 1, column 1"):
        read(save(tmp_path / "rows.csv.npy", X[:3] * np.nan))


# --- bad files ---


def npy(rows, **options):
    buffer = io.BytesIO()
    np.save(buffer, rows, **options)
    return buffer.getvalue()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy_with_header(header):
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


def patched(content, *changes):
    """Return an archive with other bytes at places after the sign of its directory."""
    content = bytearray(content)
    for offset, value in changes:
        content[content.index(b"PK\x01\x02") + offset] = value
    return bytes(content)


NUMPY_MATRIX = "expected a numeric matrix"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        *(pytest.param(f"rows{suffix}", b"", "rows", id=f"0 bytes of {suffix}") for suffix in SUFFIXES),
        *(
            pytest.param(f"rows{suffix}", b"\n\n", "rows", id=f"two newlines in {suffix}")
            for suffix in SUFFIXES
        ),
        *(
            pytest.param(f"rows{suffix}", bytes(range(256)) * 9, "rows", id=f"garbage in {suffix}")
            for suffix in SUFFIXES
        ),
        pytest.param("rows.npy", npy(X[0]), rf"of shape \(3,\) .*{NUMPY_MATRIX}", id="a vector"),
        pytest.param("rows.npy", npy(X[None, None, :, :2]), rf"\(1, 1, 5000, 2\) .*{NUMPY_MATRIX}", id="4-D"),
        pytest.param("rows.npz", npz(X=np.float32(3)), rf"of shape \(\) .*{NUMPY_MATRIX}", id="a scalar"),
        pytest.param("rows.npy", npy(X.astype(str)), rf"dtype <U\d+, {NUMPY_MATRIX}", id="text"),
        pytest.param("rows.npz", npz(X=X.astype(complex)), f"complex128, {NUMPY_MATRIX}", id="complex"),
        pytest.param("rows.npy", npy(X.astype("M8[s]")), NUMPY_MATRIX, id="dates"),
        pytest.param("rows.npy", npy(np.zeros((2, 3), "f4,f4")), NUMPY_MATRIX, id="records"),
        pytest.param("rows.npy", npy(X[:, :2]), "has 2 columns, but the model takes 3 features", id="narrow"),
        pytest.param("rows.npz", npz(X=X[:0, :2]), "has 2 columns", id="narrow without rows"),
        pytest.param("rows.npz", npz(y=X, z=X), "has no array 'X'; it has y, z", id=".npz without X"),
        pytest.param("rows.npz", npz(), "has no array 'X'", id=".npz without arrays"),
        pytest.param("rows.npy", npz(X=X), "Cannot read rows.npy", id="an .npz called .npy"),
        pytest.param("rows.npy", npy_with_header("{'descr': '<f4'}\n"), "Cannot read", id="half a header"),
        pytest.param("rows.npy", npy_with_header("nonsense\n"), "Cannot read", id="no header"),
        pytest.param("rows.csv", "7,2\n3,4\n", "has 2 columns, but the model takes 3", id="narrow .csv"),
        pytest.param("rows.csv", "a,b,c,d\n1,2,3,4\n", "has 4 columns, but the model takes 3", id="wide"),
        pytest.param("rows.csv", "1|2|3\n4|5|6\n", "has 1 columns, but the model takes 3", id="bars"),
        pytest.param("rows.csv", "# remark\n1,2,3\n", "has 1 columns", id="a remark above"),
        pytest.param("rows.csv", "\n1,2,3\n", "begins with an empty line", id="a blank line above"),
        pytest.param("rows.csv", 'a,b,c\n1,2,3\n"4,5,6\n7,8,9\n', "line 3", id="a quote left open"),
        pytest.param("rows.csv.gz", "1,2,3\n", "[Nn]ot a gzipped file", id="text called .gz"),
        pytest.param("rows.csv.gz", gzip.compress(b"7,2,3\n") + b"more", "Cannot read", id="more after .gz"),
        pytest.param("rows.csv", "1,2,3\r4,5,6\r", "rows"),
        pytest.param("rows.csv", "1" * 200_000 + ",2,3\n", "rows"),
        pytest.param("rows.npy", npy_with_header("{\n"), "Cannot read"),
        pytest.param("rows.npz", patched(npz(X=X), (10, 97)), "Cannot read"),
        pytest.param("rows.npz", patched(npz(X=X), (8, 1)), "Cannot read"),
    ],
)
def test_a_file_that_holds_no_such_table_is_refused_with_a_sentence(name, content, message, tmp_path):
    with pytest.raises(DatasetCorruptError, match=message):
        read_bytes(content, tmp_path / name)


@pytest.mark.parametrize(
    "values",
    [
        ["x", "y"],
        pa.array([1, 2], pa.date32()),
        pa.array([1, 2], pa.timestamp("s")),
        pa.array([[1.0], [2.0]]),
        [{"x": 1.0}, {"x": 2.0}],
        pa.nulls(2),
        pa.array([1, 2]).cast(pa.decimal128(21, 2)),
    ],
    ids=["text", "dates", "times", "lists", "structs", "nothing", "decimals"],
)
def test_a_parquet_column_that_is_not_numeric_is_named(values, tmp_path):
    parquet.write_table(pa.table({"a": [1.0, 2.0], "b": values, "c": [1, 2]}), tmp_path / "rows.parquet")
    with pytest.raises(DatasetCorruptError, match=r"Column 'b' of rows.parquet is .*, expected numbers"):
        read(tmp_path / "rows.parquet")
    with pytest.raises(DatasetCorruptError, match="has no column 'd'"):
        read(tmp_path / "rows.parquet", names=["a", "c", "d"])
    if not isinstance(values, pa.Array):  # where it is not taken, it does not matter
        assert_array_equal(read(tmp_path / "rows.parquet", 2, ["c", "a"]), [[1, 1], [2, 2]])


@pytest.mark.parametrize("dtype", [pa.int64(), pa.bool_(), pa.float32(), pa.float64()])
def test_a_missing_value_in_a_parquet_column_is_located_by_its_row(dtype, tmp_path):
    column = pa.array([1] * 4_500 + [None]).cast(dtype)
    table = pa.table({"a": np.ones(4_501), "b": column, "c": np.ones(4_501)})
    parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=1_000)
    with pytest.raises(DatasetCorruptError, match="row 4501, column 'b': got nan"):
        read(tmp_path / "rows.parquet")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv.gz", ".parquet"])
def test_a_truncated_file_is_refused(suffix, tmp_path):
    path = save(tmp_path / f"rows{suffix}", X[:20])
    content = path.read_bytes()
    for n_bytes in range(0, len(content), max(1, len(content) // 150)):
        path.write_bytes(content[:n_bytes])
        with pytest.raises(DatasetCorruptError, match="rows"):
            read(path)


def test_a_truncated_array_is_refused_with_the_row_where_it_ends(tmp_path):
    content = npy(X)
    with pytest.raises(DatasetCorruptError, match=r"rows\.npy ends in row 4998 of 5000"):
        read_bytes(content[: -2 * 12 - 1], tmp_path / "rows.npy")


def test_a_damaged_compressed_npz_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "rows.npz", X=(X * 99).astype(np.int8))
    content = bytearray((tmp_path / "rows.npz").read_bytes())
    n_name, n_extra = np.frombuffer(content, "<u2", 2, offset=26)
    content[30 + n_name + n_extra] |= 0b110  # a kind of block that does not exist
    with pytest.raises(DatasetCorruptError, match=r"rows\.npz"):
        read_bytes(bytes(content), tmp_path / "rows.npz")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_objects_are_refused_and_never_unpickled(suffix, trap, tmp_path):
    rows = np.full((2, 3), None, object)
    rows[:] = trap
    path = save(tmp_path / f"rows{suffix}", rows) if suffix == ".npz" else tmp_path / "rows.npy"
    if suffix == ".npy":
        path.write_bytes(npy(rows, allow_pickle=True))
    with pytest.raises(DatasetCorruptError, match="dtype object, expected a numeric matrix"):
        read(path)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_pickle_under_another_name_is_never_unpickled(suffix, trap, tmp_path):
    with pytest.raises(DatasetCorruptError, match="rows"):
        read_bytes(pickle.dumps(trap), tmp_path / f"rows{suffix}")
    assert os.listdir(tmp_path) == [f"rows{suffix}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_file_and_a_folder_are_distinguished(suffix, tmp_path):
    path = tmp_path / f"rows{suffix}"
    with pytest.raises(DatasetNotFoundError, match=f"There is no file .*rows{suffix}"):
        read(path)
    path.mkdir()
    with pytest.raises(DatasetCorruptError, match=f"Cannot read rows{suffix}"):
        read(path)


@pytest.mark.parametrize("name", ["rows.txt", "rows", "rows.CSV", "rows.npy.gz", "rows.csv.zip", "csv"])
@pytest.mark.parametrize("opened", [lambda path: open_rows(path, 3), lambda path: open_writer(path, {})])
def test_an_unknown_suffix_is_refused_and_nothing_is_created(name, opened, tmp_path):
    with (
        pytest.raises(ValueError, match=f"Got the file {name}, expected one that ends in .npy, .npz, .csv,"),
        opened(tmp_path / name),
    ):
        pass
    assert os.listdir(tmp_path) == []


# --- out ---

MATRIX, VECTOR = X[:7], np.arange(7)
LABELS = np.array(["tree", "a,b", 'say "no"', "", "ü", "house", "tree"])
ARRAYS_OUT = {"z": MATRIX, "n": VECTOR, "label": LABELS}
COLUMNS = {"z": ["z_0", "z_1", "z_2"]}


def write(path, *parts, columns=COLUMNS):
    with open_writer(path, columns) as write_part:
        for part in parts:
            write_part(part)
    return path


def cut(arrays, start, stop):
    return {name: values[start:stop] for name, values in arrays.items()}


@pytest.mark.parametrize("parts", [[(0, 7)], [(0, 1), (1, 5), (5, 7)]], ids=["at once", "in parts"])
@pytest.mark.parametrize("suffix", [".npz", ".csv", ".csv.gz", ".parquet"])
def test_arrays_come_back_from_a_table(suffix, parts, tmp_path):
    path = write(tmp_path / f"out{suffix}", *(cut(ARRAYS_OUT, *part) for part in parts))
    found = load(path)
    if suffix == ".npz":
        assert list(found) == list(ARRAYS_OUT)
        assert {name: values.dtype for name, values in found.items()} == {
            name: values.dtype for name, values in ARRAYS_OUT.items()
        }
    else:
        assert list(found) == ["z_0", "z_1", "z_2", "n", "label"]
        found["z"] = np.stack([found[f"z_{i}"] for i in range(3)], axis=1).astype(np.float32)
        found["label"] = pd.Series(found["label"]).fillna("").to_numpy()
    for name, values in ARRAYS_OUT.items():
        assert_array_equal(found[name], values)


@pytest.mark.parametrize("values", [MATRIX, VECTOR, LABELS, MATRIX > 0, np.asfortranarray(MATRIX)])
def test_one_array_comes_back_from_an_npy(values, tmp_path):
    arrays = {"one": values}
    path = write(tmp_path / "out.npy", *(cut(arrays, *part) for part in [(0, 1), (1, 5), (5, 7)]))
    found = np.load(path)
    assert found.dtype == values.dtype
    assert_array_equal(found, values)
    assert np.load(path, mmap_mode="r").shape == values.shape


def test_a_csv_round_trip_keeps_all_rows(tmp_path):
    for suffix in (".csv", ".csv.gz"):
        assert_array_equal(read(write(tmp_path / f"out{suffix}", {"z": X})), X)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()])
@pytest.mark.parametrize("old", [b"old", None])
def test_after_any_failure_the_old_table_is_kept_and_no_temporary_file_is_left(suffix, error, old, tmp_path):
    path = tmp_path / f"out{suffix}"
    if old is not None:
        path.write_bytes(old)

    def write_half():
        with open_writer(path, COLUMNS) as write_part:
            write_part({"z": MATRIX})
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([] if old is None else [old])


@pytest.mark.parametrize("suffix", [*SUFFIXES[:1], *SUFFIXES[2:], pytest.param(".npz")])
def test_the_same_arrays_make_the_same_bytes_at_any_time(suffix, tmp_path, monkeypatch):
    path = tmp_path / f"out{suffix}"
    before = write(path, {"z": MATRIX}).read_bytes()
    monkeypatch.setattr(time, "time", lambda: 1e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(1e9))
    assert write(path, {"z": MATRIX}).read_bytes() == before


@pytest.mark.parametrize("name", ["encoder/z", "../z", "z" * 300])
def test_an_array_may_have_any_name(name, tmp_path):
    path = write(tmp_path / "out.npz", {name: MATRIX}, columns={name: COLUMNS["z"]})
    assert list(load(path)) == [name]


def test_columns_with_the_same_name_are_not_lost_silently(tmp_path):
    with pytest.raises(ValueError, match="z_1"):
        write(tmp_path / "out.csv", {"z": MATRIX, "z_1": VECTOR})
