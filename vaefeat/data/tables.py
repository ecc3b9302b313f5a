"""Tables of numbers as streams of chunks of rows: .npy, .npz, .csv, .csv.gz, .parquet, in and out.

NumPy's formats need nothing beyond NumPy; the others are read and written by pyarrow, which streams
them and knows in which line it failed. No more than a chunk is in memory at a time.
"""

import csv
import gzip
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vaefeat._files import replacing
from vaefeat._optional import import_optional
from vaefeat.exceptions import DatasetCorruptError, DatasetNotFoundError, MissingExtraError

CHUNK_ROWS = 4096
CHUNK_BYTES = 2**25
MAX_LINE_BYTES = 2**26  # of a .csv's first line, where the columns are counted

Chunks = Iterator[tuple[np.ndarray, float]]  # rows, and the share of the file that has been read
Write = Callable[[Mapping[str, np.ndarray]], None]
ColumnNames = Mapping[str, Sequence[str]]


@contextmanager
def open_rows(path: Path, n_features: int, feature_names: Sequence[str] | None = None) -> Iterator[Chunks]:
    """Open a table with the columns that a model takes.

    Parameters
    ----------
    path : path
        Of an .npz file the array ``X`` is read. A .csv may have a line of names above: it is one
        if it holds no number, or all of ``feature_names``, or is 0, 1, 2, ...
    n_features : int
        Columns that the model takes.
    feature_names : sequence of str, optional
        Their names. A table that names its columns may then have them in any order, and more.

    Yields
    ------
    chunks : iterator of (ndarray of shape (n_rows, n_features), float)
        Float32 rows, all finite, and the share of the file that has been read, from 0 to 1.

    Raises
    ------
    DatasetNotFoundError
        If there is no such file.
    DatasetCorruptError
        If it holds no such table. A bad row is named when its chunk is read.
    ValueError
        If the name ends in none of the suffixes.
    """
    open_table = _by_suffix(_READERS, path)
    if not path.exists():
        raise DatasetNotFoundError(f"There is no file {path}.")
    with ExitStack() as stack:
        with _in_words(path):
            table = open_table(path, stack, n_features, feature_names)
        yield _finite(table, path)


@contextmanager
def open_writer(path: Path, column_names: ColumnNames) -> Iterator[Write]:
    """Open a table for writing: at the end it is there whole, or what was there before still is.

    Parameters
    ----------
    path : path
        Its suffix tells the format. An .npy file takes one array; an .npz file has an array for each
        name; the other tables have a column for each column of an array.
    column_names : mapping of str to sequence of str
        Names of the columns of each matrix that is written.

    Yields
    ------
    write : callable
        Takes a mapping of names to arrays of shape (n_rows,) or (n_rows, n_columns), with the same
        names, dtypes and widths at each call.

    Raises
    ------
    ValueError
        If the name ends in none of the suffixes.
    """
    open_format = _by_suffix(_WRITERS, path)
    with replacing(path) as temporary, open_format(temporary, column_names) as write:
        yield write


def _by_suffix(functions: Mapping[str, Callable], path: Path) -> Callable:
    for suffix, function in functions.items():
        if path.name.endswith(suffix):
            return function
    raise ValueError(f"Got the file {path.name}, expected one that ends in {', '.join(functions)}.")


# --- in: what goes wrong ---


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Say what cannot be read, whatever a damaged file makes its reader raise."""
    try:
        yield
    except (DatasetCorruptError, MissingExtraError):
        raise
    except Exception as exc:
        reason = " ".join(str(exc).split())
        line = re.search(r"Row #(\d+): (.*)", reason)
        if line:
            raise DatasetCorruptError(f"{path.name}, line {line[1]}: {line[2]}") from exc
        raise DatasetCorruptError(f"Cannot read {path.name}: {reason}") from exc


@dataclass(frozen=True)
class _Table:
    """A table that is being read, and how to speak of its places."""

    chunks: Chunks
    columns: Sequence[str]
    first: int  # number of the first row
    unit: str  # what is counted: rows, or lines


def _finite(table: _Table, path: Path) -> Chunks:
    """Cast to float32; a number that this does not hold is an error that names its place."""
    n_rows = 0
    with _in_words(path):
        for X, share in table.chunks:
            with np.errstate(over="ignore", invalid="ignore"):
                X = X.astype(np.float32, copy=False)
            if not np.isfinite(X).all():
                row, column = np.argwhere(~np.isfinite(X))[0]
                raise DatasetCorruptError(
                    f"{path.name}, {table.unit} {table.first + n_rows + row}, "
                    f"column {table.columns[column]}: got {X[row, column]}, expected a finite float32 "
                    "number. Fill it in, or put an imputer into the Pipeline."
                )
            n_rows += len(X)
            yield X, share


# --- in: the formats ---


def _open_npy(path: Path, stack: ExitStack, n_features: int, feature_names: Any) -> _Table:
    return _array_table(stack.enter_context(path.open("rb")), n_features, path)


def _open_npz(path: Path, stack: ExitStack, n_features: int, feature_names: Any) -> _Table:
    archive = stack.enter_context(zipfile.ZipFile(path))
    if "X.npy" not in archive.namelist():
        names = ", ".join(name.removesuffix(".npy") for name in archive.namelist())
        raise DatasetCorruptError(f"{path.name} has no array 'X'; it has {names}.")
    return _array_table(stack.enter_context(archive.open("X.npy")), n_features, path)


def _array_table(stream: Any, n_features: int, path: Path) -> _Table:
    shape, fortran_order, dtype = _read_npy_header(stream)
    if len(shape) != 2 or dtype.kind not in "buif":
        raise DatasetCorruptError(
            f"{path.name} holds an array of shape {shape} and dtype {dtype}, expected a numeric matrix."
        )
    _check_width(shape[1], n_features, path)
    if fortran_order and 1 not in shape:
        raise DatasetCorruptError(
            f"{path.name} holds its matrix column by column, so that it cannot be read row by row. "
            "Save it again with numpy.ascontiguousarray()."
        )

    def chunks() -> Chunks:
        n_rows, row_bytes, step = shape[0], dtype.itemsize * shape[1], _chunk_rows(n_features)
        for start in range(0, n_rows, step):
            stop = min(start + step, n_rows)
            content = stream.read((stop - start) * row_bytes)
            if len(content) < (stop - start) * row_bytes:
                raise DatasetCorruptError(
                    f"{path.name} ends in row {start + len(content) // row_bytes + 1} of {n_rows}."
                )
            yield np.frombuffer(content, dtype).reshape(-1, shape[1]), stop / n_rows

    return _Table(chunks(), _numbers(n_features), 1, "row")


def _read_npy_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    return np.lib.format.read_array_header_2_0(stream)


def _open_parquet(path: Path, stack: ExitStack, n_features: int, feature_names: Any) -> _Table:
    parquet = import_optional("pyarrow.parquet", "tables")
    # With a buffer of this size, a column is read as it is needed rather than whole.
    file = stack.enter_context(parquet.ParquetFile(path, buffer_size=2**16, pre_buffer=False))
    columns = _choose(file.schema_arrow.names, n_features, feature_names, path)
    for name in columns:
        dtype = file.schema_arrow.field(name).type
        if str(dtype).rstrip("0123456789") not in ("int", "uint", "float", "halffloat", "double", "bool"):
            raise DatasetCorruptError(f"Column {name!r} of {path.name} is {dtype}, expected numbers.")
    n_rows = max(1, file.metadata.num_rows)

    def chunks() -> Chunks:
        n_read = 0
        for batch in file.iter_batches(_chunk_rows(n_features), columns=columns, use_threads=False):
            n_read += batch.num_rows
            yield _to_matrix(batch, columns), n_read / n_rows

    return _Table(chunks(), list(map(repr, columns)), 1, "row")


def _open_csv(path: Path, stack: ExitStack, n_features: int, feature_names: Any) -> _Table:
    arrow, arrow_csv = import_optional("pyarrow", "tables"), import_optional("pyarrow.csv", "tables")
    names = _first_cells(path)
    holds_all = feature_names is not None and set(feature_names) <= set(names)
    counts = [str(i) for i in range(len(names))]  # the names that pandas gives to columns without any
    has_header = holds_all or not any(map(_is_number, names)) or (names == counts and len(names) > 1)
    if not has_header:
        names, feature_names = _numbers(len(names)), None
    columns = _choose(names, n_features, feature_names, path)
    file = stack.enter_context(arrow.OSFile(str(path)))
    stream = arrow.CompressedInputStream(file, "gzip") if path.suffix == ".gz" else file
    reader = arrow_csv.open_csv(
        stream,
        read_options=arrow_csv.ReadOptions(
            column_names=names, skip_rows=int(has_header), block_size=CHUNK_BYTES // 8, use_threads=False
        ),
        # An empty line is a bad row like any other: without it the numbers of the lines were wrong.
        parse_options=arrow_csv.ParseOptions(ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: arrow.float32() for name in columns}, include_columns=columns
        ),
    )
    n_bytes = path.stat().st_size
    chunks = ((_to_matrix(batch, columns), file.tell() / n_bytes) for batch in reader)
    return _Table(chunks, list(map(repr, columns)) if has_header else columns, 1 + has_header, "line")


def _numbers(n: int) -> list[str]:
    return [str(i) for i in range(1, n + 1)]


def _first_cells(path: Path) -> list[str]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        line = file.readline(MAX_LINE_BYTES)
    if not line.strip():
        raise DatasetCorruptError(f"{path.name} begins with an empty line, expected names or numbers.")
    return next(csv.reader([line.decode("utf-8-sig")]))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _choose(names: list[str], n_features: int, feature_names: Sequence[str] | None, path: Path) -> list[str]:
    """Return the names of the columns that the model takes, in its order."""
    if len(set(names)) < len(names):
        raise DatasetCorruptError(f"{path.name} has columns with the same name.")
    if feature_names is None:
        _check_width(len(names), n_features, path)
        return names
    missing = [name for name in feature_names if name not in set(names)]
    if missing:
        raise DatasetCorruptError(
            f"{path.name} has no column {missing[0]!r}, which the model takes"
            + (f"; {len(missing) - 1} more are missing." if missing[1:] else ".")
        )
    return list(feature_names)


def _check_width(n_columns: int, n_features: int, path: Path) -> None:
    if n_columns != n_features:
        raise DatasetCorruptError(
            f"{path.name} has {n_columns} columns, but the model takes {n_features} features."
        )


def _to_matrix(batch: Any, columns: Sequence[str]) -> np.ndarray:
    arrays = [batch.column(name).to_numpy(zero_copy_only=False) for name in columns]
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is refused in words
        return np.stack(arrays, axis=1, dtype=np.float32, casting="unsafe")


def _chunk_rows(n_features: int) -> int:
    return max(1, min(CHUNK_ROWS, CHUNK_BYTES // (8 * n_features)))


_READERS: Mapping[str, Callable] = {
    ".npy": _open_npy,
    ".npz": _open_npz,
    ".csv": _open_csv,
    ".csv.gz": _open_csv,
    ".parquet": _open_parquet,
}


# --- out: the formats ---


@contextmanager
def _npy_writer(path: Path, column_names: ColumnNames) -> Iterator[Write]:
    like: np.ndarray | None = None
    n_rows = 0
    with path.open("wb") as file:

        def write(arrays: Mapping[str, np.ndarray]) -> None:
            nonlocal like, n_rows
            (values,) = arrays.values()
            if like is None:
                like = values[:1]
                _write_npy_header(file, like, 0)
            file.write(np.ascontiguousarray(values).data)
            n_rows += len(values)

        yield write
        if like is not None:
            file.seek(0)
            _write_npy_header(file, like, n_rows)  # it has room for any number of rows


def _write_npy_header(file: BinaryIO, like: np.ndarray, n_rows: int) -> None:
    header = {
        "descr": np.lib.format.dtype_to_descr(like.dtype),
        "fortran_order": False,
        "shape": (n_rows, *like.shape[1:]),
    }
    np.lib.format.write_array_header_1_0(file, header)


@contextmanager
def _npz_writer(path: Path, column_names: ColumnNames) -> Iterator[Write]:
    # An archive takes one file at a time: the arrays grow beside it, and are put together at the end.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=path.name) as folder:
        files: dict[str, Path] = {}
        writers: dict[str, Write] = {}
        with ExitStack() as stack:

            def write(arrays: Mapping[str, np.ndarray]) -> None:
                for name, values in arrays.items():
                    if name not in files:  # a model's names are not for the file system
                        files[name] = Path(folder) / str(len(files))
                        writers[name] = stack.enter_context(_npy_writer(files[name], column_names))
                    writers[name]({name: values})

            yield write
        with zipfile.ZipFile(path, "w") as archive:
            for name, file in files.items():
                _archive(archive, f"{name}.npy", file)


def _archive(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """Put a file into an archive without its time: the same arrays make the same bytes."""
    with path.open("rb") as source, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target)


@contextmanager
def _table_writer(path: Path, column_names: ColumnNames, open_table: Callable) -> Iterator[Write]:
    writer = None
    with ExitStack() as stack:

        def write(arrays: Mapping[str, np.ndarray]) -> None:
            nonlocal writer
            batch = _to_batch(arrays, column_names)
            if writer is None:
                writer = open_table(path, batch.schema, stack)
            writer.write_batch(batch)

        yield write


def _to_batch(arrays: Mapping[str, np.ndarray], column_names: ColumnNames) -> Any:
    columns: list[np.ndarray] = []
    names: list[str] = []
    for name, values in arrays.items():
        columns += [values] if values.ndim == 1 else list(values.T)
        names += [name] if values.ndim == 1 else column_names[name]
    if len(set(names)) < len(names):
        raise ValueError(
            f"Two columns of the table would have the same name: got {names}. Write an .npz file."
        )
    return import_optional("pyarrow", "tables").RecordBatch.from_arrays(columns, names)


def _open_csv_table(path: Path, schema: Any, stack: ExitStack) -> Any:
    stream = stack.enter_context(path.open("wb"))
    return stack.enter_context(import_optional("pyarrow.csv", "tables").CSVWriter(stream, schema))


def _open_csv_gz_table(path: Path, schema: Any, stack: ExitStack) -> Any:
    # Without name and time in it: the same table makes the same bytes.
    stream = stack.enter_context(gzip.GzipFile("", "wb", 6, stack.enter_context(path.open("wb")), 0))
    return stack.enter_context(import_optional("pyarrow.csv", "tables").CSVWriter(stream, schema))


def _open_parquet_table(path: Path, schema: Any, stack: ExitStack) -> Any:
    return stack.enter_context(import_optional("pyarrow.parquet", "tables").ParquetWriter(path, schema))


_WRITERS: Mapping[str, Callable] = {
    ".npy": _npy_writer,
    ".npz": _npz_writer,
    ".csv": partial(_table_writer, open_table=_open_csv_table),
    ".csv.gz": partial(_table_writer, open_table=_open_csv_gz_table),
    ".parquet": partial(_table_writer, open_table=_open_parquet_table),
}
