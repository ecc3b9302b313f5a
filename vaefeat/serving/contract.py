"""What a model takes and returns, in the terms of the Open Inference Protocol.

A model has one input, rows of float32. A request may send them in any numeric type; the values are cast to
float32 and must be finite after the cast. If the card names the features, or holds a column plan, a request
may send a table instead: one input for each column, by name, in any order.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np

from vaefeat.runtime import OnnxModel
from vaefeat.serving.errors import InvalidRequestError

DTYPES = {
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
    **{f"INT{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
}
BOOL, TEXT = "BOOL", "BYTES"
DATATYPES = {dtype: name for name, dtype in DTYPES.items()} | {np.dtype(bool): BOOL}


_COLUMN_DTYPES = {**DTYPES, BOOL: np.dtype(bool), TEXT: np.dtype(object)}
Rows = np.ndarray | dict[str, np.ndarray]  # a matrix, or the columns of a table


class Tensor(NamedTuple):
    """An input or output as the metadata of a model describe it."""

    name: str
    datatype: str
    shape: list[int]  # -1 stands for the number of rows


@dataclass(frozen=True, eq=False)
class Contract:
    """What a model takes and returns.

    Attributes
    ----------
    input : Tensor
    outputs : list of Tensor
    tables : list of dict of Tensor
        The columns that may be sent instead of the input, by name: those of the table that the model was
        trained on, or the features that they become. Empty if the card does not name them.
    """

    input: Tensor
    outputs: list[Tensor]
    tables: list[dict[str, Tensor]] = field(default_factory=list)

    @classmethod
    def of(cls, model: OnnxModel) -> "Contract":
        """Return the contract of a model; the types of its outputs are found by running it on one row."""
        outputs = model.run(np.zeros((1, model.n_features)))
        return cls(
            Tensor(model.input_name, "FP32", [-1, model.n_features]),
            [Tensor(name, datatype_of(Y), [-1, *Y.shape[1:]]) for name, Y in outputs.items()],
            [{name: _tensor_of(name, kind) for name, kind in table.items()} for table in model.tables],
        )

    @cached_property
    def row_bytes(self) -> int:
        """About how many bytes all outputs of a row have."""
        return sum(8 * prod(output.shape[1:]) for output in self.outputs)

    def expected(self, names: Sequence[Any]) -> list[Tensor]:
        """Return what the inputs of a request with these names must be, or raise InvalidRequestError."""
        if list(names) == [self.input.name]:
            return [self.input]
        for table in self.tables:
            if len(names) == len(table) and all(isinstance(name, str) and name in table for name in names):
                if len(set(names)) == len(names):
                    return [table[name] for name in names]
        columns = f", or each of the columns {shown(list(self.tables[0]))}" if self.tables else ""
        raise InvalidRequestError(
            f'Expected one input, "{self.input.name}"{columns}, got {shown(list(names))}.'
        )

    def rows(self, tensors: dict[str, np.ndarray]) -> Rows:
        """Return the rows of a request from its inputs by name."""
        if list(tensors) == [self.input.name]:
            return tensors[self.input.name]
        if len({len(column) for column in tensors.values()}) > 1:
            raise InvalidRequestError("The columns have different numbers of rows.")
        return tensors


def _tensor_of(name: str, kind: str) -> Tensor:
    return Tensor(name, TEXT if kind in ("category", "date") else "FP32", [-1])


def shown(value: Any) -> str:
    """Return the beginning of a value as JSON: errors do not repeat all that was sent."""
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "something else"
    return text if len(text) <= 60 else f"{text[:60]}..."


def dtypes_of(expected: Tensor) -> dict[str, np.dtype]:
    """Return the types in which an input may be sent: numbers as a matrix, anything as a column."""
    return DTYPES if len(expected.shape) == 2 else _COLUMN_DTYPES


def shape_of(shape: Any, expected: Tensor) -> tuple[int, ...]:
    """Return the shape of an input, or raise InvalidRequestError if it is not the expected one."""
    width = expected.shape[1:]
    is_list = isinstance(shape, list) and all(type(size) is int for size in shape)
    # A column may be a matrix of one.
    if is_list and shape and shape[0] >= 0 and shape[1:] in ([width] if width else [[], [1]]):
        return (shape[0], *width)
    wanted = ", ".join(["number of rows", *map(str, width)])
    raise InvalidRequestError(f"Got the shape {shown(shape)}, expected [{wanted}].")


def datatype_of(Y: np.ndarray) -> str:
    """Return the protocol's name for the type of an array; text is "BYTES"."""
    return DATATYPES.get(Y.dtype, TEXT)


def to_bytes(Y: np.ndarray) -> bytes:
    """Return an array as a binary tensor: little-endian, each text after its length in four bytes."""
    if datatype_of(Y) != TEXT:
        return Y.tobytes()
    labels = [str(label).encode() for label in Y.ravel()]
    return b"".join(len(label).to_bytes(4, "little") + label for label in labels)


def from_bytes(content: memoryview, dtype: np.dtype, n_rows: int) -> np.ndarray:
    """Return the values of a binary tensor, flat; texts are objects, of which there is one for each row.

    Raises
    ------
    InvalidRequestError
        If the bytes are not such a tensor.
    """
    if dtype.kind == "O":
        return _text_from_bytes(content, n_rows)
    if len(content) % dtype.itemsize:
        raise InvalidRequestError(f"Got {len(content)} bytes, expected a multiple of {dtype.itemsize}.")
    if dtype.kind == "b":  # any other byte than 0 is true
        return np.frombuffer(content, np.uint8) != 0
    return np.frombuffer(content, dtype)


def _text_from_bytes(content: memoryview, n_values: int) -> np.ndarray:
    values = np.empty(n_values, object)
    position = 0
    try:
        for i in range(n_values):
            start = position + 4
            position = start + int.from_bytes(content[position:start], "little")
            values[i] = str(content[start:position], "utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidRequestError("A text of the data is not UTF-8.") from exc
    if position != len(content):
        raise InvalidRequestError(f"Got {len(content)} bytes of text, expected {position}.")
    return values
