"""Columns of a table, and gaps."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.runtime.test_columns import model_of
from vaefeat.serving.contract import Contract
from vaefeat.serving.errors import InvalidRequestError, TooManyRowsError
from vaefeat.serving.http.requests import parse_request

MODEL = model_of()
CONTRACT = Contract.of(MODEL)
AGE = {"name": "age", "shape": [2], "datatype": "FP64", "data": [30.0, None]}
HOME = {"name": "home", "shape": [2, 1], "datatype": "BYTES", "data": [["rent"], [None]]}
MEMBER = {"name": "member", "shape": [2], "datatype": "BOOL", "data": [True, False]}
SINCE = {"name": "since", "shape": [2], "datatype": "BYTES", "data": ["2020-01-01", "2020-01-03"]}
TABLE = [AGE, HOME, MEMBER, SINCE]
FRAME = {
    "age": np.array([30.0, np.nan]),
    "home": np.array(["rent", None], object),
    "member": np.array([True, False]),
    "since": np.array(["2020-01-01", "2020-01-03"], object),
}


def parse(inputs, tail=b"", max_rows=10):
    header = json.dumps({"inputs": inputs}).encode()
    return parse_request(header + tail, len(header) if tail else None, CONTRACT, max_rows).X


def binary(input_, content):
    return {name: value for name, value in input_.items() if name != "data"} | {
        "parameters": {"binary_data_size": len(content)}
    }


def texts(*values):
    return b"".join(len(value).to_bytes(4, "little") + value for value in map(str.encode, values))


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_a_table_is_sent_as_one_input_for_each_column_in_any_order(order):
    columns = parse([TABLE[i] for i in order])
    assert list(columns) == [TABLE[i]["name"] for i in order]
    assert_array_equal(MODEL.check_rows(columns), MODEL.check_rows(FRAME))


def test_columns_are_read_from_binary_tensors_in_their_order():
    tensors = {
        "age": np.array([30.0, np.nan]).tobytes(),
        "home": texts("rent", "own"),
        "member": bytes([1, 0]),
        "since": texts("2020-01-01", "2020-01-03"),
    }
    inputs = [binary(input_, tensors[input_["name"]]) for input_ in TABLE]
    columns = parse(inputs, b"".join(tensors.values()))
    expected = FRAME | {"home": np.array(["rent", "own"], object)}
    assert_array_equal(MODEL.check_rows(columns), MODEL.check_rows(expected))


def test_features_that_are_encoded_already_are_taken_by_name():
    names = list(MODEL.tables[1])
    inputs = [{"name": name, "shape": [1], "datatype": "FP32", "data": [k]} for k, name in enumerate(names)]
    assert_array_equal(MODEL.check_rows(parse(inputs[::-1])), [np.arange(len(names))])


def test_null_in_the_matrix_is_nan():
    n = MODEL.n_features
    X = parse([{"name": "X", "shape": [1, n], "datatype": "FP32", "data": [None] * n}])
    assert np.isnan(X).all()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (TABLE[1:], r'"X", or each of the columns \["age","home","member","since"\], got \["home"'),
        ([*TABLE, AGE], "or each of the columns"),
        ([*TABLE[:3], TABLE[0]], "or each of the columns"),
        ([*TABLE[:3], SINCE | {"name": "sin"}], "or each of the columns"),
        ([AGE | {"shape": [2, 2]}, *TABLE[1:]], r"Got the shape \[2,2\], expected \[number of rows\]"),
        ([AGE | {"shape": [1], "data": [1.0]}, *TABLE[1:]], "different numbers of rows"),
        ([AGE | {"data": [1.0, True]}, *TABLE[1:]], "Expected only numbers"),
        ([AGE | {"datatype": "INT8", "data": [1, None]}, *TABLE[1:]], "Expected only integers"),
        ([HOME | {"data": [1, "own"]}, AGE, MEMBER, SINCE], "Expected only text"),
        ([MEMBER | {"data": [1, 0]}, AGE, HOME, SINCE], "Expected only true and false"),
    ],
)
def test_what_is_no_table_of_the_model_is_refused(inputs, message):
    with pytest.raises(InvalidRequestError, match=message):
        parse(inputs)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (texts("rent"), "bytes of text, expected"),
        (texts("rent", "own") + b"more", "bytes of text, expected"),
        (texts("rent", "own")[:-1], "bytes of text, expected"),
        (b"\x01\0\0\0\xff" + texts("own"), "is not UTF-8"),
        (b"\xff\xff\xff\xff", "bytes of text, expected"),
    ],
)
def test_text_that_is_not_as_declared_is_refused(content, message):
    with pytest.raises(InvalidRequestError, match=message):
        parse([binary(HOME, content), AGE, MEMBER, SINCE], content)


def test_more_rows_than_allowed_are_refused():
    with pytest.raises(TooManyRowsError):
        parse(TABLE, max_rows=1)
