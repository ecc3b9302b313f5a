"""Columns of pyarrow as arrays, and arrays written as tables, with a column for each of theirs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.data._table import ColumnNames, Write, short
from vaefeat.exceptions import DatasetCorruptError

TEXT = ("string", "large_string", "string_view")
NUMBERS = ("int", "uint", "float", "halffloat", "double", "bool")


@contextmanager
def write_table(
    path: Path, column_names: ColumnNames, open_table: Callable[[Path, Any, ExitStack], Any]
) -> Iterator[Write]:
    """Write a table, chunk by chunk, with what ``open_table`` returns for its schema."""
    writer = None
    with ExitStack() as stack:

        def write(arrays: Mapping[str, np.ndarray]) -> None:
            nonlocal writer
            batch = to_batch(arrays, column_names)
            if writer is None:
                writer = open_table(path, batch.schema, stack)
            writer.write_batch(batch)

        yield write


def to_batch(arrays: Mapping[str, np.ndarray], column_names: ColumnNames) -> Any:
    """Return arrays as a record batch; the names are those of the columns of each matrix."""
    columns: list[np.ndarray] = []
    names: list[str] = []
    for name, values in arrays.items():
        columns += [values] if values.ndim == 1 else list(values.T)
        names += [name] if values.ndim == 1 else column_names[name]
    if len(set(names)) < len(names):
        raise ValueError(
            "Two columns of the table would have the same name: "
            f"got {short(str(names), 160)}. Write an .npz file."
        )
    return import_optional("pyarrow", "tables").RecordBatch.from_arrays(columns, names)


def check_numeric(schema: Any, features: Sequence[int], path: Path) -> None:
    """Refuse columns that do not hold numbers.

    Raises
    ------
    DatasetCorruptError
    """
    for i in features:
        field = schema.field(i)
        if str(field.type).rstrip("0123456789") not in NUMBERS:
            raise DatasetCorruptError(
                f"Column {short(repr(field.name))} of {short(path.name)} is {short(str(field.type))}, "
                "expected numbers. Leave it out, or encode it first, for instance with OneHotEncoder."
            )


def to_matrix(batch: Any, columns: Sequence[str]) -> np.ndarray:
    """Return columns of numbers as float32; what is too large for it becomes infinite."""
    arrays = [batch.column(name).to_numpy(zero_copy_only=False) for name in columns]
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is refused with a message
        return np.stack(arrays, axis=1, dtype=np.float32, casting="unsafe")


def arrow_type(kind: str | None) -> Any:
    """Return the type in which text is read for a kind of column of a plan; None leaves it to pyarrow."""
    arrow = import_optional("pyarrow", "tables")
    types = {"number": arrow.float64(), "date": arrow.timestamp("us")}
    return None if kind is None else types.get(kind, arrow.string())


def holds_images(kind: Any) -> bool:
    """Return whether a column of a type holds bytes, or structures with an entry of bytes."""
    text = str(kind)
    return text in ("binary", "large_binary") or text.startswith("struct<bytes: binary")


def to_numpy(column: Any, name: str) -> np.ndarray:
    """Return a column as float64, bool, datetime64, or object for text, images and booleans with gaps.

    Raises
    ------
    DatasetCorruptError
        If it holds anything else, such as lists.
    """
    arrow = import_optional("pyarrow", "tables")
    if str(column.type).startswith("dictionary"):  # pandas's categories
        column = column.cast(column.type.value_type)
    kind = str(column.type)
    if kind.startswith(("date", "timestamp")):
        return column.cast(arrow.timestamp("us")).to_numpy(zero_copy_only=False)
    if kind.rstrip("0123456789") in ("int", "uint", "float", "halffloat", "double") or kind == "null":
        return column.cast(arrow.float64()).to_numpy(zero_copy_only=False)
    if kind.startswith("decimal"):
        return column.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    if kind in (*TEXT, "bool") or holds_images(column.type):
        return column.to_numpy(zero_copy_only=False)
    raise DatasetCorruptError(
        f"Column {short(repr(name))} holds {short(kind)}, expected numbers, booleans, dates or text. "
        "Leave it out."
    )
