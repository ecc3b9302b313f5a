"""Writing tables with pyarrow: a column for each column of each array."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.data._table import ColumnNames, Write, short


@contextmanager
def write_table(
    path: Path, column_names: ColumnNames, open_table: Callable[[Path, Any, ExitStack], Any]
) -> Iterator[Write]:
    """Write a table, chunk by chunk, with what ``open_table`` returns for its schema."""
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
            "Two columns of the table would have the same name: "
            f"got {short(str(names), 160)}. Write an .npz file."
        )
    return import_optional("pyarrow", "tables").RecordBatch.from_arrays(columns, names)
