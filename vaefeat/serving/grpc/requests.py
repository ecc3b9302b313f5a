"""Parse requests, and check everything on the way."""

from collections.abc import Sequence
from itertools import repeat
from math import prod
from typing import NamedTuple

import numpy as np
from google.protobuf.message import DecodeError, Message

from vaefeat.runtime.wire import MalformedError, as_message, scan
from vaefeat.serving.contract import (
    BOOL,
    TEXT,
    Contract,
    Rows,
    Tensor,
    dtypes_of,
    from_bytes,
    shape_of,
    shown,
)
from vaefeat.serving.core import check_n_rows
from vaefeat.serving.errors import InvalidRequestError, TooLargeError
from vaefeat.serving.grpc.inference_pb2 import ModelInferRequest

SMALL_BYTES = 64 * 2**10  # what a message of this size can become when it is parsed does not matter
MAX_FIELDS = 20_000  # of a larger message, and of its tensors: enough for thousands of columns or texts
_INPUTS, _CONTENTS = 5, 5  # field numbers: of the tensors in a request, and of the values in a tensor
_FIELDS = {
    BOOL: "bool_contents",
    TEXT: "bytes_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "INT64": "int64_contents",
    "UINT64": "uint64_contents",
    **{f"INT{bits}": "int_contents" for bits in (8, 16, 32)},
    **{f"UINT{bits}": "uint_contents" for bits in (8, 16, 32)},
}


class InferenceRequest(NamedTuple):
    """A request for the outputs of some rows, as sent: the rows are not yet cast or checked."""

    X: Rows
    outputs: list[str]


def parse_message(kind: type[Message], content: bytes) -> Message:
    """Parse a message; raise InvalidRequestError if it is not one, and TooLargeError if it has many fields.

    Each field, of two bytes or more, becomes an object of a hundred.
    """
    try:
        if len(content) > SMALL_BYTES:
            _check_n_fields(memoryview(content))
        return kind.FromString(content)
    except (DecodeError, MalformedError, IndexError) as exc:
        raise InvalidRequestError(f"The request is not a message of the type {kind.__name__}.") from exc


def _check_n_fields(message: memoryview) -> None:
    pending = [(message, 0)]
    n_fields = 0
    while pending:
        part, depth = pending.pop()
        for field in scan(part):
            n_fields += 1
            if n_fields > MAX_FIELDS:
                raise TooLargeError(f"The request has more than {MAX_FIELDS} fields; send raw tensors.")
            if field.number == (_INPUTS, _CONTENTS, 0)[depth] and field.value is not None:
                pending.append((as_message(field.value), depth + 1))


def parse_request(request: ModelInferRequest, contract: Contract, max_rows: int) -> InferenceRequest:
    """Return the rows and the names of the outputs that a request is for.

    Parameters
    ----------
    request : ModelInferRequest
    contract : Contract
    max_rows : int

    Returns
    -------
    InferenceRequest

    Raises
    ------
    TooManyRowsError, InvalidRequestError
    """
    expected = contract.expected([each.name for each in request.inputs])
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise InvalidRequestError(f"Got {len(raw)} raw tensors, expected one for each input.")
    parsed = {
        tensor.name: _parse_input(input_, content, tensor, max_rows)
        for input_, content, tensor in zip(request.inputs, raw or repeat(None), expected, strict=False)
    }
    return InferenceRequest(contract.rows(parsed), _parse_outputs(request, contract))


def _parse_input(
    tensor: ModelInferRequest.InferInputTensor, raw: bytes | None, expected: Tensor, max_rows: int
) -> np.ndarray:
    if raw is not None and tensor.HasField("contents"):
        raise InvalidRequestError("Got both raw and typed contents, expected one of them.")
    known = dtypes_of(expected)
    dtype = known.get(tensor.datatype)
    if dtype is None:
        raise InvalidRequestError(
            f"Got the datatype {shown(tensor.datatype)}, expected {expected.datatype}, "
            f"or one of {', '.join(known)}."
        )
    shape = shape_of(list(tensor.shape), expected)
    check_n_rows(shape[0], max_rows)
    values = (
        from_bytes(memoryview(raw), dtype, shape[0]) if raw is not None else _from_contents(tensor, dtype)
    )
    if len(values) != prod(shape):
        raise InvalidRequestError(
            f"Got {len(values)} values, expected {prod(shape)} for the shape {list(shape)}."
        )
    return values.reshape(shape)


def _from_contents(tensor: ModelInferRequest.InferInputTensor, dtype: np.dtype) -> np.ndarray:
    given = [field.name for field, _ in tensor.contents.ListFields()]
    expected = _FIELDS.get(tensor.datatype)
    if expected is None:
        raise InvalidRequestError(f"Values of the type {tensor.datatype} must be sent as a raw tensor.")
    if not set(given) <= {expected}:
        raise InvalidRequestError(f"Got {', '.join(given)}, expected {expected} for {tensor.datatype}.")
    if dtype.kind == "O":
        return _text(tensor.contents.bytes_contents)
    given_values = np.array(getattr(tensor.contents, expected))  # perhaps of a wider type than declared
    values = given_values.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(values, given_values):
        raise InvalidRequestError(f"A value of the data does not fit into {tensor.datatype}.")
    return values


def _text(values: Sequence[bytes]) -> np.ndarray:
    try:
        texts = [value.decode() for value in values]
    except UnicodeDecodeError as exc:
        raise InvalidRequestError("A text of the data is not UTF-8.") from exc
    return np.array([*texts, None], object)[:-1]  # the last one keeps NumPy from choosing its own type


def _parse_outputs(request: ModelInferRequest, contract: Contract) -> list[str]:
    known = [output.name for output in contract.outputs]
    names = [output.name for output in request.outputs]
    if not set(names) <= set(known) or len(set(names)) < len(names):
        raise InvalidRequestError(f"Got the outputs {shown(names)}, expected some of {known}, each once.")
    return names or known
