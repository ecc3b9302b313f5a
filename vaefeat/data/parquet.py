"""Tables in .parquet files, read and written in chunks of rows by pyarrow."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat._files import replacing
from vaefeat._optional import import_optional
from vaefeat.data._arrow import check_numeric, to_matrix, to_numpy, write_table
from vaefeat.data._dialect import Format
from vaefeat.data._table import Chunk, ColumnNames, RawChunk, Table, Write, chunk_rows, in_words, short


def open_parquet(path: Path, stack: ExitStack, known: Format, wanted: Collection[str]) -> Table:
    """Open a .parquet file; an index that pandas stored in it is not a feature, unless requested."""
    parquet = import_optional("pyarrow.parquet", "tables")
    # With a buffer of this size, a column is read as it is needed rather than whole.
    file = stack.enter_context(parquet.ParquetFile(path, buffer_size=2**16, pre_buffer=False))
    schema = file.schema_arrow
    names = schema.names
    groups = range(file.num_row_groups) if known.row_group is None else [known.row_group]
    n_rows = max(1, sum(file.metadata.row_group(group).num_rows for group in groups))

    def batches(columns: Sequence[str]) -> Iterator[Any]:
        return file.iter_batches(
            chunk_rows(len(columns)), row_groups=list(groups), columns=list(columns), use_threads=False
        )

    def read(features: Sequence[int], label: int | None) -> Iterator[Chunk]:
        check_numeric(schema, features, path)
        positions = [*features] if label is None else [*features, label]
        columns = [names[i] for i in positions]
        n_read = 0
        for batch in batches(columns):
            n_read += batch.num_rows
            labels = None if label is None else _to_labels(batch.column(names[label]))
            yield Chunk(to_matrix(batch, [names[i] for i in features]), labels, n_read / n_rows)

    def read_columns(kinds: Mapping[int, str | None]) -> Iterator[RawChunk]:
        columns = [names[i] for i in kinds]
        if None in kinds.values():
            table = file.read_row_groups(list(groups), columns=columns, use_threads=False)
            yield [to_numpy(table.column(name), name) for name in columns], 1.0
            return
        n_read = 0
        for batch in batches(columns):
            n_read += batch.num_rows
            yield [to_numpy(batch.column(name), name) for name in columns], n_read / n_rows

    index = {names.index(name) for name in _index_names(schema) if name in names and name not in wanted}
    unit = "row" if known.row_group is None else f"row group {known.row_group}, row"
    return Table(path, len(names), names, read, index, unit=unit, read_columns=read_columns)


def n_row_groups(path: Path) -> int:
    """Return how many row groups a .parquet file has."""
    with in_words(short(path.name)):
        return import_optional("pyarrow.parquet", "tables").read_metadata(path).num_row_groups


def n_rows_of(path: Path) -> int:
    """Return how many rows a .parquet file has."""
    return import_optional("pyarrow.parquet", "tables").read_metadata(path).num_rows


def _index_names(schema: Any) -> list[str]:
    entries = (schema.pandas_metadata or {}).get("index_columns", [])
    return [entry for entry in entries if isinstance(entry, str)]


def _to_labels(column: Any) -> np.ndarray:
    if str(column.type).startswith("dictionary"):  # pandas's categories
        column = column.dictionary_decode()
    return column.to_numpy(zero_copy_only=False)


def write_parquet(path: Path, column_names: ColumnNames) -> AbstractContextManager[Write]:
    """Write a .parquet file, chunk by chunk."""
    return write_table(path, column_names, _open)


def _open(path: Path, schema: Any, stack: ExitStack) -> Any:
    return stack.enter_context(import_optional("pyarrow.parquet", "tables").ParquetWriter(path, schema))


@contextmanager
def open_batches(path: Path, schema: Any) -> Iterator[Callable[[Any], None]]:
    """Open a .parquet file for writing record batches: in the end, it is complete, or as it was before."""
    with replacing(path) as temporary, ExitStack() as stack:
        yield _open(temporary, schema, stack).write_batch
