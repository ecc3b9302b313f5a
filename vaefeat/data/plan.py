"""The column plan: how the columns of a table become the float32 matrix that a model takes.

An exported model has one float32 input. What a column of words or dates means is therefore written in the
model's card, as its plan, and applied by whoever reads the rows: :meth:`vaefeat.OnnxModel.run` for frames,
``vaefeat encode`` for files. A category becomes a column of 0 and 1 for each of its values, so that any ONNX
runtime can be given rows by the names of the features ("Home=rent"); a value that was not seen in training
is 0 in all of them. Numbers stay as they are and dates become days, both minus an origin where float32 could
not tell neighbors apart; gaps are NaN, which the model's own imputer fills, and a further column of 0 and 1
marks them where the training data had some.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from vaefeat.data._table import near, short
from vaefeat.data._values import as_days, as_numbers, as_text, is_gap

Columns = Mapping[str, np.ndarray]

KINDS = ("number", "boolean", "category", "date")
MAX_CATEGORIES = 100
MAX_SHARE_DISTINCT = 0.5  # of a column of text: above, it holds names or sentences rather than categories
EXACT = 2**24  # float32 holds whole numbers up to this one
DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?$")  # as text
MISSING = "missing"
CONSTANT = "is constant"


@dataclass(frozen=True)
class Column:
    """How one column is encoded.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "category", "date"}
    origin : float
        For numbers, and for dates in days since 1970: subtracted from each value.
    has_gaps : bool
        Whether values were missing in training: for numbers and dates, a further column marks them.
    categories : tuple of (str or None)
        The values seen in training; None for a gap.
    """

    name: str
    kind: str
    origin: float = 0.0
    has_gaps: bool = False
    categories: tuple[str | None, ...] = ()

    def feature_names(self) -> list[str]:
        """Return the names of the features that the column becomes."""
        if self.kind == "category":
            return [f"{self.name}={MISSING if value is None else value}" for value in self.categories]
        return [self.name, f"{self.name}={MISSING}"] if self.has_gaps else [self.name]

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the features of a column.

        Parameters
        ----------
        values : ndarray of shape (n_rows,)
            Numbers, booleans, dates or text; None, NaN and NaT are gaps.

        Returns
        -------
        ndarray of shape (n_rows, n_features), float32

        Raises
        ------
        ValueError
            If a value is of a different kind.
        """
        if self.kind == "category":
            positions = {value: i for i, value in enumerate(self.categories)}
            codes = np.array([positions.get(value, -1) for value in as_text(values)], int)
            return (codes[:, None] == np.arange(len(positions))).astype(np.float32)
        numbers = (as_days if self.kind == "date" else as_numbers)(values, self.name) - self.origin
        features = [numbers, np.isnan(numbers)] if self.has_gaps else [numbers]
        return np.stack(features, axis=1).astype(np.float32)

    def describe(self) -> str:
        """Return what becomes of the column, for a human reader."""
        gaps = ", and whether it is missing" if self.has_gaps else ""
        if self.kind == "category":
            return f"one of {len(self.categories)} values"
        return {"number": "as it is", "boolean": "0 or 1", "date": "days"}[self.kind] + gaps


@dataclass(frozen=True)
class ColumnPlan:
    """How the columns of a table become the matrix that a model takes.

    Attributes
    ----------
    columns : tuple of Column
    """

    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Names of the columns that are read."""
        return [column.name for column in self.columns]

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns of the matrix."""
        return [name for column in self.columns for name in column.feature_names()]

    def encode(self, columns: Columns) -> np.ndarray:
        """Return the matrix of a table.

        Parameters
        ----------
        columns : mapping of str to ndarray of shape (n_rows,)
            At least the columns of the plan.

        Returns
        -------
        ndarray of shape (n_rows, n_features), float32

        Raises
        ------
        ValueError
            If a column is missing, or a value is of a different kind.
        """
        for name in self.names:
            if name not in columns:
                raise ValueError(f"The table has no column {short(repr(name))}{near(name, columns)}")
        return np.concatenate([column.encode(columns[column.name]) for column in self.columns], axis=1)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the plan as an entry for a card."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def of_numbers(cls, names: Iterable[str]) -> Self:
        """Return the plan of columns that already are features."""
        return cls(tuple(Column(str(name), "number") for name in names))

    @classmethod
    def from_json(cls, entries: Any) -> Self:
        """Return the plan of a card.

        Raises
        ------
        ValueError
            If the entry is not a plan.
        """
        try:
            columns = [
                Column(
                    str(entry["name"]),
                    str(entry["kind"]),
                    float(entry["origin"]),
                    bool(entry["has_gaps"]),
                    tuple(None if value is None else str(value) for value in entry["categories"]),
                )
                for entry in entries
            ]
        except (TypeError, KeyError, ValueError) as exc:
            raise ValueError("The card's columns are no column plan; export the model again.") from exc
        if any(column.kind not in KINDS for column in columns):
            raise ValueError(f"The card's columns are of unknown kinds, expected {', '.join(KINDS)}.")
        return cls(tuple(columns))


class LeftOut(NamedTuple):
    """A column that is not a feature, and why."""

    name: str
    reason: str


def make_plan(
    columns: Columns,
    *,
    drop: Collection[str] = (),
    categorical: Collection[str] = (),
    numeric: Collection[str] = (),
    keep_constant: bool = False,
) -> tuple[ColumnPlan, list[LeftOut]]:
    """Plan how the columns of a table become features.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n_rows,)
    drop, categorical, numeric : collection of str
        Columns to leave out, and those whose kind is not to be inferred from their values.
    keep_constant : bool, default=False
        Keep columns of one value, as pixels of an image.

    Returns
    -------
    plan : ColumnPlan
    left_out : list of LeftOut
        Columns that were dropped, are constant, or hold free text.

    Raises
    ------
    ValueError
        If there is no such column, or no column is left.

    Examples
    --------
    >>> import numpy as np
    >>> from vaefeat.data.plan import make_plan
    >>> plan, left_out = make_plan(
    ...     {"age": np.array([30.0, np.nan]), "home": np.array(["rent", "own"]), "one": np.ones(2)}
    ... )
    >>> plan.feature_names, left_out[0].name
    (['age', 'age=missing', 'home=own', 'home=rent'], 'one')
    """
    for name in (*drop, *categorical, *numeric):
        if name not in columns:
            raise ValueError(f"The table has no column {short(repr(name))}{near(name, columns)}")
    forced = dict.fromkeys(categorical, "category") | dict.fromkeys(numeric, "number")
    planned: list[Column] = []
    left_out: list[LeftOut] = []
    for name, values in columns.items():
        found: Column | str = "as asked" if name in drop else _plan(name, values, forced.get(name))
        if found == CONSTANT and keep_constant:
            found = Column(name, "number")
        if isinstance(found, Column):
            planned.append(found)
        else:
            left_out.append(LeftOut(name, found))
    if not planned:
        raise ValueError("No column is left to learn from: all are constant, free text, or dropped.")
    return ColumnPlan(tuple(planned)), left_out


def _plan(name: str, values: np.ndarray, forced: str | None) -> Column | str:
    """Return how a column is encoded, or why it is left out."""
    kind = forced or _kind(values)
    if kind == "category":
        return _plan_category(name, as_text(values), forced is not None)
    numbers = (as_days if kind == "date" else as_numbers)(values, name)
    is_gap = np.isnan(numbers)
    if is_gap.all():
        return "has no values"
    filled, has_gaps = numbers[~is_gap], bool(is_gap.any())
    if filled.min() == filled.max() and not has_gaps:
        return CONSTANT
    origin = float(np.floor(filled.min())) if np.abs(filled).max() > EXACT or kind == "date" else 0.0
    return Column(name, kind, origin, has_gaps)


def _plan_category(name: str, values: Sequence[str | None], is_forced: bool) -> Column | str:
    counts = Counter(values)
    n_filled = len(values) - counts[None]
    n_distinct = len(counts) - (None in counts)
    if not n_filled:
        return "has no values"
    if len(counts) == 1:
        return CONSTANT
    if not is_forced and n_distinct > 2 and n_distinct > MAX_SHARE_DISTINCT * n_filled:
        return "holds names or free text; encode it first, for instance with TfidfVectorizer"
    kept = [value for value, _ in counts.most_common(MAX_CATEGORIES)]
    kept.sort(key=lambda value: (value is None, value or ""))
    return Column(name, "category", has_gaps=None in kept, categories=tuple(kept))


def _kind(values: np.ndarray) -> str:
    if values.dtype.kind in "iuf":
        return "number"
    if values.dtype.kind == "b":
        return "boolean"
    if values.dtype.kind == "M":
        return "date"
    filled = [value for value in values.tolist() if not is_gap(value)]
    if all(isinstance(value, bool) for value in filled) and filled:
        return "boolean"
    if not any(isinstance(value, str) for value in filled):
        return "number"
    return "date" if all(DATE.match(str(value)) for value in filled) else "category"
