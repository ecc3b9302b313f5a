from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tests.runtime.test_columns import model_of
from tests.serving.live import MODEL
from vaefeat.serving.contract import Contract
from vaefeat.serving.errors import InvalidRequestError, ServingError, TooLargeError, TooManyRowsError
from vaefeat.serving.grpc import inference_pb2 as pb
from vaefeat.serving.grpc.requests import MAX_FIELDS, SMALL_BYTES, parse_message, parse_request

CONTRACT = Contract.of(MODEL)
X = np.arange(8.0).reshape(2, 4)


def request(X=X, datatype="FP32", *, name="X", shape=None, outputs=(), raw=None, **contents):
    """Return a request with the rows as a raw tensor, unless there are contents."""
    message = pb.ModelInferRequest(model_name="linear")
    message.inputs.add(
        name=name, datatype=datatype, shape=X.shape if shape is None else shape, contents=contents or None
    )
    if not contents:
        message.raw_input_contents.append(X.astype("<f4").tobytes() if raw is None else raw)
    for output in outputs:
        message.outputs.add(name=output)
    return message


def parse(message, max_rows=10):
    return parse_request(message, CONTRACT, max_rows)


@pytest.mark.parametrize(
    ("datatype", "dtype", "field"),
    [
        ("FP16", "<f2", None),
        ("FP32", "<f4", "fp32_contents"),
        ("FP64", "<f8", "fp64_contents"),
        ("INT8", "i1", "int_contents"),
        ("INT16", "<i2", "int_contents"),
        ("INT32", "<i4", "int_contents"),
        ("INT64", "<i8", "int64_contents"),
        ("UINT8", "u1", "uint_contents"),
        ("UINT16", "<u2", "uint_contents"),
        ("UINT32", "<u4", "uint_contents"),
        ("UINT64", "<u8", "uint64_contents"),
    ],
)
def test_rows_of_any_numeric_type_are_read_raw_and_typed(datatype, dtype, field):
    rows = X.astype(dtype)
    requests = [request(datatype=datatype, raw=rows.tobytes())]
    if field is not None:
        requests.append(request(datatype=datatype, **{field: rows.ravel().tolist()}))
    for each in requests:
        found = parse(each).X
        assert found.dtype == np.dtype(dtype)
        assert_array_equal(found, rows)


def test_outputs_that_are_not_named_are_all():
    assert parse(request()).outputs == ["Y", "S"]
    assert parse(request(outputs=["S"])).outputs == ["S"]


def test_no_rows_are_a_request_too():
    assert parse(request(np.zeros((0, 4)))).X.shape == (0, 4)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (pb.ModelInferRequest(), r'Expected one input, "X", got \[\]'),
        (request(name="Z"), r'Expected one input, "X", got \["Z"\]'),
        (request(datatype="BF16"), 'Got the datatype "BF16", expected FP32'),
        (request(datatype="BYTES"), 'Got the datatype "BYTES"'),
        (request(shape=[8]), r"Got the shape \[8\], expected \[number of rows, 4\]"),
        (request(shape=[4, 2]), "Got the shape"),
        (request(shape=[-2, 4]), "Got the shape"),
        (request(shape=[2**62, 4]), "Got 4611686018427387904 rows"),
        (request(shape=[1, 4]), "Got 8 values, expected 4"),
        (request(raw=b"123"), "Got 3 bytes, expected a multiple of 4"),
        (request(fp64_contents=X.ravel()), "Got fp64_contents, expected fp32_contents for FP32"),
        (request(fp32_contents=[1.0]), "Got 1 values, expected 8"),
        (request(datatype="INT8", int_contents=[300] * 8), "does not fit into INT8"),
        (request(datatype="FP16", fp32_contents=[1.0]), "must be sent as a raw tensor"),
        (request(outputs=["Z"]), r'Got the outputs \["Z"\], expected some of'),
        (request(outputs=["S", "S"]), "each once"),
    ],
)
def test_what_the_model_does_not_take_is_refused(message, error):
    with pytest.raises(ServingError, match=error) as caught:
        parse(message)
    assert isinstance(caught.value, InvalidRequestError | TooManyRowsError)


def test_a_raw_tensor_too_many_is_refused():
    message = request()
    message.raw_input_contents.append(b"")
    with pytest.raises(InvalidRequestError, match="Got 2 raw tensors"):
        parse(message)


def test_a_raw_tensor_beside_typed_contents_is_refused():
    message = request(fp32_contents=X.ravel())
    message.raw_input_contents.append(X.astype("<f4").tobytes())
    with pytest.raises(InvalidRequestError, match="both"):
        parse(message)


def test_a_message_is_parsed():
    content = request().SerializeToString()
    assert parse_message(pb.ModelInferRequest, content) == request()


def test_a_large_message_is_parsed():
    large = request(np.zeros((SMALL_BYTES, 4)))
    assert parse_message(pb.ModelInferRequest, large.SerializeToString()) == large


@pytest.mark.parametrize("content", [b"\xff", b"\x2a\xff\xff\xff\x7f", b"\x2b" * SMALL_BYTES * 2])
def test_what_is_no_message_is_refused(content):
    with pytest.raises(InvalidRequestError, match="is not a message of the type ModelInferRequest"):
        parse_message(pb.ModelInferRequest, content)


EMPTY_INPUT, EMPTY_TEXT = b"\x2a\x00", b"\x42\x00"


def field(number, content):
    length = len(content)
    varint = bytearray()
    while length >= 0x80:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([number << 3 | 2, *varint, length]) + content


@pytest.mark.parametrize(
    "content",
    [
        EMPTY_INPUT * SMALL_BYTES,
        field(5, field(5, EMPTY_TEXT * SMALL_BYTES)),
        field(5, b"\x22\x00" * SMALL_BYTES),
        field(5, b"") * (MAX_FIELDS + 1) + field(7, bytes(SMALL_BYTES)),
    ],
)
def test_a_message_of_very_many_fields_is_refused_before_it_is_parsed(content):
    with pytest.raises(TooLargeError, match=f"more than {MAX_FIELDS} fields"):
        parse_message(pb.ModelInferRequest, content)


@given(st.binary(max_size=200))
def test_no_content_gives_another_error_than_a_refusal(content):
    with suppress(InvalidRequestError, TooLargeError):
        parse(parse_message(pb.ModelInferRequest, content))


@given(st.integers(0, 10**9), st.integers(0, 255))
def test_no_damaged_request_gives_another_error_than_a_refusal(position, byte):
    content = bytearray(request().SerializeToString())
    content[position % len(content)] = byte
    with suppress(InvalidRequestError, TooLargeError):
        parse(parse_message(pb.ModelInferRequest, bytes(content)))


# --- columns ---

TABLE = model_of()
COLUMNS = {
    "age": ("FP32", {"fp32_contents": [30.0, float("nan")]}, np.array([30, np.nan], "<f4").tobytes()),
    "home": ("BYTES", {"bytes_contents": [b"rent", b"own"]}, b"\x04\0\0\0rent\x03\0\0\0own"),
    "member": ("BOOL", {"bool_contents": [True, False]}, b"\x01\x00"),
    "since": ("BYTES", {"bytes_contents": [b"2020-01-01"] * 2}, b"\x0a\0\0\x002020-01-01" * 2),
}


@pytest.mark.parametrize("is_raw", [True, False])
def test_a_table_is_sent_as_one_input_for_each_column(is_raw):
    message = pb.ModelInferRequest(model_name="linear")
    for name, (datatype, contents, raw) in COLUMNS.items():
        message.inputs.add(name=name, datatype=datatype, shape=[2], contents=None if is_raw else contents)
        if is_raw:
            message.raw_input_contents.append(raw)
    columns = parse_request(message, Contract.of(TABLE), 10).X
    expected = {
        "age": np.array([30, np.nan]),
        "home": np.array(["rent", "own"], object),
        "member": np.array([True, False]),
        "since": np.array(["2020-01-01"] * 2, object),
    }
    assert_array_equal(TABLE.check_rows(columns), TABLE.check_rows(expected))


def test_text_that_is_not_utf8_is_refused():
    message = pb.ModelInferRequest(model_name="linear")
    for name, (datatype, contents, _) in COLUMNS.items():
        contents = {"bytes_contents": [b"\xff"] * 2} if datatype == "BYTES" else contents
        message.inputs.add(name=name, datatype=datatype, shape=[2], contents=contents)
    with pytest.raises(InvalidRequestError, match="is not UTF-8"):
        parse_request(message, Contract.of(TABLE), 10)
