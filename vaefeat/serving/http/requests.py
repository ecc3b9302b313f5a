"""Parse inference requests, and check everything on the way."""

from typing import Any

import numpy as np
import orjson

from vaefeat.serving.contract import DTYPES, Contract, Rows, shown
from vaefeat.serving.core import check_n_rows
from vaefeat.serving.errors import InvalidRequestError, TooLargeError
from vaefeat.serving.http.protocol import InferenceRequest
from vaefeat.serving.http.tensors import Tail, parameters_of, parse_tensor

MAX_HEADER_BYTES = 8 * 2**20  # of JSON; while it is parsed, the whole service waits
_SPARE = 1000  # lists, objects and values beside the rows: parameters, outputs, text with brackets
_SPARE_PER_FEATURE = 8  # each may be an input of its own


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
    _check_size(text, contract, max_rows)
    request = parse_object(text)
    tensors = memoryview(body)[header_length:] if header_length is not None else None
    id_ = request.get("id")
    if id_ is not None and not isinstance(id_, str):
        raise InvalidRequestError('Expected a string as the "id" of the request.')
    X = _parse_inputs(request, tensors, contract, max_rows)
    return InferenceRequest(id_, X, _parse_outputs(request, contract))


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
    request: dict[str, Any], tensors: memoryview | None, contract: Contract, max_rows: int
) -> Rows:
    inputs = _objects(request.get("inputs"), "inputs")
    expected = contract.expected([each.get("name") for each in inputs])
    tail = Tail(tensors)
    parsed = {
        tensor.name: parse_tensor(input_, tail, tensor, max_rows)
        for input_, tensor in zip(inputs, expected, strict=True)
    }
    tail.check_empty()
    return contract.rows(parsed)


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
