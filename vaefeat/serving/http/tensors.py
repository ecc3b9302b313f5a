"""Parse the tensors of a request: the matrix of all features, or a column of a table.

Sizes are multiplied as Python integers, which do not overflow, and compared with the limits before
anything is allocated.
"""

from collections.abc import Mapping
from itertools import chain
from math import prod
from typing import Any, NamedTuple

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


class Binary(NamedTuple):
    """A tensor whose values follow after the JSON."""

    dtype: np.dtype
    shape: tuple[int, ...]
    n_bytes: int


def read_tensors(
    tensors: Mapping[str, np.ndarray | Binary], tail: memoryview | None
) -> dict[str, np.ndarray]:
    """Return the tensors of a request by name.

    Parameters
    ----------
    tensors : mapping of str to ndarray or Binary
        What :func:`parse_tensor` returned for each.
    tail : memoryview or None
        The binary tensors, in the same order; None if the request has none.

    Raises
    ------
    InvalidRequestError
        If there are more or fewer bytes than the tensors need.
    """
    n_bytes = sum(tensor.n_bytes for tensor in tensors.values() if isinstance(tensor, Binary))
    if tail is None and any(isinstance(tensor, Binary) for tensor in tensors.values()):
        raise InvalidRequestError(
            'Got a "binary_data_size" without the header Inference-Header-Content-Length.'
        )
    if tail is not None and len(tail) != n_bytes:
        if not n_bytes:
            raise InvalidRequestError(
                f'There are {len(tail)} bytes after the JSON, but no "binary_data_size".'
            )
        raise InvalidRequestError(f"Got {len(tail)} bytes after the JSON, expected {n_bytes}.")
    found, start = {}, 0
    for name, tensor in tensors.items():
        if isinstance(tensor, Binary):
            assert tail is not None
            stop = start + tensor.n_bytes
            values = from_bytes(tail[start:stop], tensor.dtype, tensor.shape[0])
            found[name], start = values.reshape(tensor.shape), stop
        else:
            found[name] = tensor
    return found


def parse_tensor(input_: dict[str, Any], expected: Tensor, max_rows: int) -> np.ndarray | Binary:
    """Return one input of a request.

    Parameters
    ----------
    input_ : dict
    expected : Tensor
        The matrix, of any numeric type, or a column, of any type.
    max_rows : int

    Returns
    -------
    ndarray of shape (n_samples, n_features) or (n_samples,), or Binary
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
    return _binary(n_bytes, dtype, shape)


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


def _binary(n_bytes: Any, dtype: np.dtype, shape: tuple[int, ...]) -> Binary:
    is_size = type(n_bytes) is int and n_bytes >= 0
    expected = n_bytes if is_size and dtype.kind == "O" else prod(shape) * dtype.itemsize
    if not is_size or n_bytes != expected:
        raise InvalidRequestError(
            f"Got {shown(n_bytes)} as binary_data_size, expected {expected}: "
            f"{dtype.itemsize} bytes for each value of the shape {list(shape)}."
        )
    return Binary(dtype, shape, n_bytes)


def parameters_of(owner: dict[str, Any]) -> dict[str, Any]:
    """Return the "parameters" of a request, an input or an output."""
    parameters = owner.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise InvalidRequestError('Expected "parameters" as a JSON object.')
    return parameters or {}
