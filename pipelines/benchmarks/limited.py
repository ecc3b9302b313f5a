"""Training on files in a process that may use less memory than they take, and on few rows and many.

The kernel ends a process that needs more than its limit, page cache aside. This takes control groups of
Linux, and the rights of an administrator.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from pipelines.benchmarks.common import N_PIXELS, Progress, Row, Worker
from pipelines.benchmarks.large import fit_and_watch, make_source
from pipelines.benchmarks.memory import MB

GROUPS = {  # where control groups are, of version 2 and 1: the file that holds the limit
    Path("/sys/fs/cgroup"): "memory.max",
    Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes",
}
PROCESSES = "cgroup.procs"


@dataclass(frozen=True)
class File:
    """A file to train on: its size, and the memory that the process may use."""

    name: str
    n_rows: int
    n_features: int
    limit_mb: int = 2_000


FILES = (
    File("a file of 10 GB", 3_200_000, N_PIXELS),
    File("few rows", 1_000_000, 64),
    File("many rows", 25_000_000, 64),
)
SMOKE = (File("a file", 500, N_PIXELS),)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Fit in fresh processes, each to a stream of a file."""
    rows = []
    for done, file in enumerate(SMOKE if smoke else FILES):
        progress(file.name, done, len(FILES))
        with tempfile.TemporaryDirectory() as folder, Worker(_fit) as worker, limited(file.limit_mb) as group:
            if group is None:
                print("Skipped limited: control groups of memory cannot be made here.")
                return []
            rows.append(worker.ask((file, Path(folder), group)))
    return rows


@contextmanager
def limited(limit_mb: int) -> Iterator[Path | None]:
    """Make a control group with a limit of memory; None where that is impossible."""
    group = _new_group()
    if group is None:
        yield None
        return
    try:
        (group / GROUPS[group.parent]).write_text(str(int(limit_mb * MB)))
        yield group
    finally:
        for pid in (group / PROCESSES).read_text().split():
            (group.parent / PROCESSES).write_text(pid)
        group.rmdir()


def _new_group() -> Path | None:
    """Return a new group whose memory can be limited; None without such groups, or rights to them."""
    for root, limit in GROUPS.items():
        group = root / f"vaefeat-{os.getpid()}"
        try:
            if (root / PROCESSES).exists():  # what is mounted there are control groups
                group.mkdir()
                if (group / limit).exists():
                    return group
                group.rmdir()
        except OSError:
            continue
    return None


def _fit(connection: Connection) -> None:
    file, folder, group = connection.recv()
    X = make_source("stream of a file", file.n_rows, folder, file.n_features)
    (group / PROCESSES).write_text(str(os.getpid()))
    connection.send(
        {
            "benchmark": "limited",
            "name": file.name,
            "n_samples": file.n_rows,
            "n_features": file.n_features,
            "data_mb": file.n_rows * file.n_features * 4 / MB,
            "limit_mb": file.limit_mb,
            **fit_and_watch(X),
        }
    )
