import json

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tests.onnx_models import linear_model
from vaefeat.runtime import OnnxModel
from vaefeat.serving.contract import DTYPES, Contract
from vaefeat.serving.errors import InvalidRequestError, TooLargeError, TooManyRowsError
from vaefeat.serving.http.requests import MAX_HEADER_BYTES, parse_request

WEIGHTS = np.arange(15).reshape(5, 3) / 8
MODEL = OnnxModel(linear_model(WEIGHTS, np.ones(3)))
CONTRACT = Contract.of(MODEL)
X = np.arange(10, dtype=np.float32).reshape(2, 5)
MAX_ROWS = 100


def parse(body, header_length=None):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_request(body, header_length, CONTRACT, MAX_ROWS)


def request(rows=X, *, datatype="FP32", **changes):
    input_ = {"name": "X", "shape": list(rows.shape), "datatype": datatype, "data": rows.tolist()}
    return {"inputs": [{name: value for name, value in (input_ | changes).items() if value is not None}]}


def binary(rows=X, datatype="FP32", **changes):
    """Return a request with a binary tensor, and the length of its JSON."""
    tensor = rows.astype(DTYPES[datatype]).tobytes()
    parameters = {"binary_data_size": len(tensor)} | changes.pop("parameters", {})
    fields = {"data": None, "parameters": parameters} | changes
    header = json.dumps(request(rows, datatype=datatype, **fields)).encode()
    return header + tensor, len(header)


@pytest.mark.parametrize("datatype", DTYPES)
@pytest.mark.parametrize("flat", [False, True])
def test_json_numbers_of_every_type_are_parsed_nested_or_flat(datatype, flat):
    whole = X.astype(int)
    parsed = parse(request(whole, datatype=datatype, **({"data": whole.ravel().tolist()} if flat else {})))
    assert_array_equal(parsed.X, X)
    assert parsed.X.dtype == DTYPES[datatype]


@pytest.mark.parametrize("datatype", DTYPES)
def test_binary_numbers_of_every_type_are_parsed(datatype):
    assert_array_equal(parse(*binary(X, datatype)).X, X)


def test_a_body_without_json_holds_the_rows():
    parsed = parse(X.tobytes(), 0)
    assert_array_equal(parsed.X, X)
    assert parsed.outputs == {"Y": True, "S": True}


@pytest.mark.parametrize("n_rows", [0, 1, MAX_ROWS])
def test_zero_one_and_many_rows_are_valid(n_rows):
    rows = np.zeros((n_rows, 5), np.float32)
    for parsed in (parse(request(rows)), parse(*binary(rows)), parse(rows.tobytes(), 0)):
        assert parsed.X.shape == (n_rows, 5)


def test_the_id_is_kept():
    assert parse({"id": "a\n7", **request()}).id == "a\n7"
    assert parse(request()).id is None


@pytest.mark.parametrize(
    ("asked", "parameters", "expected"),
    [
        (None, None, {"Y": False, "S": False}),
        ([], {"binary_data_output": True}, {"Y": True, "S": True}),
        ([{"name": "S"}], None, {"S": False}),
        ([{"name": "S"}, {"name": "Y"}], {"binary_data_output": True}, {"S": True, "Y": True}),
        (
            [{"name": "S", "parameters": {"binary_data": False}}, {"name": "Y"}],
            {"binary_data_output": True},
            {"S": False, "Y": True},
        ),
        ([{"name": "Y", "parameters": {"binary_data": True}}], None, {"Y": True}),
    ],
)
def test_the_requested_outputs_keep_their_order_and_form(asked, parameters, expected):
    parsed = parse({"outputs": asked, "parameters": parameters, **request()})
    assert list(parsed.outputs.items()) == list(expected.items())


def test_unknown_parameters_are_ignored():
    body = request(parameters={"priority": 3}) | {"parameters": {"sequence_id": 7}, "extra": [1]}
    assert_array_equal(parse(body).X, X)


BAD = {
    "no JSON": (b"{", "is not JSON"),
    "NaN": (b'{"inputs": [{"name": "X", "data": [NaN]}]}', "is not JSON"),
    "not text": (b"\xff\xfe", "is not JSON"),
    "deep": (b"[" * 1050 + b"]" * 1050, "is not JSON"),
    "list": ([], "Expected a JSON object as the request"),
    "number as id": ({"id": 7, **request()}, 'Expected a string as the "id"'),
    "no inputs": ({}, 'Expected "inputs" as a list of JSON objects'),
    "inputs of numbers": ({"inputs": [3]}, 'Expected "inputs" as a list of JSON objects'),
    "none": ({"inputs": []}, r'Expected one input, "X", got \[\]'),
    "two": ({"inputs": request()["inputs"] * 2}, r'Expected one input, "X", got \["X","X"\]'),
    "another name": (request(name="Z"), r'Expected one input, "X", got \["Z"\]'),
    "no type": (request(datatype=None), "Got the datatype null, expected FP32"),
    "text": (request(datatype="BYTES"), 'Got the datatype "BYTES", expected FP32'),
    "truth": (request(datatype="BOOL"), 'Got the datatype "BOOL", expected FP32'),
    "type of lists": (request(datatype=[[]]), "Got the datatype"),
    "no shape": (request(shape=None), r"Got the shape null, expected \[number of rows, 5\]"),
    "flat shape": (request(shape=[10]), r"Got the shape \[10\], expected \[number of rows, 5\]"),
    "other width": (request(shape=[5, 2]), r"Got the shape \[5,2\], expected \[number of rows, 5\]"),
    "negative": (request(shape=[-2, 5]), r"Got the shape \[-2,5\]"),
    "negative twice": (request(shape=[-2, -5]), r"Got the shape \[-2,-5\]"),
    "true": (request(shape=[True, 5]), r"Got the shape \[true,5\]"),
    "fraction": (request(shape=[2.0, 5]), r"Got the shape \[2.0,5\]"),
    "no data": (request(data=None), 'Expected the "data"'),
    "number": (request(data=3), 'Expected the "data"'),
    "too few": (request(data=[1.0] * 9), r"Got 9 values, expected 10 for the shape \[2, 5\]"),
    "ragged": (request(data=[[1] * 5, [1] * 4]), r"do not have the declared shape, \[2, 5\]"),
    "rows and numbers": (request(data=[[1] * 5, 3]), r"do not have the declared shape, \[2, 5\]"),
    "numbers and rows": (request(data=[1.0] * 9 + [[1.0]]), "Expected only numbers"),
    "deep rows": (request(data=[[[1]] * 5] * 2), "Expected only numbers"),
    "bools": (request(data=[1.0] * 9 + [True]), "Expected only numbers"),
    "strings": (request(data=["1"] * 10), "Expected only numbers"),
    "fractions as integers": (request(X, datatype="INT32"), "Expected only integers"),
    "beyond the type": (request(data=[200] * 10, datatype="INT8"), "does not fit into INT8"),
    "negative unsigned": (request(data=[-1] * 10, datatype="UINT8"), "does not fit into UINT8"),
    "unknown output": ({"outputs": [{"name": "Z"}], **request()}, 'Got the output "Z", expected some of'),
    "output twice": ({"outputs": [{"name": "Y"}] * 2, **request()}, 'Got the output "Y", .* each once'),
    "output of no name": ({"outputs": [{}], **request()}, "Got the output null"),
    "outputs of text": ({"outputs": "Y", **request()}, 'Expected "outputs" as a list'),
    "parameters of text": ({"parameters": "x", **request()}, 'Expected "parameters" as a JSON object'),
    "half true": ({"parameters": {"binary_data_output": 1}, **request()}, "Expected true or false"),
    "binary without header": (
        request(data=None, parameters={"binary_data_size": 40}),
        "without the header Inference-Header-Content-Length",
    ),
}


@pytest.mark.parametrize(("body", "message"), BAD.values(), ids=BAD)
def test_a_bad_request_is_refused_with_a_reason(body, message):
    with pytest.raises(InvalidRequestError, match=message) as caught:
        parse(body)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("framed", "message"),
    [
        ((binary()[0], 10**9), "bytes of JSON in a body of"),
        ((b"", 5), "bytes of JSON in a body of 0 bytes"),
        ((binary()[0] + b"x", binary()[1]), "Got 41 bytes after the JSON, expected 40"),
        ((binary()[0][:-1], binary()[1]), "Got 39 bytes after the JSON, expected 40"),
        (binary(parameters={"binary_data_size": 39}), "Got 39 as binary_data_size, expected 40"),
        (binary(parameters={"binary_data_size": "40"}), 'Got "40" as binary_data_size, expected 40'),
        (binary(parameters={"binary_data_size": -40}), "Got -40 as binary_data_size, expected 40"),
        (binary(parameters={"binary_data_size": True}), "Got true as binary_data_size, expected 40"),
        (binary(data=[1]), 'Got both "data" and "binary_data_size"'),
        ((json.dumps(request()).encode() + b"1234", len(json.dumps(request()))), "There are 4 bytes after"),
        ((X.tobytes()[:-1], 0), "Got 39 bytes, expected a multiple of 20"),
        ((b" " * (MAX_HEADER_BYTES + 1), MAX_HEADER_BYTES + 1), "bytes of JSON in a body of"),
    ],
)
def test_bad_framing_is_refused_with_a_reason(framed, message):
    with pytest.raises(InvalidRequestError, match=message):
        parse(*framed)


@pytest.mark.parametrize("n_rows", [MAX_ROWS + 1, 2**31, 2**63, 2**64 + 1])
def test_too_many_rows_are_refused_before_anything_is_allocated(n_rows):
    framed = binary(shape=[n_rows, 5])
    for arguments in ([request(shape=[n_rows, 5])], framed):
        # Beyond 64 bits, a number in JSON is a fraction.
        with pytest.raises(TooManyRowsError if n_rows < 2**64 else InvalidRequestError):
            parse(*arguments)
    with pytest.raises(TooManyRowsError):
        parse(bytes(20 * (MAX_ROWS + 1)), 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4)
    ),
    max_leaves=10,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("X") | JSON,
        "datatype": st.sampled_from(sorted(DTYPES)) | JSON,
        "shape": st.lists(st.integers(-5, 5), max_size=3) | JSON,
        "data": st.lists(st.floats(), max_size=10) | JSON,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": st.integers(-1, 50) | JSON}),
    },
)
REQUESTS = st.fixed_dictionaries(
    {"inputs": st.lists(FIELDS, max_size=2) | JSON},
    optional={"id": JSON, "outputs": JSON, "parameters": JSON},
)


def parses_or_refuses(body, header_length):
    try:
        parsed = parse(body, header_length)
    except (InvalidRequestError, TooManyRowsError):
        return True
    return parsed.X.shape[1] == 5


@settings(max_examples=200)
@given(REQUESTS, st.binary(max_size=50), st.booleans())
def test_any_json_is_parsed_or_refused(body, tail, is_framed):
    text = json.dumps(body).encode()
    assert parses_or_refuses(text + (tail if is_framed else b""), len(text) if is_framed else None)


@settings(max_examples=200)
@given(st.binary(max_size=200), st.none() | st.integers(0, 250))
def test_any_bytes_are_parsed_or_refused(body, header_length):
    assert parses_or_refuses(body, header_length)


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_binary_request_is_parsed_or_refused(data):
    body, header_length = binary()
    body = bytearray(body)
    for position in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[position] = data.draw(st.integers(0, 255))
    assert parses_or_refuses(bytes(body), header_length + data.draw(st.integers(-3, 3)))


def nested(depth):
    return b"[" * depth + b"1" + b"]" * depth


@pytest.mark.parametrize("depth", [100, 250, 300, 900])
@pytest.mark.parametrize(
    "place",
    [
        b'{"inputs": [{"name": %s}]}',
        b'{"inputs": [{"name": "X", "shape": %s, "datatype": "FP32", "data": []}]}',
        b'{"inputs": [{"name": "X", "shape": [0, 5], "datatype": %s, "data": []}]}',
        b'{"inputs": [{"name": "X", "shape": [0, 5], "datatype": "FP32", "parameters": '
        b'{"binary_data_size": %s}}]}',
        b'{"inputs": [{"name": "X", "shape": [0, 5], "datatype": "FP32", "data": []}], '
        b'"outputs": [{"name": %s}]}',
        b'{"inputs": [{"name": "X", "shape": [0, 5], "datatype": "FP32", "data": []}], '
        b'"parameters": {"binary_data_output": %s}}',
    ],
)
def test_deeply_nested_values_are_refused_in_every_place(place, depth):
    with pytest.raises(InvalidRequestError):
        parse(place % nested(depth))


@pytest.mark.parametrize("piece", [b"[],", b"{},", b"[", b"0,", b'{"a":'])
def test_more_than_a_request_can_need_is_refused_before_it_is_parsed(piece, monkeypatch):
    monkeypatch.setattr(orjson, "loads", lambda text: pytest.fail("it was parsed"))
    with pytest.raises(TooLargeError, match="more than 100 rows of 5 features need"):
        parse(b'{"inputs": [' + piece * 100_000)


def test_the_largest_request_is_parsed():
    rows = np.ones((MAX_ROWS, 5))
    assert parse(request(rows) | {"id": "[," * 200}).X.shape == (MAX_ROWS, 5)
