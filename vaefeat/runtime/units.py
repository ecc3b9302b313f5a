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
from vaefeat.data.parquet import n_row_groups, n_rows_of, open_batches
from vaefeat.data.tables import open_rows
from vaefeat.runtime.arrow import ArrowEncoder

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
    encode : ArrowEncoder
        Without columns to keep. Where bad rows are no error, a file in the folder ``_bad-rows`` names them.
    folder : Path
        Where to write.
    known : Format
        How a .csv is written.
    """

    encode: ArrowEncoder
    folder: Path
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
        return hashlib.sha256(self.encode.model.to_bytes()).hexdigest()

    def part_name(self, unit: Unit) -> str:
        """Return the name of the file that a unit becomes."""
        encode = self.encode
        settings = [self.model_sha256, unit.identity, encode.output_names, encode.on_bad_row, self.known]
        content = hashlib.sha256(json.dumps(settings).encode())
        return f"part-{unit.number:06}-{content.hexdigest()[:16]}.parquet"

    def _encode(self, unit: Unit, part: Path) -> None:
        bad_rows: list[dict[str, Any]] = []
        n_rows = 0
        with open_batches(part, self.encode.schema) as write:
            for X in self._rows(unit):
                batch, bad = self.encode.encode_rows(X)
                bad_rows += [self._reported(unit, X, i, n_rows) for i in np.flatnonzero(bad).tolist()]
                write(batch)
                n_rows += len(X)
            self._write_report(bad_rows, part)  # whoever finds the part finds its report

    def _rows(self, unit: Unit) -> Iterator[np.ndarray]:
        model = self.encode.model
        with open_rows(
            unit.path,
            model.n_features,
            model.feature_names,
            known=self.known._replace(row_group=unit.row_group),
            allow_nan=model.allows_nan,
            plan=model.plan,
            check=self.encode.on_bad_row == "raise",
        ) as chunks:
            yield from (X for X, _ in chunks)

    def _reported(self, unit: Unit, X: np.ndarray, row: int, n_before: int) -> dict[str, Any]:
        """Return the place of the first value of a row that the model does not take."""
        column = int(np.argmax(self.encode.refused(X[row])))
        model = self.encode.model
        names = model.plan.feature_names if model.plan else model.feature_names
        return {
            "file": str(unit.path),
            "row_group": unit.row_group,
            "row": n_before + row + 1,
            "column": names[column] if names else column + 1,
            "value": str(X[row, column]),
        }

    def _report(self, part: Path) -> Path:
        return self.folder / REPORTS / part.with_suffix(".jsonl").name

    def _write_report(self, bad_rows: list[dict[str, Any]], part: Path) -> None:
        if bad_rows:
            with replacing(self._report(part)) as path:
                path.write_text("".join(f"{json.dumps(each)}\n" for each in bad_rows))
