"""Parse inference requests, and check everything on the way."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import orjson

from vaefeat.serving.contract import DTYPES, Contract, shown
from vaefeat.serving.core import check_n_rows
from vaefeat.serving.errors import InvalidRequestError, TooLargeError
from vaefeat.serving.http.protocol import InferenceRequest
from vaefeat.serving.http.tensors import Binary, parameters_of, parse_tensor, read_tensors

MAX_HEADER_BYTES = 8 * 2**20  # of JSON; while it is parsed, the whole service waits
KEPT_BYTES = 2048  # of JSON before binary tensors, which is parsed once
_SPARE = 1000  # lists, objects and values besides the rows: parameters, outputs, text with brackets
_SPARE_PER_FEATURE = 8  # each may be a separate input


def parse_request(
    body: bytes, header_length: int | None, contract: Contract, max_rows: int
) -> InferenceRequest:
    """Parse the body of an inference request.

    Parameters
    ----------
    body : bytes
    header_length : int or None
        The number of bytes of the body that are JSON, if binary tensors follow; 0 if the whole body is the
        little-endian float32 values of the input.
    contract : Contract
    max_rows : int

    Returns
    -------
    InferenceRequest

    Raises
    ------
    TooManyRowsError, TooLargeError, InvalidRequestError
    """
    if header_length == 0:
        return _parse_raw(body, contract, max_rows)
    if header_length is not None and not 0 < header_length <= min(len(body), MAX_HEADER_BYTES):
        raise InvalidRequestError(f"Got {header_length} bytes of JSON in a body of {len(body)} bytes.")
    text = body[:header_length]
    is_kept = header_length is not None and header_length <= KEPT_BYTES
    header = (_kept_header if is_kept else _parse_header)(text, contract, max_rows)
    tail = memoryview(body)[header_length:] if header_length is not None else None
    return InferenceRequest(header.id, contract.rows(read_tensors(header.tensors, tail)), header.outputs)


class _Header(NamedTuple):
    """What the JSON of a request says."""

    id: str | None
    tensors: dict[str, np.ndarray | Binary]
    outputs: dict[str, bool]


def _parse_header(text: bytes, contract: Contract, max_rows: int) -> _Header:
    _check_size(text, contract, max_rows)
    request = parse_object(text)
    id_ = request.get("id")
    if id_ is not None and not isinstance(id_, str):
        raise InvalidRequestError('Expected a string as the "id" of the request.')
    return _Header(id_, _parse_inputs(request, contract, max_rows), _parse_outputs(request, contract))


# The JSON before binary tensors says only how many there are: a client sends the same with all its requests.
_kept_header = lru_cache(maxsize=256)(_parse_header)


def _parse_raw(body: bytes, contract: Contract, max_rows: int) -> InferenceRequest:
    n_features = contract.input.shape[1]
    n_rows, rest = divmod(len(body), 4 * n_features)
    if rest:
        raise InvalidRequestError(
            f"Got {len(body)} bytes, expected a multiple of {4 * n_features}: {n_features} FP32 per row."
        )
    check_n_rows(n_rows, max_rows)
    X = np.frombuffer(body, DTYPES["FP32"]).reshape(n_rows, n_features)
    return InferenceRequest(None, X, {output.name: True for output in contract.outputs})


def _check_size(text: bytes, contract: Contract, max_rows: int) -> None:
    """Refuse JSON of more lists, objects or values than any request to the model has, before it is parsed.

    Parsed, a list of two bytes takes 60.
    """
    n_nested = text.count(b"[") + text.count(b"{")
    n_values = text.count(b",")
    n_features = contract.input.shape[1]
    n_spare = _SPARE + _SPARE_PER_FEATURE * n_features
    if n_nested > max_rows + n_spare or n_values > max_rows * n_features + n_spare:
        raise TooLargeError(
            f"The JSON has about {n_nested} lists and objects and {n_values} values, "
            f"more than {max_rows} rows of {n_features} features need."
        )


def parse_object(text: bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise InvalidRequestError(f"The request is not JSON: {exc}.") from exc
    if not isinstance(request, dict):
        raise InvalidRequestError("Expected a JSON object as the request.")
    return request


def _parse_inputs(
    request: dict[str, Any], contract: Contract, max_rows: int
) -> dict[str, np.ndarray | Binary]:
    inputs = _objects(request.get("inputs"), "inputs")
    expected = contract.expected([each.get("name") for each in inputs])
    return {
        tensor.name: parse_tensor(input_, tensor, max_rows)
        for input_, tensor in zip(inputs, expected, strict=True)
    }


def _parse_outputs(request: dict[str, Any], contract: Contract) -> dict[str, bool]:
    default = _is_true(parameters_of(request), "binary_data_output")
    known = [output.name for output in contract.outputs]
    asked = request.get("outputs")
    if asked is None or asked == []:
        return dict.fromkeys(known, default)
    outputs = {}
    for output in _objects(asked, "outputs"):
        name = output.get("name")
        if not isinstance(name, str) or name not in known or name in outputs:
            raise InvalidRequestError(f"Got the output {shown(name)}, expected some of {known}, each once.")
        outputs[name] = _is_true(parameters_of(output), "binary_data", default)
    return outputs


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InvalidRequestError(f'Expected "{name}" as a list of JSON objects.')
    return value


def _is_true(parameters: dict[str, Any], name: str, default: bool = False) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequestError(f'Expected true or false as "{name}", got {shown(value)}.')
    return value
