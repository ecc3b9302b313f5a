"""Parse the tensors of a request: the matrix of all features, or a column of a table.

Sizes are multiplied as Python integers, which do not overflow, and compared with the limits before
anything is allocated.
"""

from itertools import chain
from math import prod
from typing import Any

import numpy as np

from vaefeat.serving.contract import (
    BOOL,
    DATATYPES,
    TEXT,
    Tensor,
    dtypes_of,
    from_bytes,
    shape_of,
    shown,
)
from vaefeat.serving.core import check_n_rows
from vaefeat.serving.errors import InvalidRequestError

_NOT_NUMBERS: dict[str, tuple[set[type], str]] = {BOOL: ({bool}, "true and false"), TEXT: ({str}, "text")}


class Tail:
    """The binary tensors after the JSON, taken from it in their order.

    Parameters
    ----------
    content : memoryview or None
        None if the request has no binary tensors.
    """

    def __init__(self, content: memoryview | None) -> None:
        self._content = content
        self._n_taken = 0

    def take(self, n_bytes: int) -> memoryview:
        """Return the next bytes."""
        if self._content is None:
            raise InvalidRequestError(
                'Got a "binary_data_size" without the header Inference-Header-Content-Length.'
            )
        start, self._n_taken = self._n_taken, self._n_taken + n_bytes
        if self._n_taken > len(self._content):
            raise self._wrong_size()
        return self._content[start : self._n_taken]

    def check_empty(self) -> None:
        """Raise InvalidRequestError if there are more bytes than were taken."""
        if self._content is None or len(self._content) == self._n_taken:
            return
        if not self._n_taken:
            raise InvalidRequestError(
                f'There are {len(self._content)} bytes after the JSON, but no "binary_data_size".'
            )
        raise self._wrong_size()

    def _wrong_size(self) -> InvalidRequestError:
        n_bytes = len(self._content or b"")
        return InvalidRequestError(f"Got {n_bytes} bytes after the JSON, expected {self._n_taken}.")


def parse_tensor(input_: dict[str, Any], tail: Tail, expected: Tensor, max_rows: int) -> np.ndarray:
    """Return one input of a request.

    Parameters
    ----------
    input_ : dict
    tail : Tail
    expected : Tensor
        The matrix, of any numeric type, or a column, of any type.
    max_rows : int

    Returns
    -------
    ndarray of shape (n_samples, n_features) or (n_samples,)
        As sent; NaN or None where the JSON has null.

    Raises
    ------
    TooManyRowsError, InvalidRequestError
    """
    datatype = input_.get("datatype")
    known = dtypes_of(expected)
    if not isinstance(datatype, str) or datatype not in known:
        raise InvalidRequestError(
            f"Got the datatype {shown(datatype)}, expected {expected.datatype}, or one of {', '.join(known)}."
        )
    dtype = known[datatype]
    shape = shape_of(input_.get("shape"), expected)
    check_n_rows(shape[0], max_rows)
    n_bytes = parameters_of(input_).get("binary_data_size")
    if n_bytes is None:
        return _from_json(input_.get("data"), datatype, dtype, shape)
    if "data" in input_:
        raise InvalidRequestError('Got both "data" and "binary_data_size", expected one of them.')
    return _from_binary(tail, n_bytes, dtype, shape)


def _from_json(data: Any, datatype: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Return the array of values that are nested as the shape says, or flat."""
    if not isinstance(data, list):
        raise InvalidRequestError('Expected the "data" of the input as a list of numbers.')
    n_rows, width = shape[0], prod(shape[1:])
    if data and isinstance(data[0], list):
        if len(data) != n_rows or not all(isinstance(row, list) and len(row) == width for row in data):
            raise InvalidRequestError(f'The "data" do not have the declared shape, {list(shape)}.')
        data = list(chain.from_iterable(data))
    if len(data) != n_rows * width:
        raise InvalidRequestError(
            f"Got {len(data)} values, expected {n_rows * width} for the shape {list(shape)}."
        )
    return _array(data, datatype, dtype).reshape(shape)


def _array(data: list[Any], datatype: str, dtype: np.dtype) -> np.ndarray:
    kinds = set(map(type, data))
    if datatype in _NOT_NUMBERS:
        allowed, name = _NOT_NUMBERS[datatype]
        if not kinds <= allowed | {type(None)}:
            raise InvalidRequestError(f"Expected only {name} as data.")
        values = np.empty(len(data), object)
        values[:] = data
        return values
    # A bool is an int to Python, but not a number here; null becomes NaN.
    if not kinds <= ({int, float, type(None)} if dtype.kind == "f" else {int}):
        raise InvalidRequestError(f"Expected only {'numbers' if dtype.kind == 'f' else 'integers'} as data.")
    try:
        with np.errstate(over="ignore"):  # infinite values are refused later, by row and column
            return np.array(data, dtype)
    except OverflowError as exc:
        raise InvalidRequestError(f"A value of the data does not fit into {DATATYPES[dtype]}.") from exc


def _from_binary(tail: Tail, n_bytes: Any, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    is_size = type(n_bytes) is int and n_bytes >= 0
    expected = n_bytes if is_size and dtype.kind == "O" else prod(shape) * dtype.itemsize
    if not is_size or n_bytes != expected:
        raise InvalidRequestError(
            f"Got {shown(n_bytes)} as binary_data_size, expected {expected}: "
            f"{dtype.itemsize} bytes for each value of the shape {list(shape)}."
        )
    return from_bytes(tail.take(n_bytes), dtype, shape[0]).reshape(shape)


def parameters_of(owner: dict[str, Any]) -> dict[str, Any]:
    """Return the "parameters" of a request, an input or an output."""
    parameters = owner.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise InvalidRequestError('Expected "parameters" as a JSON object.')
    return parameters or {}
