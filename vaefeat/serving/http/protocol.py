"""The Open Inference Protocol, version 2: requests, responses and metadata.

The protocol is https://github.com/kserve/open-inference-protocol with the binary tensor extension of
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.

Numbers in JSON are written with all their digits, so that reading them gives exactly the float32 values that
the model computed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import orjson

from vaefeat.serving.contract import Contract, Rows, datatype_of, to_bytes
from vaefeat.serving.errors import InvalidRequestError

HEADER_LENGTH = b"inference-header-content-length"


@dataclass(frozen=True)
class InferenceRequest:
    """A request for the outputs of some rows.

    Attributes
    ----------
    id : str or None
        Repeated in the response.
    X : ndarray of shape (n_samples, n_features), or dict of ndarrays of shape (n_samples,)
        As sent, not yet cast or checked.
    outputs : dict of bool
        The requested outputs by name; whether each is to be sent as a binary tensor.
    """

    id: str | None
    X: Rows
    outputs: dict[str, bool]


def format_response(
    name: str, version: str, request: InferenceRequest, outputs: Mapping[str, np.ndarray]
) -> tuple[bytes, int | None]:
    """Return the body of the response to an inference request.

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
        The number of bytes of the body that are JSON, if binary tensors follow.

    Raises
    ------
    InvalidRequestError
        If a value is not finite, which JSON cannot express.
    """
    formats = tuple(
        (each, datatype_of(Y := outputs[each]), Y.shape, is_binary)
        for each, is_binary in request.outputs.items()
    )
    tensors = [to_bytes(outputs[each]) for each, is_binary in request.outputs.items() if is_binary]
    if len(tensors) == len(formats):
        sizes = tuple(map(len, tensors))
        header = _binary_header(name, version, request.id, formats, sizes)
        return b"".join([header, *tensors]), len(header)
    response = _header(name, version, request.id, formats, map(len, tensors))
    for output in response["outputs"]:
        if "parameters" not in output:
            output["data"] = _to_json(output["name"], outputs[output["name"]])
    header = orjson.dumps(response, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join([header, *tensors]), len(header) if tensors else None


_Format = tuple[str, str, tuple[int, ...], bool]  # of an output: name, datatype, shape, whether it is binary


def _header(
    name: str, version: str, id_: str | None, formats: Iterable[_Format], sizes: Iterable[int]
) -> dict[str, Any]:
    """Return a response without its values; ``sizes`` are those of its binary tensors, in bytes."""
    rest = iter(sizes)
    outputs: list[dict[str, Any]] = [
        {"name": output, "shape": shape, "datatype": datatype}
        | ({"parameters": {"binary_data_size": next(rest)}} if is_binary else {})
        for output, datatype, shape, is_binary in formats
    ]
    identity = {} if id_ is None else {"id": id_}
    return {"model_name": name, "model_version": version, **identity, "outputs": outputs}


@lru_cache(maxsize=256)  # most requests of a client get the same
def _binary_header(
    name: str, version: str, id_: str | None, formats: tuple[_Format, ...], sizes: tuple[int, ...]
) -> bytes:
    return orjson.dumps(_header(name, version, id_, formats, sizes))


def _to_json(name: str, Y: np.ndarray) -> Any:
    if Y.dtype.kind != "f":
        return (
            [str(label) for label in Y.ravel()]
            if datatype_of(Y) == "BYTES"
            else np.ascontiguousarray(Y).ravel()
        )
    if not np.isfinite(Y).all():
        raise InvalidRequestError(
            f'The output "{name}" is not finite for these rows, which JSON cannot express: send smaller '
            "values, or request binary tensors."
        )
    return Y.astype(np.float64).ravel()  # which JSON writes with all digits of the float32


def model_metadata(
    name: str, versions: list[str], contract: Contract, card: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the metadata of a model, with its card as "properties"."""
    return {
        "name": name,
        "versions": versions,
        "platform": "onnx_onnxv1",
        "inputs": [contract.input._asdict()],
        "outputs": [output._asdict() for output in contract.outputs],
        "properties": card,
    }
