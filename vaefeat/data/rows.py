"""The rows of a training: what their source has to offer, and those of arrays."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

CHUNK_BYTES = 2**24  # of float32 that are looked at together

Arrays = tuple[np.ndarray, ...]
Moments = tuple[np.ndarray, np.ndarray]  # mean and variance of each column
Function = Callable[[np.ndarray], Sequence[np.ndarray]]


class Rows(ABC):
    """A matrix of float32 rows that is read in parts, and is never needed as a whole.

    It has those methods of an ndarray by which models and likelihoods ask for minimum, maximum, mean and
    variance. A training may take further arrays along with the matrix, such as classes.

    Attributes
    ----------
    shape : tuple of int
        (n_samples, n_features)
    """

    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """The size of a row, in bytes."""
        return 4 * int(np.prod(self.shape[1:]))

    @abstractmethod
    def chunks(self) -> Iterator[np.ndarray]:
        """Yield the rows in the order that they are stored in, (n, n_features)."""

    @abstractmethod
    def blocks(self, rng: np.random.Generator, n_rows: int) -> Iterator[Arrays]:
        """Yield all rows in a random order, ``n_rows`` at a time; the last block may have fewer."""

    @abstractmethod
    def split(self, fraction: float, seed: int) -> tuple["Rows", "Rows"]:
        """Return rows to train on, and a random fraction for validation."""

    def digest(self) -> str:
        """Return the sha256 of all rows, in their order."""
        found = hashlib.sha256(str(self.shape).encode())
        for chunk in self.chunks():
            found.update(chunk.data)
        return found.hexdigest()

    def named_head(self, n: int) -> Any:
        """Return the first ``n`` rows, as a pandas frame if their features have names."""
        return self.head(n)

    @abstractmethod
    def moments(self, function: Function) -> list[Moments]:
        """Return the moments of the columns of each array that a function makes of the rows."""

    @abstractmethod
    def min(self, axis: int | None = None) -> Any:
        """Return the least value, or that of each feature."""

    @abstractmethod
    def max(self, axis: int | None = None) -> Any:
        """Return the greatest value, or that of each feature."""

    @abstractmethod
    def mean(self, axis: int = 0, dtype: Any = np.float64) -> np.ndarray:
        """Return the mean of each feature, (n_features,), float64."""

    @abstractmethod
    def var(self, axis: int = 0, dtype: Any = np.float64) -> np.ndarray:
        """Return the variance of each feature, (n_features,), float64."""

    def head(self, n: int) -> np.ndarray:
        """Return the first ``n`` rows."""
        rows: list[np.ndarray] = []
        for chunk in self.chunks():
            rows.append(chunk[: n - sum(map(len, rows))])
            if sum(map(len, rows)) >= n:
                break
        return np.concatenate(rows)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Apply a function such as ``np.log1p`` to each value, when the mean of the result is asked for."""
        if method != "__call__" or len(inputs) != 1 or options:
            return NotImplemented
        return _Transformed(self, ufunc)


class _Transformed:
    """The values of a function of each value of some rows."""

    def __init__(self, rows: Rows, ufunc: np.ufunc) -> None:
        self._rows = rows
        self._ufunc = ufunc

    def mean(self, axis: int = 0, dtype: Any = np.float64) -> np.ndarray:
        return mean_of((self._ufunc(chunk) for chunk in self._rows.chunks()), len(self._rows))


class ArrayRows(Rows):
    """The rows of an array, a memory map or a sparse matrix, which is not copied.

    Parameters
    ----------
    arrays : tuple of ndarrays of shape (n_samples, ...)
        The first is the matrix, which may be sparse in CSR format: its blocks are made dense. Of the others,
        only blocks are made.
    index : ndarray of int, optional
        The rows to take, in this order; all by default.
    """

    def __init__(self, arrays: Arrays, index: np.ndarray | None = None) -> None:
        self._arrays = tuple(arrays)
        self._index = index
        self.shape = (arrays[0].shape[0] if index is None else len(index), *arrays[0].shape[1:])

    def chunks(self) -> Iterator[np.ndarray]:
        X, step = self._arrays[0], chunk_length(self.row_bytes)
        for start in range(0, len(self), step):
            where = slice(start, start + step)
            yield _as_float32(X[where] if self._index is None else X[self._index[where]])

    def blocks(self, rng: np.random.Generator, n_rows: int) -> Iterator[Arrays]:
        order = rng.permutation(len(self)).astype(np.int32)
        for start in range(0, len(order), n_rows):
            where = order[start : start + n_rows]
            X, *others = (
                array[where if self._index is None else self._index[where]] for array in self._arrays
            )
            yield _as_float32(X), *others

    def split(self, fraction: float, seed: int) -> tuple[Rows, Rows]:
        from sklearn.model_selection import train_test_split

        rows = np.arange(len(self)) if self._index is None else self._index
        train, validation = train_test_split(rows, test_size=fraction, random_state=seed)
        return ArrayRows(self._arrays, train), ArrayRows(self._arrays, validation)

    def moments(self, function: Function) -> list[Moments]:
        arrays: list[np.ndarray] = []
        n_done = 0
        for chunk in self.chunks():
            found = function(chunk)
            arrays = arrays or [np.empty((len(self), *each.shape[1:]), each.dtype) for each in found]
            for array, values in zip(arrays, found, strict=True):
                array[n_done : n_done + len(chunk)] = values
            n_done += len(chunk)
        return [(array.mean(axis=0), array.var(axis=0)) for array in arrays]

    def min(self, axis: int | None = None) -> Any:
        return np.min([chunk.min(axis=axis) for chunk in self.chunks()], axis=0)

    def max(self, axis: int | None = None) -> Any:
        return np.max([chunk.max(axis=axis) for chunk in self.chunks()], axis=0)

    def mean(self, axis: int = 0, dtype: Any = np.float64) -> np.ndarray:
        return mean_of(self.chunks(), len(self))

    def var(self, axis: int = 0, dtype: Any = np.float64) -> np.ndarray:
        mean = self.mean()
        return mean_of((np.square(chunk - mean) for chunk in self.chunks()), len(self))


def chunk_length(row_bytes: int) -> int:
    """Return how many rows to look at together: where possible, a multiple of what a model takes at once."""
    n_rows = max(1, CHUNK_BYTES // max(1, row_bytes))
    return n_rows - n_rows % 4096 or n_rows


def mean_of(chunks: Iterator[np.ndarray], n_rows: int) -> np.ndarray:
    """Return the mean over the rows of all chunks, float64: to the last bit that of the whole matrix.

    NumPy adds the rows of a matrix one by one, and so the sum of earlier chunks can stand for them.
    """
    total: np.ndarray | None = None
    for chunk in chunks:
        rows = chunk.astype(np.float64, copy=False)
        total = np.add.reduce(rows if total is None else np.concatenate([total[None], rows]), axis=0)
    assert total is not None
    return total / n_rows


def _as_float32(rows: Any) -> np.ndarray:
    dense = rows.toarray() if is_sparse(rows) else rows
    with np.errstate(over="ignore"):  # which is refused with a message
        return np.ascontiguousarray(dense, np.float32)


def is_sparse(X: Any) -> bool:
    """Return whether rows are a sparse matrix or array of SciPy's."""
    return hasattr(X, "toarray")
