"""``encode_files`` on two threads, and on a local cluster of Dask with two workers of one thread each."""

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from pipelines.benchmarks.common import Progress, Row, Worker
from pipelines.benchmarks.encode_threads import CHUNK_ROWS, N_FILES, files, prepare
from vaefeat import OnnxModel, encode_files
from vaefeat.engines import DaskEngine

NETWORK = "500-500"
THREADS, DASK = "2 threads", "Dask, 2 workers"


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Encode the same files in turn; a cluster that runs already is as a user of Dask has it."""
    from distributed import LocalCluster

    rows_per_file, n_rounds = (100, 1) if smoke else (10 * CHUNK_ROWS, 5)
    seconds: dict[str, list[float]] = {THREADS: [], DASK: []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with Worker(prepare, folder, rows_per_file) as worker:
            worker.ask()
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
            options = {THREADS: {"n_threads": 2}, DASK: {"engine": DaskEngine(cluster.scheduler_address)}}
            for done in range(n_rounds):
                for name, each in seconds.items():
                    progress(name, done, n_rounds)
                    each.append(_seconds_to_encode(folder, folder / f"out-{done}-{name}", options[name]))
        n_different = len({_content(target) for target in folder.glob("out-*")}) - 1
    return [
        {
            "benchmark": "encode_dask",
            "name": name,
            "n_samples": N_FILES * rows_per_file,
            "rows_per_second": N_FILES * rows_per_file / median(each),
            "time_of_threads": median(each) / median(seconds[THREADS]),
            "n_different": n_different,
        }
        for name, each in seconds.items()
    ]


def _seconds_to_encode(folder: Path, target: Path, options: dict[str, Any]) -> float:
    model = OnnxModel.load(folder / f"{NETWORK}.onnx")
    started = perf_counter()
    encode_files(model, files(folder), target, output_names=["z_mean"], **options)
    return perf_counter() - started


def _content(target: Path) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(target.glob("*.parquet")))
