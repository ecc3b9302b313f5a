"""Tables in .csv and .tsv files, also with .gz, read and written in chunks of rows by pyarrow.

One rule, wherever a .csv is read: separator, decimal sign and encoding are inferred from the first lines (see
:mod:`vaefeat.data._dialect`); files are written with commas, in UTF-8. Empty cells, NA, NaN, None and the
like are missing values; True and False are 1 and 0 in a column that begins with one of them; empty lines
are errors.

The first line holds the names of the columns if none of its cells is a number, if it holds all the names
that are asked for, or if it counts 0, 1, 2, ... or 1, 2, 3, .... In the last case a :class:`DataWarning`
says so, since a row may look the same; ``header`` decides where the rule is wrong.

A first column without a name, or called "Unnamed: 0", that holds whole numbers or text is the index that
pandas writes. It is left out, and a :class:`DataWarning` says so.
"""

import gzip
import io
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.data import _table
from vaefeat.data._arrow import arrow_type, to_numpy, write_table
from vaefeat.data._dialect import SAMPLE_BYTES, Dialect, Format, as_utf8, detect_dialect
from vaefeat.data._table import Chunk, ColumnNames, RawChunk, Table, Write, place, short
from vaefeat.data.labels import parse_labels
from vaefeat.exceptions import DatasetCorruptError, DataWarning

MAX_LINE_BYTES = 2**24
MAX_COLUMNS = 2**18
BOOLEANS = ("True", "False", "TRUE", "FALSE", "true", "false")
INDEX_NAMES = ("", "Unnamed: 0")  # the latter after pandas has read and written the former


class _Start(NamedTuple):
    """The first lines of a file."""

    names: list[str] | None
    first_row: list[str]
    n_columns: int
    n_bytes: int  # of the longest line
    dialect: Dialect


def open_csv(path: Path, stack: ExitStack, known: Format, wanted: Collection[str]) -> Table:
    """Open a .csv or .tsv file, also with .gz; what is not known about its format is inferred by the rule."""
    import_optional("pyarrow.csv", "tables")
    start = _read_start(path, known, wanted)
    first = 1 if start.names is None else 2

    def batches(types: Mapping[int, Any]) -> Iterator[tuple[Any, float]]:
        raw = stack.enter_context(path.open("rb"))
        n_bytes = path.stat().st_size
        arrow_csv = import_optional("pyarrow.csv", "tables")
        with _in_lines(path, start.names):
            if None in types.values():  # the whole column determines its type
                yield arrow_csv.read_csv(**_options(_lines(raw, path, start), start, types)), 1.0
                return
            for batch in arrow_csv.open_csv(**_options(_lines(raw, path, start), start, types)):
                yield batch, raw.tell() / n_bytes

    def read(features: Sequence[int], label: int | None) -> Iterator[Chunk]:
        for batch, share_read in batches(_number_types(start, features, label)):
            labels = None if label is None else batch.column(str(label)).to_numpy(zero_copy_only=False)
            yield Chunk(_to_matrix(batch, features), labels, share_read)

    def read_columns(kinds: Mapping[int, str | None]) -> Iterator[RawChunk]:
        for batch, share_read in batches({i: arrow_type(kind) for i, kind in kinds.items()}):
            yield [to_numpy(batch.column(str(i)), str(i)) for i in kinds], share_read

    return Table(
        path,
        start.n_columns,
        start.names,
        read,
        index={0} if _has_index(start, wanted) else (),
        unit="line",
        first=first,
        to_labels=parse_labels,
        label_kind="category",
        read_columns=read_columns,
        decimal=start.dialect.decimal,
    )


# --- the first lines ---


def _read_start(path: Path, known: Format, wanted: Collection[str]) -> _Start:
    known.check()
    with path.open("rb") as raw:
        dialect = detect_dialect(_unpacked(raw, path).read(SAMPLE_BYTES), path, known)
    with path.open("rb") as raw:
        stream = as_utf8(_unpacked(raw, path), dialect.encoding)
        lines = [stream.readline(MAX_LINE_BYTES + 1) for _ in range(2)]
    cells = [_cells(line, path, dialect) for line in lines]
    if not lines[0].strip():
        raise DatasetCorruptError(f"{short(path.name)} begins with an empty line, expected names or numbers.")
    has_header = _is_header(cells[0], wanted, path, dialect) if known.header is None else known.header
    names, first_row = (cells[0], cells[1]) if has_header else (None, cells[0])
    return _Start(names, first_row, len(cells[0]), max(map(len, lines)), dialect)


def _cells(line: bytes, path: Path, dialect: Dialect) -> list[str]:
    if len(line) > MAX_LINE_BYTES:
        raise DatasetCorruptError(
            f"{short(path.name)} begins with a line of more than {MAX_LINE_BYTES // 2**20} MB, "
            "expected a row of a table."
        )
    n_columns = line.count(dialect.separator.encode()) + 1
    if n_columns > MAX_COLUMNS:
        raise DatasetCorruptError(
            f"{short(path.name)} begins with a line of {n_columns:,} columns, expected at most "
            f"{MAX_COLUMNS:,}."
        )
    return dialect.cells(line.decode("utf-8-sig"))


def _is_header(cells: list[str], wanted: Collection[str], path: Path, dialect: Dialect) -> bool:
    if not any(map(dialect.is_number, cells)):
        return True
    if not all(map(dialect.is_number, wanted)) and set(wanted) <= set(cells):
        return True
    if len(cells) < 2 or cells not in (_count_from(0, len(cells)), _count_from(1, len(cells))):
        return False
    if not wanted or not set(wanted) <= set(cells):
        warnings.warn(
            f"{short(path.name)}: took the first line, {short(','.join(cells), 20)}, as names of the "
            "columns. If it is a row, say so with header=False (--no-header).",
            DataWarning,
            stacklevel=2,
        )
    return True


def _count_from(first: int, n: int) -> list[str]:
    return [str(i) for i in range(first, first + n)]


def _has_index(start: _Start, wanted: Collection[str]) -> bool:
    names = start.names or []
    if len(names) < 2 or names[0] not in INDEX_NAMES or "" in names[1:] or names[0] in wanted:
        return False
    value = start.first_row[0].strip() if start.first_row else ""
    return value.isdigit() or not start.dialect.is_number(value)


# --- all lines ---


def _unpacked(raw: BinaryIO, path: Path) -> Any:
    return gzip.GzipFile(fileobj=raw) if path.name.endswith(".gz") else raw


def _lines(raw: BinaryIO, path: Path, start: _Start) -> "_Lines":
    return _Lines(as_utf8(_unpacked(raw, path), start.dialect.encoding), path)


class _Lines(io.RawIOBase):
    """The bytes of a file for pyarrow, which cannot tell an empty line from one of empty cells."""

    def __init__(self, stream: Any, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._end = b""  # of the previous block
        self._n_lines = 0

    def readable(self) -> bool:
        return True

    def read(self, n_bytes: int = -1) -> bytes:
        block = self._stream.read(n_bytes)
        seen = self._end + block
        found = [at for at in (seen.find(b"\n\n"), seen.find(b"\n\r\n")) if at >= 0]
        if found:
            line = self._n_lines - self._end.count(b"\n") + seen.count(b"\n", 0, min(found) + 1) + 1
            raise DatasetCorruptError(f"{short(self._path.name)}, line {line} is empty, expected a row.")
        self._n_lines += block.count(b"\n")
        self._end = seen[-2:]
        return block


def _number_types(start: _Start, features: Sequence[int], label: int | None) -> dict[int, Any]:
    arrow = import_optional("pyarrow", "tables")
    booleans = {i for i, cell in enumerate(start.first_row) if cell in BOOLEANS}
    types = {i: arrow.bool_() if i in booleans else arrow.float32() for i in features}
    return types if label is None else types | {label: arrow.string()}


def _options(lines: _Lines, start: _Start, types: Mapping[int, Any]) -> dict[str, Any]:
    """Return how pyarrow reads columns of these types; it infers those that are None from the values."""
    arrow, arrow_csv = import_optional("pyarrow", "tables"), import_optional("pyarrow.csv", "tables")
    return {
        "input_file": arrow.PythonFile(lines, mode="r"),
        "read_options": arrow_csv.ReadOptions(
            column_names=_count_from(0, start.n_columns),
            skip_rows=0 if start.names is None else 1,
            block_size=max(_table.CHUNK_BYTES // 8, 4 * start.n_bytes),
            use_threads=False,
        ),
        # With empty lines ignored, pyarrow would report wrong line numbers.
        "parse_options": arrow_csv.ParseOptions(delimiter=start.dialect.separator, ignore_empty_lines=False),
        "convert_options": arrow_csv.ConvertOptions(
            column_types={str(i): kind for i, kind in types.items() if kind is not None},
            include_columns=[str(i) for i in types],
            null_values=[*arrow_csv.ConvertOptions().null_values, "None", "<NA>"],
            strings_can_be_null=True,
            decimal_point=start.dialect.decimal,
        ),
    }


def _to_matrix(batch: Any, features: Sequence[int]) -> np.ndarray:
    arrays = [batch.column(str(i)).to_numpy(zero_copy_only=False) for i in features]
    return np.stack(arrays, axis=1, dtype=np.float32, casting="unsafe")


@contextmanager
def _in_lines(path: Path, names: list[str] | None) -> Iterator[None]:
    """Say in which line a file is wrong."""
    try:
        yield
    except import_optional("pyarrow", "tables").ArrowInvalid as exc:
        reason = " ".join(str(exc).split())
        value = re.search(r"CSV column #(\d+): Row #(\d+): .* invalid value '(.*)'", reason)
        if value:
            where = place(path, names, f"line {value[2]}", int(value[1]))
            hint = "If the line holds names, say so with header=True (--header)."
            advice = hint if value[2] == "1" else "Encode text first, or leave the column out."
            raise DatasetCorruptError(
                f"{where}: got {short(repr(value[3]))}, expected a number. {advice}"
            ) from exc
        width = re.search(r"Row #(\d+): (Expected \d+ columns, got \d+)", reason)
        if width:
            raise DatasetCorruptError(f"{short(path.name)}, line {width[1]}: {width[2]}.") from exc
        encoding = re.search(r"Row #(\d+): .*invalid UTF8", reason)
        if encoding:
            raise DatasetCorruptError(
                f"{short(path.name)}, line {encoding[1]} is not UTF-8. Save the file in that encoding."
            ) from exc
        if "straddling" in reason:
            raise DatasetCorruptError(
                f"{short(path.name)} has a line that is much longer than the first, expected rows of a table."
            ) from exc
        raise


# --- writing ---


def table_writer(suffix: str) -> Callable[[Path, ColumnNames], AbstractContextManager[Write]]:
    """Return a writer of files with a suffix, chunk by chunk: .csv or .tsv, also with .gz."""
    separator = "\t" if suffix.startswith(".tsv") else ","
    make_stream = _gzip_stream if suffix.endswith(".gz") else _plain_stream

    def open_table(path: Path, schema: Any, stack: ExitStack) -> Any:
        arrow_csv = import_optional("pyarrow.csv", "tables")
        options = arrow_csv.WriteOptions(delimiter=separator)
        return stack.enter_context(
            arrow_csv.CSVWriter(make_stream(path, stack), schema, write_options=options)
        )

    return lambda path, column_names: write_table(path, column_names, open_table)


def _plain_stream(path: Path, stack: ExitStack) -> Any:
    return stack.enter_context(path.open("wb"))


def _gzip_stream(path: Path, stack: ExitStack) -> Any:
    # Without a name and a time in it, so that the same table gives the same bytes.
    return stack.enter_context(gzip.GzipFile("", "wb", 6, stack.enter_context(path.open("wb")), 0))
