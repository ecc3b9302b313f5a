"""Rows of experiments: one JSON object a line, appended as they come, each with its provenance."""

import json
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

Row = dict[str, Any]

PACKAGES = ("vaefeat", "numpy", "scikit-learn", "tensorflow", "keras", "onnxruntime")


def read_rows(path: Path) -> dict[str, Row]:
    """Return the rows of a file by their ``key``; none if there is no file.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    rows : dict of str to dict

    Raises
    ------
    ValueError
        If a line is not a row.
    """
    if not path.exists():
        return {}
    rows = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            row = json.loads(line)
            rows[row["key"]] = row
        except (json.JSONDecodeError, KeyError, TypeError) as exc:
            raise ValueError(f"Line {number} of {path} is not a row; delete the line.") from exc
    return rows


def append_row(path: Path, row: Row) -> None:
    """Write a row at the end of a file, which is made if need be.

    Parameters
    ----------
    path : pathlib.Path
    row : dict
        What JSON can hold, with a ``key`` that tells it from other rows.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(row, sort_keys=True) + "\n")


@cache
def provenance() -> Row:
    """Return what ran, as entries of a row: ``versions`` of the packages, ``commit``, ``machine``."""
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def _commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None  # installed from a wheel
