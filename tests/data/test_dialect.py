import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vaefeat.data._dialect import SAMPLE_BYTES, Dialect, detect_dialect
from vaefeat.data.samples import read_samples
from vaefeat.data.tables import open_writer, read_table
from vaefeat.exceptions import DataWarning

ROWS = [[1.5, 2], [3.25, -4]]


def detected(text, name="rows.csv", encoding="utf-8"):
    return detect_dialect(text.encode(encoding), Path(name))


@pytest.mark.parametrize(
    ("text", "separator", "decimal"),
    [
        ("a,b\n1.5,2\n", ",", "."),
        ("a;b\n1,5;2\n", ";", ","),
        ("a;b\n1.5;2\n", ";", "."),
        ("a\tb\n1,5\t2\n", "\t", ","),
        ("a,b\nx;y,2\n", ",", "."),
        ('a,b\n"x;y",2\n"z;y",3\n', ",", "."),
        ("a;b\n1.5;one, two\n1,5;2\n", ";", "."),
        ("a\n1\n", ",", "."),
        ("", ",", "."),
    ],
)
def test_separator_and_decimal_sign_are_told_from_the_first_lines(text, separator, decimal):
    assert detected(text) == Dialect(separator, decimal, "utf-8")


def test_the_suffix_decides_for_tabs():
    assert detected("a,b\n1,2\n", "rows.tsv").separator == "\t"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_recognized(encoding):
    assert detected("ä;b\n1;2\n", encoding=encoding).encoding == encoding.removesuffix("-sig")


def test_a_letter_cut_in_two_by_the_end_of_the_sample_is_still_utf_8():
    content = ("a" * (SAMPLE_BYTES - 1) + "ä").encode()[:SAMPLE_BYTES]
    assert detect_dialect(content, Path("rows.csv")).encoding == "utf-8"


def test_windows_1252_is_said():
    with pytest.warns(DataWarning, match=r"rows\.csv is not UTF-8; read it as Windows-1252"):
        assert detected("straße;b\n1;2\n", encoding="cp1252") == Dialect(";", ".", "cp1252")


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_is_read_in_its_own_dialect(separator, encoding, name, tmp_path):
    content = f"ä{separator}kind{separator}b\n1,5{separator}x{separator}2\n3,25{separator}y{separator}-4\n"
    encoded = content.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(encoded) if name.endswith(".gz") else encoded)
    X, y = read_table(tmp_path / name, "kind")
    assert_array_equal(X, ROWS)
    assert y.tolist() == ["x", "y"]


@pytest.mark.parametrize("name", ["rows.tsv", "rows.tsv.gz"])
def test_a_table_with_tabs_is_written_and_read(name, tmp_path):
    with open_writer(tmp_path / name, {"X": ["a", "b"]}) as write:
        write({"X": np.array(ROWS)})
    assert_array_equal(read_table(tmp_path / name)[0], ROWS)


def test_what_is_known_is_not_told_from_the_file(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes("größe|zahl\n1,5|2\n2,5|3\n".encode("latin-1"))
    samples = read_samples(path, separator="|", decimal=",", encoding="latin-1")
    assert samples.plan.names == ["größe", "zahl"]
    assert_array_equal(samples.X, [[1.5, 2], [2.5, 3]])


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"separator": "||"}, "Got the separator '||', expected one character"),
        ({"separator": '"'}, "expected one character"),
        ({"decimal": "'"}, "expected '.' or ','"),
        ({"separator": ",", "decimal": ","}, "expected two characters"),
        ({"encoding": "latin-eleven"}, "Got the encoding 'latin-eleven', expected a name such as utf-8"),
        ({"encoding": "zlib"}, "expected a name such as utf-8"),
    ],
)
def test_what_no_table_is_written_with_is_refused(known, message, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=re.escape(message)):
        read_samples(tmp_path / "rows.csv", **known)
