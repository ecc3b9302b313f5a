"""Anonymous memory of training on large arrays, memory maps and files."""

import tempfile
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS, Progress, Row, Worker
from pipelines.benchmarks.memory import MB, STATUS, status_mb

CHUNK_ROWS = 4096
INTERVAL = 0.02  # seconds between two looks at the memory


@dataclass(frozen=True)
class Settings:
    n_in_memory: int = 500_000
    n_streamed: tuple[int, ...] = (250_000, 1_000_000)


SMOKE = Settings(n_in_memory=500, n_streamed=(500,))


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Fit in fresh processes: an array, a memory map of float64, and files."""
    if not STATUS.exists():
        print(f"Skipped large: there is no {STATUS} here.")
        return []
    settings = SMOKE if smoke else Settings()
    sources = [(name, settings.n_in_memory) for name in ("array", "float64 memory map")]
    sources += [("stream of a file", n_rows) for n_rows in settings.n_streamed]
    rows = []
    for done, (name, n_rows) in enumerate(sources):
        progress(f"{name}, {n_rows:,} rows", done, len(sources))
        with tempfile.TemporaryDirectory() as folder, Worker(_fit) as worker:
            rows.append(worker.ask((name, n_rows, Path(folder))))
    return rows


class Peak:
    """The most anonymous memory of the process while a block runs, in MB."""

    def __enter__(self) -> "Peak":
        self.mb = status_mb("RssAnon")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL):
            self.mb = max(self.mb, status_mb("RssAnon"))

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        self._thread.join()


def make_source(name: str, n_rows: int, folder: Path, n_features: int = N_PIXELS) -> Any:
    """Return random rows: an array, a memory map of float64, or a stream of a file in a folder."""
    from vaefeat import RowStream

    if name == "array":
        return np.random.default_rng(0).random((n_rows, n_features), np.float32)
    path, dtype = folder / "rows.npy", "<f8" if "float64" in name else "<f4"
    chunk = np.random.default_rng(0).random((CHUNK_ROWS, n_features)).astype(dtype)
    with path.open("wb") as file:
        header = {"descr": dtype, "fortran_order": False, "shape": (n_rows, n_features)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, n_rows, CHUNK_ROWS):
            file.write(chunk[: n_rows - start].data)
    return np.load(path, mmap_mode="r") if "float64" in name else RowStream(path, folder=folder)


def fit_and_watch(X: Any) -> Row:
    """Train for one epoch; return the memory before it, the peak above that, and the time."""
    import vaefeat.export.networks
    import vaefeat.training.loop  # noqa: F401
    from vaefeat import VAEEncoderTransformer

    before_mb, started, cpu_started = status_mb("RssAnon"), perf_counter(), process_time()
    with Peak() as peak:
        VAEEncoderTransformer(
            N_COMPONENTS, hidden_layer_sizes=(64,), likelihood="bernoulli", max_iter=1, random_state=0
        ).fit(X)
    return {
        "before_mb": before_mb,
        "peak_above_before_mb": peak.mb - before_mb,
        "seconds": perf_counter() - started,
        "cpu_seconds": process_time() - cpu_started,
    }


def _fit(connection: Connection) -> None:
    name, n_rows, folder = connection.recv()
    X = make_source(name, n_rows, folder)
    connection.send(
        {
            "benchmark": "large",
            "name": f"fit, {name}",
            "n_samples": n_rows,
            "data_mb": n_rows * N_PIXELS * 4 / MB,
            **fit_and_watch(X),
        }
    )
