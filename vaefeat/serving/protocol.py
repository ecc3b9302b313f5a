"""The Open Inference Protocol, version 2: requests and answers as JSON, or with binary tensors behind it.

Pure functions from bytes to arrays and back. The protocol is that of
https://github.com/kserve/open-inference-protocol with the binary tensor extension of
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.

A model has one input, rows of float32. A request may send it in any numeric type; values are cast to
float32, and must be finite after the cast. Numbers in JSON answers are written with all their digits,
so that reading them gives the very float32 that the model computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import orjson

from vaefeat.runtime import OnnxModel
from vaefeat.serving.refusals import invalid, too_large

HEADER_LENGTH = b"inference-header-content-length"
MAX_HEADER_BYTES = 8 * 2**20  # of JSON; what it takes to parse them, the whole service stands still
DTYPES = {
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
    **{f"INT{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
}
_DATATYPES = {dtype: name for name, dtype in DTYPES.items()} | {np.dtype(bool): "BOOL"}


class Tensor(NamedTuple):
    """An input or output: what the metadata of a model say of it."""

    name: str
    datatype: str
    shape: list[int]  # -1 stands for the number of rows


@dataclass(frozen=True)
class Contract:
    """What a model takes and gives."""

    input: Tensor
    outputs: list[Tensor]

    @classmethod
    def of(cls, model: OnnxModel) -> "Contract":
        """Find out what a model takes and gives: the types of its outputs by running it on a row."""
        outputs = model.run(np.zeros((1, model.n_features)))
        return cls(
            Tensor(model.input_name, "FP32", [-1, model.n_features]),
            [Tensor(name, _datatype(Y), [-1, *Y.shape[1:]]) for name, Y in outputs.items()],
        )


@dataclass(frozen=True)
class InferenceRequest:
    """A request for the outputs of some rows.

    Attributes
    ----------
    id : str or None
        Echoed in the answer.
    X : ndarray of shape (n_samples, n_features)
        As it was sent: cast and looked through by :meth:`OnnxModel.check_rows`.
    outputs : dict of bool
        The outputs that are asked for; whether each is to be sent as a binary tensor.
    """

    id: str | None
    X: np.ndarray
    outputs: dict[str, bool]


# --- requests ---


def parse_request(
    body: bytes, header_length: int | None, contract: Contract, max_rows: int
) -> InferenceRequest:
    """Read the body of an inference request.

    Parameters
    ----------
    body : bytes
    header_length : int or None
        How many bytes of the body are JSON, if binary tensors follow; 0 if all of it is the values of
        the input as they lie in memory, little-endian.
    contract : Contract
    max_rows : int

    Returns
    -------
    InferenceRequest

    Raises
    ------
    Refusal
        With status 413 if there are too many rows, else 400.
    """
    if header_length == 0:
        return _parse_raw(body, contract, max_rows)
    if header_length is not None and not 0 < header_length <= min(len(body), MAX_HEADER_BYTES):
        raise invalid(f"Got {header_length} bytes of JSON in a body of {len(body)} bytes.")
    request = _json_object(body[:header_length])
    tensors = memoryview(body)[header_length:] if header_length is not None else None
    id_ = request.get("id")
    if id_ is not None and not isinstance(id_, str):
        raise invalid('Expected a string as the "id" of the request.')
    X = _parse_input(_only_input(request, contract), tensors, contract.input, max_rows)
    return InferenceRequest(id_, X, _parse_outputs(request, contract))


def _parse_raw(body: bytes, contract: Contract, max_rows: int) -> InferenceRequest:
    n_features = contract.input.shape[1]
    n_rows, rest = divmod(len(body), 4 * n_features)
    if rest:
        raise invalid(
            f"Got {len(body)} bytes, expected a multiple of {4 * n_features}: {n_features} FP32 a row."
        )
    _check_rows(n_rows, max_rows)
    X = np.frombuffer(body, DTYPES["FP32"]).reshape(n_rows, n_features)
    return InferenceRequest(None, X, {output.name: True for output in contract.outputs})


def _json_object(text: bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise invalid(f"The request is not JSON: {exc}.") from exc
    if not isinstance(request, dict):
        raise invalid("Expected a JSON object as the request.")
    return request


def _only_input(request: dict[str, Any], contract: Contract) -> dict[str, Any]:
    inputs = _objects(request.get("inputs"), "inputs")
    names = [each.get("name") for each in inputs]
    if names != [contract.input.name]:
        raise invalid(f'Expected one input, "{contract.input.name}", got {_shown(names)}.')
    return inputs[0]


def _parse_input(
    input_: dict[str, Any], tensors: memoryview | None, expected: Tensor, max_rows: int
) -> np.ndarray:
    datatype = input_.get("datatype")
    dtype = DTYPES.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise invalid(f"Got the datatype {_shown(datatype)}, expected FP32, or one of {', '.join(DTYPES)}.")
    shape = _parse_shape(input_.get("shape"), expected, max_rows)
    n_bytes = _parameters(input_).get("binary_data_size")
    if n_bytes is None:
        if tensors:
            raise invalid(f'There are {len(tensors)} bytes behind the JSON, but no "binary_data_size".')
        return _from_json(input_.get("data"), dtype, shape)
    if "data" in input_:
        raise invalid('Got both "data" and "binary_data_size", expected one of them.')
    if tensors is None:
        raise invalid('Got a "binary_data_size" without the header Inference-Header-Content-Length.')
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
        raise invalid(f"Got the shape {_shown(shape)}, expected [number of rows, {n_features}].")
    _check_rows(shape[0], max_rows)
    return shape[0], n_features


def _check_rows(n_rows: int, max_rows: int) -> None:
    if n_rows > max_rows:
        raise too_large(f"Got {n_rows} rows, at most {max_rows} are allowed in a request.")


def _from_json(data: Any, dtype: np.dtype, shape: tuple[int, int]) -> np.ndarray:
    """Make an array of numbers that are nested as the shape says, or flat."""
    n_rows, n_features = shape
    if not isinstance(data, list):
        raise invalid('Expected the "data" of the input as a list of numbers.')
    if data and isinstance(data[0], list):
        if len(data) != n_rows or not all(isinstance(row, list) and len(row) == n_features for row in data):
            raise invalid(f'The "data" do not have the shape {list(shape)} that was announced.')
        data = list(chain.from_iterable(data))
    if len(data) != n_rows * n_features:
        raise invalid(f"Got {len(data)} values, expected {n_rows * n_features} for the shape {list(shape)}.")
    allowed = {int, float} if dtype.kind == "f" else {int}  # a bool is an int to Python, but no number here
    if not set(map(type, data)) <= allowed:
        raise invalid(f"Expected {'numbers' if dtype.kind == 'f' else 'integers'} and nothing else as data.")
    try:
        with np.errstate(over="ignore"):  # what is infinite then is refused later, by row and column
            return np.array(data, dtype).reshape(shape)
    except OverflowError as exc:
        raise invalid(f"A value of the data does not fit into {_DATATYPES[dtype]}.") from exc


def _from_binary(tensors: memoryview, n_bytes: Any, dtype: np.dtype, shape: tuple[int, int]) -> np.ndarray:
    expected = shape[0] * shape[1] * dtype.itemsize
    if type(n_bytes) is not int or n_bytes != expected:
        raise invalid(
            f"Got {_shown(n_bytes)} as binary_data_size, expected {expected}: "
            f"{dtype.itemsize} bytes for each value of the shape {list(shape)}."
        )
    if len(tensors) != expected:
        raise invalid(f"Got {len(tensors)} bytes behind the JSON, expected {expected}.")
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
            raise invalid(f"Got the output {_shown(name)}, expected some of {known}, each once.")
        outputs[name] = _is_true(_parameters(output), "binary_data", default)
    return outputs


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise invalid(f'Expected "{name}" as a list of JSON objects.')
    return value


def _parameters(owner: dict[str, Any]) -> dict[str, Any]:
    parameters = owner.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise invalid('Expected "parameters" as a JSON object.')
    return parameters or {}


def _is_true(parameters: dict[str, Any], name: str, default: bool = False) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise invalid(f'Expected true or false as "{name}", got {_shown(value)}.')
    return value


def _shown(value: Any) -> str:
    """Return a value as JSON, short: an answer does not send back what was sent."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:60]}..."


# --- answers ---


def format_response(
    name: str, version: str, request: InferenceRequest, outputs: Mapping[str, np.ndarray]
) -> tuple[bytes, int | None]:
    """Write the answer to an inference request.

    Parameters
    ----------
    name, version : str
        Of the model.
    request : InferenceRequest
    outputs : mapping of str to ndarray

    Returns
    -------
    body : bytes
    header_length : int or None
        How many bytes of the body are JSON, if binary tensors follow.

    Raises
    ------
    Refusal
        If a value is not finite, which JSON cannot say.
    """
    tensors: list[bytes] = []
    answer: dict[str, Any] = {"model_name": name, "model_version": version}
    if request.id is not None:
        answer["id"] = request.id
    answer["outputs"] = [
        _format_output(each, outputs[each], tensors if binary else None)
        for each, binary in request.outputs.items()
    ]
    header = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join([header, *tensors]), len(header) if tensors else None


def _format_output(name: str, Y: np.ndarray, tensors: list[bytes] | None) -> dict[str, Any]:
    output: dict[str, Any] = {"name": name, "shape": list(Y.shape), "datatype": _datatype(Y)}
    if tensors is None:
        return output | {"data": _to_json(name, Y)}
    tensors.append(_to_bytes(Y))
    return output | {"parameters": {"binary_data_size": len(tensors[-1])}}


def _to_json(name: str, Y: np.ndarray) -> Any:
    if Y.dtype.kind != "f":
        return (
            [str(label) for label in Y.ravel()]
            if _datatype(Y) == "BYTES"
            else np.ascontiguousarray(Y).ravel()
        )
    if not np.isfinite(Y).all():
        raise invalid(
            f'The output "{name}" is not finite for these rows, which JSON cannot say: send smaller values, '
            "or ask for binary tensors."
        )
    return Y.astype(np.float64).ravel()  # its digits are those of the float32, all of them


def _to_bytes(Y: np.ndarray) -> bytes:
    if _datatype(Y) != "BYTES":
        return Y.tobytes()
    labels = [str(label).encode() for label in Y.ravel()]
    return b"".join(len(label).to_bytes(4, "little") + label for label in labels)


def _datatype(Y: np.ndarray) -> str:
    return _DATATYPES.get(Y.dtype, "BYTES")


def model_metadata(
    name: str, versions: list[str], contract: Contract, card: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is to be known of a model, its card under "properties"."""
    return {
        "name": name,
        "versions": versions,
        "platform": "onnx_onnxv1",
        "inputs": [contract.input._asdict()],
        "outputs": [output._asdict() for output in contract.outputs],
        "properties": card,
    }
