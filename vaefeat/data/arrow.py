"""Tables and record batches of pyarrow in memory, read as the rows that a model takes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.data._arrow import check_numeric, to_matrix, to_numpy
from vaefeat.data._table import Chunk, RawChunk, Table

NAME = Path("the table")  # for messages, which name the file elsewhere


def is_arrow(rows: Any) -> bool:
    """Return whether rows are a Table or a RecordBatch of pyarrow."""
    arrow = import_optional("pyarrow", "tables")
    return isinstance(rows, arrow.Table | arrow.RecordBatch)


def in_batches(rows: Any, n_rows: int) -> Iterator[Any]:
    """Yield a Table or a RecordBatch as record batches of at most ``n_rows``."""
    arrow = import_optional("pyarrow", "tables")
    table = rows if isinstance(rows, arrow.Table) else arrow.Table.from_batches([rows])
    yield from table.to_batches(max_chunksize=n_rows)


def joined(batches: Iterable[Any], schema: Any, rows: Any) -> Any:
    """Return record batches as a Table, or as one RecordBatch if ``rows`` is one."""
    arrow = import_optional("pyarrow", "tables")
    table = arrow.Table.from_batches(batches, schema)
    if isinstance(rows, arrow.Table):
        return table
    return arrow.RecordBatch.from_arrays([column.combine_chunks() for column in table.columns], schema=schema)


def as_table(batch: Any, first: int = 1) -> Table:
    """Return a record batch as a table that is open for reading; ``first`` is the number of its first row."""
    names = batch.schema.names

    def read(features: Sequence[int], label: int | None) -> Iterator[Chunk]:
        check_numeric(batch.schema, features, NAME)
        yield Chunk(to_matrix(batch, [names[i] for i in features]), None, 1.0)

    def read_columns(kinds: Mapping[int, str | None]) -> Iterator[RawChunk]:
        yield [to_numpy(batch.column(i), names[i]) for i in kinds], 1.0

    return Table(NAME, len(names), names, read, first=first, read_columns=read_columns)


def concatenated(batch: Any, kept: Any, keep: np.ndarray, schema: Any) -> Any:
    """Return the columns that a schema names, of those rows of a batch that are kept, before outputs.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        The outputs of the rows that are kept.
    kept : pyarrow.RecordBatch
        All rows, and among their columns those that ``schema`` begins with.
    keep : ndarray of shape (n_rows,), bool
    schema : pyarrow.Schema
        Of the result.
    """
    arrow = import_optional("pyarrow", "tables")
    fields = list(schema)[: len(schema) - batch.num_columns]
    columns = [kept.column(field.name).cast(field.type).filter(arrow.array(keep)) for field in fields]
    return arrow.RecordBatch.from_arrays([*columns, *batch.columns], schema=schema)
