"""Arrays in NumPy's own files, .npy and .npz, read and written in chunks of rows."""

import math
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

import numpy as np

from vaefeat.data._dialect import Format
from vaefeat.data._table import Chunk, ColumnNames, Table, Write, chunk_rows, short
from vaefeat.exceptions import DatasetCorruptError
from vaefeat.values.images import N_COLORS, ImageShape


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype


def image_shape_of(shape: tuple[int, ...]) -> tuple[ImageShape | None, int]:
    """Return the shape of the images in an array, and the number of its channels: 1, 3, or 4 with opacity.

    Examples
    --------
    >>> from vaefeat.data.arrays import image_shape_of
    >>> image_shape_of((100, 8, 9, 3)), image_shape_of((100, 64))
    (((8, 9, 3), 3), (None, 1))
    """
    n_channels = shape[3] if len(shape) == 4 else 1
    if len(shape) not in (3, 4) or 0 in shape[1:] or n_channels not in (1, 3, 4):
        return None, 1
    return (shape[1:3] if n_channels == 1 else (*shape[1:3], N_COLORS)), n_channels


def without_opacity(rows: np.ndarray, n_channels: int) -> np.ndarray:
    """Return flattened images, (n, n_pixels * n_channels), without their fourth channel, if there is one."""
    if n_channels <= N_COLORS:
        return rows
    return rows.reshape(len(rows), -1, n_channels)[..., :N_COLORS].reshape(len(rows), -1)


def open_npy(path: Path, stack: ExitStack, known: Format, wanted: Collection[str]) -> Table:
    """Open the matrix in an .npy file."""
    stream = stack.enter_context(path.open("rb"))
    return _open_matrix(stream, path.stat().st_size, path)


def open_npz(path: Path, stack: ExitStack, known: Format, wanted: Collection[str]) -> Table:
    """Open the matrix ``X`` of an .npz file; its other arrays may hold the classes."""
    archive = stack.enter_context(zipfile.ZipFile(path))
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    if "X" not in names:
        raise DatasetCorruptError(
            f"{short(path.name)} has no array 'X'; it has {short(', '.join(names), 120)}."
        )
    stream = stack.enter_context(archive.open("X.npy"))
    arrays = {name: partial(_read_array, archive, name) for name in names}
    return _open_matrix(stream, archive.getinfo("X.npy").file_size, path, arrays)


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _open_matrix(stream: IO[bytes], n_bytes: int, path: Path, arrays: Mapping | None = None) -> Table:
    header = _read_header(stream)
    image_shape, n_channels = image_shape_of(header.shape)
    if image_shape is not None and not header.fortran_order:
        header = header._replace(shape=(header.shape[0], math.prod(header.shape[1:])))
    shape, _, dtype = header
    if len(shape) != 2 or shape[1] == 0 or dtype.kind not in "buif":
        raise DatasetCorruptError(
            f"{short(path.name)} holds an array of shape {short(str(shape))} and dtype {short(str(dtype))}, "
            "expected a numeric matrix with a row for each sample, or images (n, rows, columns[, channels])."
        )
    n_whole = (n_bytes - stream.tell()) // (dtype.itemsize * shape[1])
    if n_whole < shape[0]:
        raise DatasetCorruptError(f"{short(path.name)} ends in row {n_whole + 1} of {shape[0]}.")

    def read(features: Sequence[int], label: int | None) -> Iterator[Chunk]:
        everything = list(features) == list(range(n_columns))
        for block, share in _blocks(stream, header, path):
            rows = without_opacity(block, n_channels)
            X = rows if everything else rows[:, features]
            yield Chunk(X, None if label is None else rows[:, label], share)

    n_columns = shape[1] // n_channels * min(n_channels, N_COLORS)
    return Table(path, n_columns, None, read, arrays=arrays or {}, image_shape=image_shape)


def _read_header(stream: IO[bytes]) -> _Header:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return _Header(*np.lib.format.read_array_header_1_0(stream))
    return _Header(*np.lib.format.read_array_header_2_0(stream))


def _blocks(stream: IO[bytes], header: _Header, path: Path) -> Iterator[tuple[np.ndarray, float]]:
    """Yield consecutive rows, and the share of the array that has been read."""
    (n_rows, n_columns), fortran_order, dtype = header
    if fortran_order and n_rows:  # column by column in the file: its rows are complete only at the end
        content = stream.read(n_rows * n_columns * dtype.itemsize)
        yield np.frombuffer(content, dtype).reshape(n_rows, n_columns, order="F"), 1.0
        return
    row_bytes, step = dtype.itemsize * n_columns, chunk_rows(n_columns)
    for start in range(0, n_rows, step):
        stop = min(start + step, n_rows)
        content = stream.read((stop - start) * row_bytes)
        if len(content) < (stop - start) * row_bytes:
            raise DatasetCorruptError(
                f"{short(path.name)} ends in row {start + len(content) // row_bytes + 1} of {n_rows}."
            )
        yield np.frombuffer(content, dtype).reshape(-1, n_columns), stop / n_rows


@contextmanager
def write_npy(path: Path, column_names: ColumnNames) -> Iterator[Write]:
    """Write one array, chunk by chunk."""
    like: np.ndarray | None = None
    n_rows = 0
    with path.open("wb") as file:

        def write(arrays: Mapping[str, np.ndarray]) -> None:
            nonlocal like, n_rows
            (values,) = arrays.values()
            if like is None:
                like = values[:1]
                _write_header(file, like, 0)
            file.write(np.ascontiguousarray(values).data)
            n_rows += len(values)

        yield write
        if like is not None:
            file.seek(0)
            _write_header(file, like, n_rows)  # it has room for any number of rows


def _write_header(file: BinaryIO, like: np.ndarray, n_rows: int) -> None:
    header = {
        "descr": np.lib.format.dtype_to_descr(like.dtype),
        "fortran_order": False,
        "shape": (n_rows, *like.shape[1:]),
    }
    np.lib.format.write_array_header_1_0(file, header)


@contextmanager
def write_npz(path: Path, column_names: ColumnNames) -> Iterator[Write]:
    """Write an array for each name, chunk by chunk."""
    # An archive takes one file at a time: the arrays grow next to it, and are combined at the end.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=path.name) as folder:
        files: dict[str, Path] = {}
        writers: dict[str, Write] = {}
        with ExitStack() as stack:

            def write(arrays: Mapping[str, np.ndarray]) -> None:
                for name, values in arrays.items():
                    if name not in files:  # a model's names may not be valid file names
                        files[name] = Path(folder) / str(len(files))
                        writers[name] = stack.enter_context(write_npy(files[name], column_names))
                    writers[name]({name: values})

            yield write
        with zipfile.ZipFile(path, "w") as archive:
            for name, file in files.items():
                _archive(archive, f"{name}.npy", file)


def _archive(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """Put a file into an archive without its time, so that the same arrays give the same bytes."""
    with path.open("rb") as source, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target)
