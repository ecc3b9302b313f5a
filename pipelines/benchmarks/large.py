"""Anonymous memory of training on large arrays, memory maps and files; and what sorted rows cost."""

import tempfile
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS, Progress, Row, Worker
from pipelines.benchmarks.memory import MB, STATUS, status_mb

CHUNK_ROWS = 4096
INTERVAL = 0.02  # seconds between two looks at the memory
N_EPOCHS = 3  # over sorted images


@dataclass(frozen=True)
class Settings:
    n_in_memory: int = 500_000
    n_streamed: tuple[int, ...] = (250_000, 1_000_000)
    n_images: int = 60_000
    seeds: tuple[int, ...] = (0, 1, 2)


SMOKE = Settings(n_in_memory=500, n_streamed=(500,), n_images=500, seeds=(0,))


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Fit in fresh processes: an array, a memory map of float64, files, and images sorted by class."""
    if not STATUS.exists():
        print(f"Skipped large: there is no {STATUS} here.")
        return []
    settings = SMOKE if smoke else Settings()
    sources = [(name, settings.n_in_memory) for name in ("array", "float64 memory map")]
    sources += [("stream of a file", n_rows) for n_rows in settings.n_streamed]
    rows = []
    for done, (name, n_rows) in enumerate(sources):
        progress(f"{name}, {n_rows:,} rows", done, len(sources) + 1)
        with tempfile.TemporaryDirectory() as folder, Worker(_fit) as worker:
            rows.append(worker.ask((name, n_rows, Path(folder))))
    progress("sorted images", len(sources), len(sources) + 1)
    with Worker(_sorted) as worker:
        return rows + [worker.ask((settings.n_images, seed, smoke)) for seed in settings.seeds]


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


def _source(name: str, n_rows: int, folder: Path) -> Any:
    from vaefeat import RowStream

    if name == "array":
        return np.random.default_rng(0).random((n_rows, N_PIXELS), np.float32)
    path, dtype = folder / "rows.npy", "<f8" if "float64" in name else "<f4"
    chunk = np.random.default_rng(0).random((CHUNK_ROWS, N_PIXELS)).astype(dtype)
    with path.open("wb") as file:
        header = {"descr": dtype, "fortran_order": False, "shape": (n_rows, N_PIXELS)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, n_rows, CHUNK_ROWS):
            file.write(chunk[: n_rows - start].data)
    return np.load(path, mmap_mode="r") if "float64" in name else RowStream(path, folder=folder)


def _fit(connection: Connection) -> None:
    import vaefeat.export.networks
    import vaefeat.training.loop  # noqa: F401
    from vaefeat import VAEEncoderTransformer

    name, n_rows, folder = connection.recv()
    X = _source(name, n_rows, folder)
    before_mb, started = status_mb("RssAnon"), process_time()
    with Peak() as peak:
        VAEEncoderTransformer(
            N_COMPONENTS, hidden_layer_sizes=(64,), likelihood="bernoulli", max_iter=1, random_state=0
        ).fit(X)
    connection.send(
        {
            "benchmark": "large",
            "name": f"fit, {name}",
            "n_samples": n_rows,
            "data_mb": n_rows * N_PIXELS * 4 / MB,
            "before_mb": before_mb,
            "peak_above_before_mb": peak.mb - before_mb,
            "cpu_seconds": process_time() - started,
        }
    )


def _sorted(connection: Connection) -> None:
    from vaefeat import RowStream, VAEEncoderTransformer, load_dataset

    while True:
        n_images, seed, smoke = connection.recv()
        data = load_dataset("digits" if smoke else "mnist")
        X = data.X[:n_images]
        by_class = X[np.argsort(data.y[:n_images], kind="stable")]
        elbos = {}
        for name, source in (("fit", X), ("sorted_stream", RowStream(by_class))):
            vae = VAEEncoderTransformer(
                N_COMPONENTS, likelihood="bernoulli", max_iter=N_EPOCHS, random_state=seed
            )
            elbos[f"{name}_elbo_nats"] = vae.fit(source).score(data.X_test)
        row = {"benchmark": "large", "name": f"images sorted by class, seed {seed}", "n_samples": len(X)}
        connection.send(row | elbos)
