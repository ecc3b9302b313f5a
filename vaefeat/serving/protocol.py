"""The Open Inference Protocol, version 2: what a model takes and gives, and how an answer is written.

The protocol is that of
https://github.com/kserve/open-inference-protocol with the binary tensor extension of
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.

A model has one input, rows of float32. A request may send it in any numeric type; values are cast to
float32, and must be finite after the cast. Numbers in JSON answers are written with all their digits,
so that reading them gives the very float32 that the model computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson

from vaefeat.runtime import OnnxModel
from vaefeat.serving.refusals import invalid

HEADER_LENGTH = b"inference-header-content-length"
DTYPES = {
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
    **{f"INT{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
}
DATATYPES = {dtype: name for name, dtype in DTYPES.items()} | {np.dtype(bool): "BOOL"}


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
    return DATATYPES.get(Y.dtype, "BYTES")


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
