"""Parse requests, and check everything on the way."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from google.protobuf.message import DecodeError, Message

from vaefeat.runtime.wire import MalformedError, as_message, scan
from vaefeat.serving.contract import DTYPES, Contract, Tensor
from vaefeat.serving.core import check_n_rows
from vaefeat.serving.errors import InvalidRequestError, TooLargeError
from vaefeat.serving.grpc.inference_pb2 import ModelInferRequest

SMALL_BYTES = 64 * 2**10  # what a message of this size can become when it is parsed does not matter
MAX_FIELDS = 2000  # of a larger message, and of its tensors
_INPUTS, _CONTENTS = 5, 5  # field numbers: of the tensors in a request, and of the values in a tensor
_FIELDS = {
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "INT64": "int64_contents",
    "UINT64": "uint64_contents",
    **{f"INT{bits}": "int_contents" for bits in (8, 16, 32)},
    **{f"UINT{bits}": "uint_contents" for bits in (8, 16, 32)},
}


class InferenceRequest(NamedTuple):
    """A request for the outputs of some rows, as sent: the rows are not yet cast or checked."""

    X: np.ndarray
    outputs: list[str]


def parse_message(kind: type[Message], content: bytes) -> Message:
    """Parse a message; raise InvalidRequestError if it is none, and TooLargeError if it has many fields.

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
    names = [each.name for each in request.inputs]
    if names != [contract.input.name]:
        raise InvalidRequestError(f'Expected one input, "{contract.input.name}", got {_shown(names)}.')
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise InvalidRequestError(f"Got {len(raw)} raw tensors, expected one for each input.")
    if raw and request.inputs[0].HasField("contents"):
        raise InvalidRequestError("Got both raw and typed contents, expected one of them.")
    X = _parse_input(request.inputs[0], raw[0] if raw else None, contract.input, max_rows)
    return InferenceRequest(X, _parse_outputs(request, contract))


def _parse_input(
    tensor: ModelInferRequest.InferInputTensor, raw: bytes | None, expected: Tensor, max_rows: int
) -> np.ndarray:
    dtype = DTYPES.get(tensor.datatype)
    if dtype is None:
        raise InvalidRequestError(
            f"Got the datatype {_shown(tensor.datatype)}, expected FP32, or one of {', '.join(DTYPES)}."
        )
    shape = tuple(tensor.shape)
    if len(shape) != 2 or shape[0] < 0 or shape[1] != expected.shape[1]:
        raise InvalidRequestError(
            f"Got the shape {_shown(list(shape))}, expected [number of rows, {expected.shape[1]}]."
        )
    check_n_rows(shape[0], max_rows)
    values = _from_raw(raw, dtype) if raw is not None else _from_contents(tensor, dtype)
    if len(values) != shape[0] * shape[1]:
        raise InvalidRequestError(
            f"Got {len(values)} values, expected {shape[0] * shape[1]} for the shape {list(shape)}."
        )
    return values.reshape(shape)


def _from_raw(raw: bytes, dtype: np.dtype) -> np.ndarray:
    if len(raw) % dtype.itemsize:
        raise InvalidRequestError(f"Got {len(raw)} bytes, expected a multiple of {dtype.itemsize}.")
    return np.frombuffer(raw, dtype)


def _from_contents(tensor: ModelInferRequest.InferInputTensor, dtype: np.dtype) -> np.ndarray:
    given = [field.name for field, _ in tensor.contents.ListFields()]
    expected = _FIELDS.get(tensor.datatype)
    if expected is None:
        raise InvalidRequestError(f"Values of the type {tensor.datatype} must be sent as a raw tensor.")
    if not set(given) <= {expected}:
        raise InvalidRequestError(f"Got {', '.join(given)}, expected {expected} for {tensor.datatype}.")
    given_values = np.array(getattr(tensor.contents, expected))  # of a wider type than declared, maybe
    values = given_values.astype(dtype)
    if dtype.kind != "f" and not np.array_equal(values, given_values):
        raise InvalidRequestError(f"A value of the data does not fit into {tensor.datatype}.")
    return values


def _parse_outputs(request: ModelInferRequest, contract: Contract) -> list[str]:
    known = [output.name for output in contract.outputs]
    names = [output.name for output in request.outputs]
    if not set(names) <= set(known) or len(set(names)) < len(names):
        raise InvalidRequestError(f"Got the outputs {_shown(names)}, expected some of {known}, each once.")
    return names or known


def _shown(value: str | Sequence[str] | Sequence[int]) -> str:
    """Return the beginning of a value: errors do not repeat all that was sent."""
    text = repr(value[:5])
    return text if len(text) <= 60 else f"{text[:60]}..."
