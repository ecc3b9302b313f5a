"""What a model takes and returns, in the terms of the Open Inference Protocol.

A model has one input, rows of float32. A request may send them in any numeric type; the values are cast to
float32 and must be finite after the cast.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vaefeat.runtime import OnnxModel

DTYPES = {
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
    **{f"INT{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
}
DATATYPES = {dtype: name for name, dtype in DTYPES.items()} | {np.dtype(bool): "BOOL"}


class Tensor(NamedTuple):
    """An input or output as the metadata of a model describe it."""

    name: str
    datatype: str
    shape: list[int]  # -1 stands for the number of rows


@dataclass(frozen=True)
class Contract:
    """What a model takes and returns."""

    input: Tensor
    outputs: list[Tensor]

    @classmethod
    def of(cls, model: OnnxModel) -> "Contract":
        """Return the contract of a model; the types of its outputs are found by running it on one row."""
        outputs = model.run(np.zeros((1, model.n_features)))
        return cls(
            Tensor(model.input_name, "FP32", [-1, model.n_features]),
            [Tensor(name, datatype_of(Y), [-1, *Y.shape[1:]]) for name, Y in outputs.items()],
        )


def datatype_of(Y: np.ndarray) -> str:
    """Return the protocol's name for the type of an array; text is "BYTES"."""
    return DATATYPES.get(Y.dtype, "BYTES")


def to_bytes(Y: np.ndarray) -> bytes:
    """Return an array as a binary tensor: little-endian, each text behind its length in four bytes."""
    if datatype_of(Y) != "BYTES":
        return Y.tobytes()
    labels = [str(label).encode() for label in Y.ravel()]
    return b"".join(len(label).to_bytes(4, "little") + label for label in labels)
