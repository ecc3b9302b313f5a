"""The Open Inference Protocol, version 2: requests, responses and metadata.

The protocol is https://github.com/kserve/open-inference-protocol with the binary tensor extension of
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.

Numbers in JSON are written with all their digits, so that reading them gives exactly the float32 values that
the model computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
    tensors: list[bytes] = []
    response: dict[str, Any] = {"model_name": name, "model_version": version}
    if request.id is not None:
        response["id"] = request.id
    response["outputs"] = [
        _format_output(each, outputs[each], tensors if binary else None)
        for each, binary in request.outputs.items()
    ]
    header = orjson.dumps(response, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join([header, *tensors]), len(header) if tensors else None


def _format_output(name: str, Y: np.ndarray, tensors: list[bytes] | None) -> dict[str, Any]:
    output: dict[str, Any] = {"name": name, "shape": list(Y.shape), "datatype": datatype_of(Y)}
    if tensors is None:
        return output | {"data": _to_json(name, Y)}
    tensors.append(to_bytes(Y))
    return output | {"parameters": {"binary_data_size": len(tensors[-1])}}


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
