"""Tables of numbers in files: .npy, .npz, .csv, .csv.gz and .parquet, read and written in chunks of rows.

NumPy's formats need nothing beyond NumPy; the others are read and written by pyarrow. What is taken for
a header or an index in a .csv is described in :mod:`vaefeat.data.csv`.
"""

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vaefeat._files import replacing
from vaefeat.data._dialect import UNKNOWN, Format
from vaefeat.data._table import (
    Chunk,
    ColumnNames,
    Table,
    UnknownTargetError,
    Write,
    in_words,
    near,
    short,
)
from vaefeat.data.arrays import open_npy, open_npz, write_npy, write_npz
from vaefeat.data.csv import open_csv, table_writer
from vaefeat.data.parquet import open_parquet, write_parquet
from vaefeat.data.plan import ColumnPlan
from vaefeat.exceptions import DatasetCorruptError, DatasetNotFoundError

Chunks = Iterator[tuple[np.ndarray, float]]  # rows, and the share of the file that has been read


@dataclass(frozen=True)
class _Format:
    open: Callable[[Path, ExitStack, Format, Collection[str]], Table]
    write: Callable[[Path, ColumnNames], AbstractContextManager[Write]]


FORMATS = {
    ".npy": _Format(open_npy, write_npy),
    ".npz": _Format(open_npz, write_npz),
    **{suffix: _Format(open_csv, table_writer(suffix)) for suffix in (".csv", ".csv.gz", ".tsv", ".tsv.gz")},
    ".parquet": _Format(open_parquet, write_parquet),
}


@contextmanager
def open_rows(
    path: Path,
    n_features: int,
    feature_names: Sequence[str] | None = None,
    *,
    known: Format = UNKNOWN,
    allow_nan: bool = False,
    plan: ColumnPlan | None = None,
    check: bool = True,
) -> Iterator[Chunks]:
    """Open a table with the columns that a model takes, to be read in chunks of rows.

    Parameters
    ----------
    path : path
        Of an .npz file, the array ``X`` is read.
    n_features : int
        Columns that the model takes.
    feature_names : sequence of str, optional
        Their names. A table that names its columns may then have them in any order, and more.
    known : Format
        How a .csv is written, as far as it is not to be inferred from its beginning.
    allow_nan : bool, default=False
        Whether values may be missing.
    plan : ColumnPlan, optional
        How the columns become features; a table that names its columns then has those of the plan, in any
        order, or the features as they are.
    check : bool, default=True
        Whether a value that may not be is an error; else it is NaN or infinite in a chunk.

    Yields
    ------
    chunks : iterator of (ndarray of shape (n_rows, n_features), float)
        Float32 rows, all finite or NaN where that is allowed, and the share of the file that has been
        read, from 0 to 1.

    Raises
    ------
    DatasetNotFoundError
        If there is no such file.
    DatasetCorruptError
        If it holds no such table. A bad row is reported when its chunk is read.
    ValueError
        If the name ends in none of the suffixes.
    """
    with open_table(path, known, feature_names or ()) as table:
        yield rows_of(table, n_features, feature_names, allow_nan=allow_nan, plan=plan, check=check)


def rows_of(
    table: Table,
    n_features: int,
    feature_names: Sequence[str] | None,
    *,
    allow_nan: bool,
    plan: ColumnPlan | None,
    check: bool,
) -> Chunks:
    """Return the rows of an open table; the parameters are those of :func:`open_rows`."""
    if plan is not None and table.read_columns is not None and not _has_features(table, plan):
        return _encoded(table, plan)
    with in_words(short(table.path.name)):
        columns = _choose(table, n_features, plan.feature_names if plan else feature_names)
    return _rows(table, columns, allow_nan, check)


def read_table(
    path: Path, target: str | None = None, *, header: bool | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a whole table.

    Parameters
    ----------
    path : path
        Of an .npz file, the array ``X`` is read.
    target : str, optional
        Name of the column that holds the classes, or, in an .npz file, of the array. Where columns have no
        names, as in an .npy file, the index of the column, which may be negative.
    header : bool, optional
        Whether the first line of a .csv file holds names; by default this is inferred from the line.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float32
        The other columns, finite or NaN.
    y : ndarray of shape (n_samples,), or None
        Classes, if there is a target; -1 where the cell is empty or says "-1".

    Raises
    ------
    DatasetNotFoundError
        If there is no such file.
    DatasetCorruptError
        If it holds no such table.
    ValueError
        If the name ends in none of the suffixes, or the target is unknown.
    """
    wanted = () if target is None else (target,)
    with open_table(path, Format(header), wanted) as table:
        X, values = read_matrix(table, target)
        return X, None if values is None else table.to_labels(values)


def read_matrix(table: Table, target: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the features of a whole table, and the values of its target as they are in the file."""
    name = short(table.path.name)
    with in_words(name):
        label, y = find_target(table, target)
        features = [i for i in table.columns() if i != label]
        if not features:
            raise DatasetCorruptError(f"{name} has no columns besides the target.")
        chunks = list(_checked(table, features, label, allow_nan=True))
        if not sum(len(chunk.X) for chunk in chunks):
            raise DatasetCorruptError(f"{name} has no rows.")
        X = np.concatenate([chunk.X for chunk in chunks])
        if label is not None:
            y = np.concatenate([chunk.labels for chunk in chunks if chunk.labels is not None])
        return X, None if y is None else _as_column(y, len(X), table.path)


@contextmanager
def open_writer(path: Path, column_names: ColumnNames) -> Iterator[Write]:
    """Open a table for writing: in the end, it is complete, or what was there before remains.

    Parameters
    ----------
    path : path
        Its suffix determines the format. An .npy file takes one array; an .npz file has an array for each
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
    write_format = _format_of(path).write
    with replacing(path) as temporary, write_format(temporary, column_names) as write:
        yield write


def _format_of(path: Path) -> _Format:
    for suffix, file_format in FORMATS.items():
        if path.name.endswith(suffix):
            return file_format
    raise ValueError(f"Got the file {short(path.name)}, expected one that ends in {', '.join(FORMATS)}.")


@contextmanager
def open_table(path: Path, known: Format, wanted: Collection[str]) -> Iterator[Table]:
    """Open a file of any of the formats; ``wanted`` are names of columns that the caller knows."""
    open_format = _format_of(path).open
    if not os.path.exists(path):  # Path.exists raises an error for a name that is too long
        raise DatasetNotFoundError(f"There is no file {short(str(path), 240)}.")
    if not path.is_file():
        raise DatasetCorruptError(
            f"Cannot read {short(path.name)}: it is a folder, a device or a pipe, expected a regular file."
        )
    with ExitStack() as stack:
        with in_words(short(path.name)):
            table = open_format(path, stack, known, wanted)
        yield table


def _choose(table: Table, n_features: int, feature_names: Sequence[str] | None) -> list[int]:
    """Return the positions of the columns that a model takes, in its order."""
    if feature_names is None or table.names is None:
        columns = table.columns()
        _check_width(len(columns), n_features, table.path)
        return columns
    _check_width(len(feature_names), n_features, table.path)
    if len(set(feature_names)) < len(feature_names):
        raise DatasetCorruptError(
            f"Two features of the model have the same name, so that {short(table.path.name)} cannot be read."
        )
    positions = {name: i for i, name in enumerate(table.names)}
    missing = [name for name in feature_names if name not in positions]
    if missing:
        raise DatasetCorruptError(
            f"{short(table.path.name)} has no column {short(repr(missing[0]))}, which the model takes"
            + (f"; {len(missing) - 1} more are missing." if missing[1:] else ".")
        )
    return [positions[name] for name in feature_names]


def column_names(table: Table) -> list[str]:
    """Return the names of a table's columns, or their positions where they have none."""
    return table.names or [str(i) for i in range(table.n_columns)]


def _has_features(table: Table, plan: ColumnPlan) -> bool:
    return set(plan.feature_names) <= set(table.names or ()) and plan.feature_names != plan.names


def _encoded(table: Table, plan: ColumnPlan) -> Chunks:
    """Yield rows as the plan makes them from a table's columns."""
    assert table.read_columns is not None
    names, name = column_names(table), short(table.path.name)
    for column in plan.names:
        if column not in names:
            raise DatasetCorruptError(f"{name} has no column {short(repr(column))}{near(column, names)}")
    kinds = {names.index(column.name): column.kind for column in plan.columns}
    with in_words(name):
        for arrays, share_read in table.read_columns(kinds):
            yield plan.encode(dict(zip(plan.names, arrays, strict=True))), share_read


def _check_width(n_columns: int, n_features: int, path: Path) -> None:
    if n_columns != n_features:
        raise DatasetCorruptError(
            f"{short(path.name)} has {n_columns} columns, but the model takes {n_features} features."
        )


def _rows(table: Table, columns: Sequence[int], allow_nan: bool, check: bool) -> Chunks:
    with in_words(short(table.path.name)):
        for X, _, share_read in _checked(table, columns, None, allow_nan, check):
            yield X, share_read


def _checked(
    table: Table, features: Sequence[int], label: int | None, allow_nan: bool, check: bool = True
) -> Iterator[Chunk]:
    """Cast to float32; a value that does not fit is an error that names its place."""
    n_rows = 0
    for chunk in table.read(features, label):
        with np.errstate(over="ignore", invalid="ignore"):
            X = chunk.X.astype(np.float32, copy=False)
        refused = np.isinf(X) if allow_nan else ~np.isfinite(X)
        if check and refused.any():
            row, column = np.argwhere(refused)[0]
            advice = "." if allow_nan else ". Fill it in, or put an imputer into the Pipeline."
            raise DatasetCorruptError(
                f"{table.place(n_rows + row, features[column])}: got {X[row, column]}, "
                f"expected a finite float32 number{advice}"
            )
        n_rows += len(X)
        yield chunk._replace(X=X)


def find_target(table: Table, target: str | None) -> tuple[int | None, np.ndarray | None]:
    """Return the position of the column of classes, or the classes if they are a separate array."""
    if target is None:
        return None, None
    name = short(table.path.name)
    if table.arrays:
        if target not in table.arrays:
            raise UnknownTargetError(f"{name} has no array {short(repr(target))}{near(target, table.arrays)}")
        return None, table.arrays[target]()
    if table.names is not None:
        if target not in table.names:
            raise UnknownTargetError(f"{name} has no column {short(repr(target))}{near(target, table.names)}")
        return table.names.index(target), None
    if not re.fullmatch(r"-?\d{1,9}", target) or not -table.n_columns <= int(target) < table.n_columns:
        raise UnknownTargetError(
            f"Got target={short(repr(target))} for {name}, expected the index of one of its columns."
        )
    return int(target) % table.n_columns, None


def _as_column(y: np.ndarray, n_rows: int, path: Path) -> np.ndarray:
    column = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    if column.shape != (n_rows,):
        raise DatasetCorruptError(
            f"{short(path.name)} holds classes of shape {short(str(y.shape))} for {n_rows} rows, expected "
            "one class for each row."
        )
    return column
