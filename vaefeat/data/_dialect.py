"""How a text table is written, inferred from its beginning: separator, decimal sign and encoding."""

import codecs
import csv
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vaefeat.data._table import short
from vaefeat.exceptions import DataWarning

SAMPLE_BYTES = 2**16
SAMPLE_LINES = 20
SEPARATORS = ("\t", ";", ",")  # by how rarely they occur within a cell
ENCODINGS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
FALLBACK = "cp1252"


class Format(NamedTuple):
    """What is known about how a text table is written, and which part of a table to read.

    None is inferred from the beginning of the table.

    Attributes
    ----------
    header : bool, optional
        Whether the first line holds the names of the columns.
    separator, decimal, encoding : str, optional
    row_group : int, optional
        The only row group of a .parquet file to read; all by default.
    """

    header: bool | None = None
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    row_group: int | None = None

    def check(self) -> None:
        """Refuse settings with which no table is written.

        Raises
        ------
        ValueError
        """
        if self.separator is not None and (len(self.separator) != 1 or self.separator in '"\r\n'):
            raise ValueError(f"Got the separator {short(repr(self.separator))}, expected one character.")
        if self.decimal not in (None, ".", ","):
            raise ValueError(f"Got the decimal sign {short(repr(self.decimal))}, expected '.' or ','.")
        if self.decimal == "," and self.separator == ",":
            raise ValueError("Got a comma as separator and as decimal sign, expected two characters.")
        if self.encoding is not None and not _is_encoding(self.encoding):
            raise ValueError(
                f"Got the encoding {short(repr(self.encoding))}, expected a name such as utf-8 or latin-1."
            )


UNKNOWN = Format()


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except LookupError:  # also for codecs that are not for text
        return False
    return True


class Dialect(NamedTuple):
    """How a text table is written.

    Attributes
    ----------
    separator : str
    decimal : {".", ","}
    encoding : str
    """

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"

    def cells(self, line: str) -> list[str]:
        """Return the cells of a line."""
        return next(csv.reader([line], delimiter=self.separator), [])

    def is_number(self, cell: str) -> bool:
        """Return whether a cell is a number."""
        try:
            float(cell if self.decimal == "." else cell.replace(",", "."))
        except ValueError:
            return False
        return True


def detect_dialect(sample: bytes, path: Path, known: Format = UNKNOWN) -> Dialect:
    """Return how a table is written.

    The separator is the first of tab, semicolon and comma that splits the first lines into the same number of
    cells, more than one; the suffix .tsv selects tabs. Decimal commas are inferred where cells like
    "1,5" and none like "1.5" are found between other separators.

    Parameters
    ----------
    sample : bytes
        The beginning of the file.
    path : Path
        Of the file, for its suffix and for warnings.
    known : Format
        What need not be inferred.

    Warns
    -----
    DataWarning
        If the sample is neither UTF-8 nor UTF-16, and is read as Windows-1252.
    """
    encoding = known.encoding or _encoding(sample, path)
    lines = sample.decode(encoding, errors="replace").splitlines()[:SAMPLE_LINES]
    if len(sample) >= SAMPLE_BYTES and len(lines) < SAMPLE_LINES:
        lines = lines[:-1] or lines  # the last one may be cut off
    by_suffix = "\t" if path.name.endswith((".tsv", ".tsv.gz")) else None
    separator = known.separator or by_suffix or _separator(lines)
    decimal = "," if separator != "," and _has_decimal_commas(lines, separator) else "."
    return Dialect(separator, known.decimal or decimal, encoding)


def _encoding(sample: bytes, path: Path) -> str:
    for mark, encoding in ENCODINGS.items():
        if sample.startswith(mark):
            return encoding
    if b"\0" in sample or _can_decode(sample, "utf-8") or not _can_decode(sample, FALLBACK):
        return "utf-8"
    warnings.warn(
        f"{short(path.name)} is not UTF-8; read it as Windows-1252. If letters are wrong, save it as UTF-8.",
        DataWarning,
        stacklevel=2,
    )
    return FALLBACK


def _can_decode(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)  # its end may cut a letter in two
    except UnicodeDecodeError:
        return False
    return True


def _separator(lines: Sequence[str]) -> str:
    for separator in SEPARATORS:
        widths = set(_widths(lines, separator))
        if len(widths) == 1 and widths != {1}:
            return separator
    return ","


def _widths(lines: Iterable[str], separator: str) -> list[int]:
    return [len(cells) for cells in csv.reader(lines, delimiter=separator)] or [1]


def _has_decimal_commas(lines: Sequence[str], separator: str) -> bool:
    cells = [cell.strip() for row in csv.reader(lines, delimiter=separator) for cell in row]
    return any(re.fullmatch(r"-?\d+,\d+", cell) for cell in cells) and not any(
        re.fullmatch(r"-?\d+\.\d+", cell) for cell in cells
    )


def as_utf8(stream: Any, encoding: str) -> Any:
    """Return a stream of the same text in UTF-8."""
    return stream if encoding == "utf-8" else _Transcoded(stream, encoding)


class _Transcoded:
    def __init__(self, stream: Any, encoding: str) -> None:
        self._text = codecs.getreader(encoding)(stream)

    def read(self, n_bytes: int = -1) -> bytes:
        return self._text.read(n_bytes).encode()

    def readline(self, n_bytes: int) -> bytes:
        return self._text.readline(n_bytes).encode()
