"""Rows to train on that need not fit into memory: from files, Arrow data sets, memory maps, or any code."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat.data._dialect import UNKNOWN
from vaefeat.data._table import short
from vaefeat.data.files import find_files
from vaefeat.data.frames import frame_columns, is_frame
from vaefeat.data.rows import ArrayRows, is_sparse
from vaefeat.data.shuffled import ShuffledRows, shuffle
from vaefeat.data.tables import open_rows, open_table
from vaefeat.exceptions import DatasetCorruptError

Parts = Iterator[tuple[Any, str]]  # rows, and how to name them in a message


class RowStream:
    """Rows for ``fit`` that need not fit into memory.

    ``fit`` reads them once, and spreads them at random over files in a temporary folder: as float32, in total
    as large as the matrix would be. Each epoch reads these files in another order. So the order of the source
    does not matter, even if it is sorted by class.

    Parameters
    ----------
    source : path, sequence of paths, ndarray, sparse matrix, pyarrow Table or Dataset, or callable
        A path is a .parquet, .csv, .csv.gz, .tsv, .tsv.gz, .npy or .npz file; a folder, which stands for all
        such files below it; or a pattern such as ``data/*.parquet``. An array may be a memory map. A callable
        takes no arguments, and returns an iterable of arrays or sparse matrices of shape (n, n_features), of
        frames of pandas or Polars, or of record batches or tables of pyarrow.
    columns : sequence of str, optional
        The columns to take, in this order, where columns have names; all by default.
    folder : path, optional
        Where to make the temporary folder; by default where the system has such folders. Choose a disk that
        has room for the matrix.

    See Also
    --------
    vaefeat.encode : Encodes files, which need not fit into memory either.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vaefeat import RowStream, VAEEncoderTransformer
    >>> rng = np.random.default_rng(0)
    >>> vae = VAEEncoderTransformer(2, hidden_layer_sizes=(8,), max_iter=2, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in range(3):
    ...         np.save(f"{folder}/part-{i}.npy", rng.normal(size=(1_000, 6)))
    ...     vae = vae.fit(RowStream(f"{folder}/*.npy"))
    >>> vae.transform(rng.normal(size=(5, 6))).shape
    (5, 2)
    """

    def __init__(
        self,
        source: Any,
        *,
        columns: Sequence[str] | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self.source = source
        self.columns = columns
        self.folder = folder

    @contextmanager
    def shuffled(self, seed: int, folder: Path | None = None) -> Iterator[ShuffledRows]:
        """Read all rows, and yield them in a random order.

        Parameters
        ----------
        seed : int
        folder : Path, optional
            Where to keep them, or where they were kept before; by default in a temporary folder.

        Raises
        ------
        DatasetNotFoundError, DatasetCorruptError
            If there are no rows, or a value is not a finite float32 number.
        TypeError
            If the source is none of the above.
        """
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="vaefeat-") as temporary:
            yield shuffle(self._open, folder or Path(temporary), seed)

    def describe(self) -> str:
        """Return the sha256 of the names and sizes of the files; of other sources, what they are."""
        if not isinstance(self.source, str | os.PathLike | list | tuple):
            return type(self.source).__name__
        files = [(str(path), path.stat().st_size) for path in find_files(self.source)]
        return hashlib.sha256(repr(files).encode()).hexdigest()

    def _open(self) -> tuple[list[str] | None, Iterator[np.ndarray]]:
        """Return the names of the features, if they have any, and all rows, in blocks."""
        if isinstance(self.source, np.ndarray) or is_sparse(self.source):
            return None, _arrays(iter([(self.source, "the array")]), None)
        if hasattr(self.source, "to_batches"):
            names = list(self.columns or self.source.schema.names)
            return names, _arrays(_batches(self.source, names), names)
        if callable(self.source):
            parts = ((part, f"part {i}") for i, part in enumerate(self.source()))
            return self._from_parts(parts)
        if isinstance(self.source, str | os.PathLike | list | tuple):
            return self._from_files(find_files(self.source))
        raise TypeError(
            f"Got a source of type {type(self.source).__name__}, expected paths, an array, a pyarrow Table "
            "or Dataset, or a callable that returns an iterable of blocks."
        )

    def _from_parts(self, parts: Parts) -> tuple[list[str] | None, Iterator[np.ndarray]]:
        first = next(parts, None)
        if first is None:
            raise DatasetCorruptError("The callable returned no rows.")
        names = list(self.columns or frame_columns(first[0])) if is_frame(first[0]) else None
        return names, _arrays(chain([first], parts), names)

    def _from_files(self, paths: list[Path]) -> tuple[list[str] | None, Iterator[np.ndarray]]:
        with open_table(paths[0], UNKNOWN, self.columns or ()) as table:
            if table.names is None:
                names, n_features = None, len(table.columns())
            else:
                names = list(self.columns or (table.names[i] for i in table.columns()))
                n_features = len(names)
        return names, _rows_of_files(paths, n_features, names)


def _rows_of_files(paths: list[Path], n_features: int, names: list[str] | None) -> Iterator[np.ndarray]:
    for path in paths:
        with open_rows(path, n_features, names) as chunks:
            yield from (X for X, _ in chunks)


def _batches(source: Any, names: list[str]) -> Parts:
    """Yield the record batches of a pyarrow Table or Dataset."""
    is_table = hasattr(source, "select")
    batches = source.select(names).to_batches() if is_table else source.to_batches(columns=names)
    for i, batch in enumerate(batches):
        yield batch, f"batch {i}"


def _arrays(parts: Parts, names: list[str] | None) -> Iterator[np.ndarray]:
    """Yield the parts as finite float32 matrices of one width."""
    width = None if names is None else len(names)
    for part, where in parts:
        X = _matrix(part, names, where)
        width = width or X.shape[1]
        if X.shape[1] != width:
            raise DatasetCorruptError(f"{where} has {X.shape[1]} columns, expected {width} as before.")
        for start, chunk in _chunks(X):
            _check_finite(chunk, start, where)
            yield chunk


def _matrix(part: Any, names: list[str] | None, where: str) -> np.ndarray:
    if names is None:
        X = part.tocsr() if is_sparse(part) else np.asanyarray(part)
    else:
        X = _stacked(frame_columns(part, names), names, where)
    if X.ndim != 2 or X.dtype.kind not in "buif":
        raise DatasetCorruptError(
            f"{where} has shape {X.shape} and dtype {X.dtype}, expected a numeric matrix (n, n_features)."
        )
    return X


def _stacked(columns: dict[str, np.ndarray], names: list[str], where: str) -> np.ndarray:
    if missing := [name for name in names if name not in columns]:
        raise DatasetCorruptError(f"{where} has no column {short(repr(missing[0]))}.")
    try:
        with np.errstate(over="ignore"):
            return np.stack([np.asarray(columns[name], np.float32) for name in names], axis=1)
    except (TypeError, ValueError) as exc:
        raise DatasetCorruptError(f"{where} has a column that does not hold numbers: {exc}.") from exc


def _chunks(X: np.ndarray) -> Iterable[tuple[int, np.ndarray]]:
    start = 0
    for chunk in ArrayRows((X,)).chunks():
        yield start, chunk
        start += len(chunk)


def _check_finite(chunk: np.ndarray, start: int, where: str) -> None:
    if not np.isfinite(chunk).all():
        row, column = np.argwhere(~np.isfinite(chunk))[0]
        raise DatasetCorruptError(
            f"{where}, row {start + row}, column {column}: got {chunk[row, column]}, expected a finite "
            "float32 number. Fill it in, or leave the row out."
        )
