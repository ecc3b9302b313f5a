"""Files of rows: one JSON object per line, appended as measured, each with its provenance."""

import json
import os
import platform
import subprocess
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache
from importlib.metadata import version
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple, Self

from vaefeat._files import lock

Row = dict[str, Any]
Progress = Callable[[str, int, int], Any]


PACKAGES = ("vaefeat", "numpy", "scikit-learn", "tensorflow", "keras", "onnxruntime")


class Task(NamedTuple):
    """A row to be measured.

    Attributes
    ----------
    config : dict
        What is measured, with a ``key`` that no other row of the file has.
    measure : callable
        Called without arguments; returns the measured entries of the row.
    description : str
        For progress bars.
    """

    config: Row
    measure: Callable[[], Row]
    description: str = ""


def collect_rows(
    tasks: Sequence[Task], path: Path | None = None, progress: Progress | None = None
) -> list[Row]:
    """Return the rows of all tasks; measure and append those that a file does not hold yet.

    Parameters
    ----------
    tasks : sequence of Task
    path : pathlib.Path, optional
        The file; by default nothing is kept.
    progress : callable, optional
        Called with a description of the current task, the number of tasks done, and their total.

    Returns
    -------
    list of dict
        One per key, in the order of the tasks.

    Raises
    ------
    ValueError
        If a line of the file is not a row.
    BlockingIOError
        If another process is writing to the file.

    Examples
    --------
    >>> from vaefeat.comparison import Task, collect_rows
    >>> rows = collect_rows([Task({"key": "a"}, lambda: {"answer": 42})])
    >>> rows[0]["answer"]
    42
    """
    announce = progress or (lambda what, done, total: None)
    rows: dict[str, Row] = {}
    with nullcontext() if path is None else RowFile(path) as file:
        for n_done, task in enumerate(tasks):
            announce(task.description, n_done, len(tasks))
            rows[task.config["key"]] = _complete(task) if file is None else file.get(task)
    announce("done", len(tasks), len(tasks))
    return list(rows.values())


class RowFile:
    """A file of rows, open for writing by one process at a time.

    Opening it drops a last line that was cut off while being written, with a warning.

    Parameters
    ----------
    path : pathlib.Path
        Created if needed, with its folders.

    Raises
    ------
    ValueError
        On entering, if a line is not a row.
    BlockingIOError
        On entering, if another process is writing to the file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from vaefeat.comparison import RowFile, Task
    >>> with TemporaryDirectory() as folder, RowFile(Path(folder) / "rows.jsonl") as file:
    ...     measured = file.get(Task({"key": "a"}, lambda: {"answer": 42}))
    ...     known = file.get(Task({"key": "a"}, lambda: {"answer": "not asked again"}))
    >>> known["answer"]
    42
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = FileIO(self.path, "a+")
        try:
            lock(self._file, self.path)
            self._rows, n_bytes = _parse(self.path.read_bytes(), self.path)
            self._file.truncate(n_bytes)
            _terminate(self._file)
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()  # which releases the lock

    def get(self, task: Task) -> Row:
        """Return the row of a task: the one in the file, or a new one, which is appended to it."""
        key = task.config["key"]
        if key not in self._rows:
            row = _complete(task)
            _append(self._file, json.dumps(row, sort_keys=True).encode() + b"\n")
            self._rows[key] = row
        return self._rows[key]


def read_rows(path: Path) -> dict[str, Row]:
    """Return the rows of a file by their ``key``; none if there is no file.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    dict of str to dict

    Raises
    ------
    ValueError
        If a line is not a row.

    Warns
    -----
    UserWarning
        If the last line is cut off; it is left out.
    """
    return _parse(path.read_bytes(), path)[0] if path.exists() else {}


def _complete(task: Task) -> Row:
    return provenance() | task.config | task.measure()


def _parse(content: bytes, path: Path) -> tuple[dict[str, Row], int]:
    """Return the rows, and the number of bytes without a last line that is cut off."""
    lines = content.split(b"\n")
    torn = lines[-1] if _is_torn(lines[-1]) else b""
    if torn:
        warnings.warn(
            f"The last line of {path} was cut off while it was written; it is dropped, and its row will be "
            "measured again.",
            stacklevel=3,
        )
    if torn or not lines[-1]:
        lines.pop()
    rows = (_row(line, number, path) for number, line in enumerate(lines, start=1))
    return {row["key"]: row for row in rows}, len(content) - len(torn)


def _is_torn(line: bytes) -> bool:
    """Return whether a line begins like a row and ends before its end."""
    try:
        json.loads(line)
    except ValueError:
        return line.startswith(b"{")
    return False


def _row(line: bytes, number: int, path: Path) -> Row:
    try:
        row = json.loads(line)
        row["key"]
    except (ValueError, KeyError, TypeError) as exc:
        raise ValueError(f"Line {number} of {path} is not a row; delete the line.") from exc
    return row


def _terminate(file: FileIO) -> None:
    """End the last line, if an editor has not."""
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            _append(file, b"\n")


def _append(file: FileIO, line: bytes) -> None:
    """Write a line to the disk, whole or not at all."""
    size = file.seek(0, os.SEEK_END)
    try:
        while line:
            line = line[file.write(line) :]
        os.fsync(file.fileno())
    except BaseException:  # a full disk, an interruption
        file.truncate(size)
        raise


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
