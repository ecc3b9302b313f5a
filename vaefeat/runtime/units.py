"""Encoding by units: a unit is a row group of a .parquet file, or another file, and becomes one file."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat._files import replacing
from vaefeat.data._dialect import UNKNOWN, Format
from vaefeat.data.parquet import n_row_groups, n_rows_of
from vaefeat.data.tables import open_rows, open_writer
from vaefeat.runtime.encoding import column_names_of
from vaefeat.runtime.model import OnnxModel

ON_BAD_ROW = ("raise", "null", "quarantine")
REPORTS = "_bad-rows"  # folder, whose files readers of Parquet leave out by their rule for underscores


@dataclass(frozen=True)
class Unit:
    """What is encoded at once.

    Attributes
    ----------
    number : int
        Its place among all units.
    path : Path
    row_group : int, optional
        Of a .parquet file; other files are one unit.
    """

    number: int
    path: Path
    row_group: int | None = None

    @property
    def identity(self) -> list:
        """What tells the unit from others, and from itself after a change of its file."""
        status = self.path.stat()
        return [self.number, str(self.path), self.row_group, status.st_size, status.st_mtime_ns]


def find_units(paths: Sequence[Path]) -> list[Unit]:
    """Return the units of some files, in their order."""
    found: list[tuple[Path, int | None]] = []
    for path in paths:
        is_parquet = path.name.endswith(".parquet") and path.is_file()
        groups: Sequence[int | None] = range(n_row_groups(path)) if is_parquet else [None]
        found += [(path, group) for group in groups]
    return [Unit(number, path, group) for number, (path, group) in enumerate(found)]


@dataclass(frozen=True)
class UnitEncoder:
    """A function of a unit that writes the file of its outputs, unless it is there.

    It does the same however often, and by however many processes, it is called. The file is complete or
    absent. Its name depends on the model, the unit and the outputs.

    Parameters
    ----------
    model : OnnxModel
    folder : Path
        Where to write.
    output_names : tuple of str
    on_bad_row : {"raise", "null", "quarantine"}
        What to do about a row with a value that the model does not take: raise an error, write empty outputs,
        or leave it out. In the last two cases, a file in the folder ``_bad-rows`` names the value.
    known : Format
        How a .csv is written.
    """

    model: OnnxModel
    folder: Path
    output_names: tuple[str, ...]
    on_bad_row: str = "raise"
    known: Format = UNKNOWN

    def __call__(self, unit: Unit) -> dict[str, Any]:
        """Encode a unit, and return its entry of the manifest."""
        part = self.folder / self.part_name(unit)
        if not part.exists():
            self._encode(unit, part)
        report = self._report(part)
        return {
            "part": part.name,
            "source": str(unit.path),
            "row_group": unit.row_group,
            "rows": n_rows_of(part),
            "bad_rows": len(report.read_text().splitlines()) if report.exists() else 0,
        }

    @cached_property
    def model_sha256(self) -> str:
        """The digest of the model's file."""
        return hashlib.sha256(self.model.to_bytes()).hexdigest()

    def part_name(self, unit: Unit) -> str:
        """Return the name of the file that a unit becomes."""
        settings = [self.model_sha256, unit.identity, self.output_names, self.on_bad_row, self.known]
        content = hashlib.sha256(json.dumps(settings).encode())
        return f"part-{unit.number:06}-{content.hexdigest()[:16]}.parquet"

    def _encode(self, unit: Unit, part: Path) -> None:
        names = list(self.output_names)
        bad_rows: list[dict[str, Any]] = []
        with open_writer(part, {name: column_names_of(self.model, name) for name in names}) as write:
            n_rows = 0
            for X in self._rows(unit):
                bad = self._bad(X, unit, n_rows, bad_rows)
                outputs = self.model.run(np.where(bad[:, None], np.float32(0), X) if bad.any() else X, names)
                write({name: self._kept(values, bad) for name, values in outputs.items()})
                n_rows += len(X)
            if not n_rows:  # a file without rows has columns all the same
                write(self.model.run(np.zeros((0, self.model.n_features), np.float32), names))
            self._write_report(bad_rows, part)  # whoever finds the part finds its report

    def _rows(self, unit: Unit) -> Iterator[np.ndarray]:
        model = self.model
        with open_rows(
            unit.path,
            model.n_features,
            model.feature_names,
            known=self.known._replace(row_group=unit.row_group),
            allow_nan=model.allows_nan,
            plan=model.plan,
            check=self.on_bad_row == "raise",
        ) as chunks:
            yield from (X for X, _ in chunks)

    def _bad(self, X: np.ndarray, unit: Unit, n_before: int, found: list[dict[str, Any]]) -> np.ndarray:
        """Return which rows the model does not take, and add to what was found in earlier ones."""
        if self.on_bad_row == "raise":  # which the reader or the model does
            return np.zeros(len(X), bool)
        refused = np.isinf(X) if self.model.allows_nan else ~np.isfinite(X)
        bad = refused.any(axis=1)
        for row in np.flatnonzero(bad).tolist():
            column = int(np.argmax(refused[row]))
            place = {"file": str(unit.path), "row_group": unit.row_group, "row": n_before + row + 1}
            found.append({**place, "column": self._column(column), "value": str(X[row, column])})
        return bad

    def _column(self, column: int) -> str | int:
        names = self.model.plan.feature_names if self.model.plan else self.model.feature_names
        return names[column] if names else column + 1

    def _kept(self, values: np.ndarray, bad: np.ndarray) -> np.ndarray:
        values = values.astype(str) if values.dtype == object else values
        if not bad.any():
            return values
        if self.on_bad_row == "quarantine":
            return values[~bad]
        return np.ma.array(
            values, mask=np.broadcast_to(bad.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
        )

    def _report(self, part: Path) -> Path:
        return self.folder / REPORTS / part.with_suffix(".jsonl").name

    def _write_report(self, bad_rows: list[dict[str, Any]], part: Path) -> None:
        if bad_rows:
            with replacing(self._report(part)) as path:
                path.write_text("".join(f"{json.dumps(each)}\n" for each in bad_rows))
