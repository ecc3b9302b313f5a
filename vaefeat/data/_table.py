"""A table in a file that is open for reading: what every format gives, and how its faults are reported."""

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaefeat.data.labels import mark_unlabeled
from vaefeat.exceptions import DatasetCorruptError, DataWarning, MissingExtraError
from vaefeat.values.images import ImageShape

CHUNK_ROWS = 4096
CHUNK_BYTES = 2**25

Write = Callable[[Mapping[str, np.ndarray]], None]
ColumnNames = Mapping[str, Sequence[str]]


RawChunk = tuple[list[np.ndarray], float]  # columns, and the share of the file that has been read


class UnknownTargetError(ValueError):
    """A table has no column of classes by that name."""


class Chunk(NamedTuple):
    """Consecutive rows of a table.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_columns)
        The columns that were asked for, in that order.
    labels : ndarray of shape (n_rows,), or None
        The column of classes, if there is one.
    share_read : float
        How much of the file has been read, from 0 to 1.
    """

    X: np.ndarray
    labels: np.ndarray | None
    share_read: float


@dataclass(frozen=True)
class Table:
    """A table that is open for reading.

    Attributes
    ----------
    path : Path
    n_columns : int
    names : list of str, or None
        Names of the columns, if the file has any.
    read : callable
        Takes the positions of the features and that of the classes, or None, and returns an iterator
        of :class:`Chunk`.
    index : collection of int
        Columns that number or name the rows, and are not features.
    unit : {"row", "line"}
        What the file consists of.
    first : int
        Number of the first row, counted in units.
    arrays : mapping of str to callable
        Arrays in the file that may hold the classes, to be read when called.
    to_labels : callable
        Makes labels of the values that the file has for the classes.
    label_kind : str, optional
        The kind in which to read the classes.
    read_columns : callable, optional
        Takes the positions of columns with their kinds, see :mod:`vaefeat.data.plan`, and returns an
        iterator of :obj:`RawChunk`. Where a kind is None, it is inferred from the values, and all rows are
        one chunk. Arrays, which hold only numbers, have no such function.
    image_shape : tuple of int, optional
        (rows, columns) or (rows, columns, channels), if each row is an image.
    decimal : {".", ","}
        The decimal sign of text.
    """

    path: Path
    n_columns: int
    names: list[str] | None
    read: Callable[[Sequence[int], int | None], Iterator[Chunk]]
    index: Collection[int] = ()
    unit: str = "row"
    first: int = 1
    arrays: Mapping[str, Callable[[], np.ndarray]] = field(default_factory=dict)
    to_labels: Callable[[np.ndarray], np.ndarray] = mark_unlabeled
    label_kind: str | None = None
    read_columns: Callable[[Mapping[int, str | None]], Iterator[RawChunk]] | None = None
    image_shape: ImageShape | None = None
    decimal: str = "."

    def __post_init__(self) -> None:
        if self.names is not None and len(set(self.names)) < len(self.names):
            raise DatasetCorruptError(f"{short(self.path.name)} has columns with the same name.")

    def columns(self) -> list[int]:
        """Return the positions of all columns except those of an index, which a warning reports."""
        for i in self.index:
            name = short(repr((self.names or [])[i]))
            warnings.warn(
                f"{short(self.path.name)}: left out the column {name} as the index that pandas writes. "
                "To keep it, give it another name.",
                DataWarning,
                stacklevel=2,
            )
        return [i for i in range(self.n_columns) if i not in self.index]

    def place(self, row: int, column: int) -> str:
        """Return where a value stands, for a person who looks at the file; both count from 0."""
        return place(self.path, self.names, f"{self.unit} {self.first + row}", column)


def place(path: Path, names: Sequence[str] | None, where: str, column: int) -> str:
    """Return the file, the row or line, and the column of a value; columns count from 0."""
    label = short(repr(names[column])) if names else str(column + 1)
    return f"{short(path.name)}, {where}, column {label}"


def short(text: str, n_characters: int = 60) -> str:
    """Return the text, cut to a length that fits an error message."""
    return text if len(text) <= n_characters else f"{text[: n_characters - 3]}..."


def near(name: str, known: Collection[str]) -> str:
    """Return the end of a sentence that says which names resemble an unknown one, or which ones there are."""
    names = [str(each) for each in known]
    lower = {each.lower(): each for each in names}
    found = [lower[each] for each in get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    if found:
        return f"; did you mean {' or '.join(short(repr(each)) for each in found)}?"
    return f"; it has {short(', '.join(names), 120)}."


def chunk_rows(n_columns: int) -> int:
    """Return how many rows to read at a time."""
    return max(1, min(CHUNK_ROWS, CHUNK_BYTES // (8 * n_columns)))


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Say what cannot be read, whatever a damaged file makes its reader raise.

    Raises
    ------
    DatasetCorruptError
        In place of the reader's own exception.
    """
    try:
        yield
    except (DatasetCorruptError, DataWarning, MissingExtraError, UnknownTargetError):
        raise
    except Exception as exc:
        reason = short(" ".join(str(exc).split()) or type(exc).__name__, 160)
        raise DatasetCorruptError(f"Cannot read {what}: {reason}") from exc
