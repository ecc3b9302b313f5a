"""Parse inference requests, and check everything on the way.

Sizes are multiplied as Python integers, which do not overflow, and compared with the limits before
anything is allocated.
"""

from itertools import chain
from typing import Any

import numpy as np
import orjson

from vaefeat.serving.contract import DATATYPES, DTYPES, Contract, Tensor
from vaefeat.serving.core import check_n_rows
from vaefeat.serving.errors import InvalidRequestError, TooLargeError
from vaefeat.serving.http.protocol import InferenceRequest

MAX_HEADER_BYTES = 8 * 2**20  # of JSON; while it is parsed, the whole service waits
_SPARE = 1000  # lists, objects and values beside the rows: parameters, outputs, text with brackets


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
    X = _parse_input(_only_input(request, contract), tensors, contract.input, max_rows)
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
    if n_nested > max_rows + _SPARE or n_values > max_rows * contract.input.shape[1] + _SPARE:
        raise TooLargeError(
            f"The JSON has about {n_nested} lists and objects and {n_values} values, "
            f"more than {max_rows} rows of {contract.input.shape[1]} features need."
        )


def parse_object(text: bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise InvalidRequestError(f"The request is not JSON: {exc}.") from exc
    if not isinstance(request, dict):
        raise InvalidRequestError("Expected a JSON object as the request.")
    return request


def _only_input(request: dict[str, Any], contract: Contract) -> dict[str, Any]:
    inputs = _objects(request.get("inputs"), "inputs")
    names = [each.get("name") for each in inputs]
    if names != [contract.input.name]:
        raise InvalidRequestError(f'Expected one input, "{contract.input.name}", got {_shown(names)}.')
    return inputs[0]


def _parse_input(
    input_: dict[str, Any], tensors: memoryview | None, expected: Tensor, max_rows: int
) -> np.ndarray:
    datatype = input_.get("datatype")
    dtype = DTYPES.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise InvalidRequestError(
            f"Got the datatype {_shown(datatype)}, expected FP32, or one of {', '.join(DTYPES)}."
        )
    shape = _parse_shape(input_.get("shape"), expected, max_rows)
    n_bytes = _parameters(input_).get("binary_data_size")
    if n_bytes is None:
        if tensors:
            raise InvalidRequestError(
                f'There are {len(tensors)} bytes after the JSON, but no "binary_data_size".'
            )
        return _from_json(input_.get("data"), dtype, shape)
    if "data" in input_:
        raise InvalidRequestError('Got both "data" and "binary_data_size", expected one of them.')
    if tensors is None:
        raise InvalidRequestError(
            'Got a "binary_data_size" without the header Inference-Header-Content-Length.'
        )
    return _from_binary(tensors, n_bytes, dtype, shape)


def _parse_shape(shape: Any, expected: Tensor, max_rows: int) -> tuple[int, int]:
    n_features = expected.shape[1]
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or not all(type(size) is int for size in shape)
        or shape[0] < 0
        or shape[1] != n_features
    ):
        raise InvalidRequestError(f"Got the shape {_shown(shape)}, expected [number of rows, {n_features}].")
    check_n_rows(shape[0], max_rows)
    return shape[0], n_features


def _from_json(data: Any, dtype: np.dtype, shape: tuple[int, int]) -> np.ndarray:
    """Return the array of numbers that are nested as the shape says, or flat."""
    n_rows, n_features = shape
    if not isinstance(data, list):
        raise InvalidRequestError('Expected the "data" of the input as a list of numbers.')
    if data and isinstance(data[0], list):
        if len(data) != n_rows or not all(isinstance(row, list) and len(row) == n_features for row in data):
            raise InvalidRequestError(f'The "data" do not have the declared shape, {list(shape)}.')
        data = list(chain.from_iterable(data))
    if len(data) != n_rows * n_features:
        raise InvalidRequestError(
            f"Got {len(data)} values, expected {n_rows * n_features} for the shape {list(shape)}."
        )
    allowed = (
        {int, float} if dtype.kind == "f" else {int}
    )  # a bool is an int to Python, but not a number here
    if not set(map(type, data)) <= allowed:
        raise InvalidRequestError(f"Expected only {'numbers' if dtype.kind == 'f' else 'integers'} as data.")
    try:
        with np.errstate(over="ignore"):  # infinite values are refused later, by row and column
            return np.array(data, dtype).reshape(shape)
    except OverflowError as exc:
        raise InvalidRequestError(f"A value of the data does not fit into {DATATYPES[dtype]}.") from exc


def _from_binary(tensors: memoryview, n_bytes: Any, dtype: np.dtype, shape: tuple[int, int]) -> np.ndarray:
    expected = shape[0] * shape[1] * dtype.itemsize
    if type(n_bytes) is not int or n_bytes != expected:
        raise InvalidRequestError(
            f"Got {_shown(n_bytes)} as binary_data_size, expected {expected}: "
            f"{dtype.itemsize} bytes for each value of the shape {list(shape)}."
        )
    if len(tensors) != expected:
        raise InvalidRequestError(f"Got {len(tensors)} bytes after the JSON, expected {expected}.")
    return np.frombuffer(tensors, dtype).reshape(shape)


def _parse_outputs(request: dict[str, Any], contract: Contract) -> dict[str, bool]:
    default = _is_true(_parameters(request), "binary_data_output")
    known = [output.name for output in contract.outputs]
    asked = request.get("outputs")
    if asked is None or asked == []:
        return dict.fromkeys(known, default)
    outputs = {}
    for output in _objects(asked, "outputs"):
        name = output.get("name")
        if not isinstance(name, str) or name not in known or name in outputs:
            raise InvalidRequestError(f"Got the output {_shown(name)}, expected some of {known}, each once.")
        outputs[name] = _is_true(_parameters(output), "binary_data", default)
    return outputs


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InvalidRequestError(f'Expected "{name}" as a list of JSON objects.')
    return value


def _parameters(owner: dict[str, Any]) -> dict[str, Any]:
    parameters = owner.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise InvalidRequestError('Expected "parameters" as a JSON object.')
    return parameters or {}


def _is_true(parameters: dict[str, Any], name: str, default: bool = False) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequestError(f'Expected true or false as "{name}", got {_shown(value)}.')
    return value


def _shown(value: Any) -> str:
    """Return the beginning of a value as JSON: errors do not repeat all that was sent."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # nested more deeply than it writes, though not than it reads
        return "deeply nested JSON"
    return text if len(text) <= 60 else f"{text[:60]}..."
