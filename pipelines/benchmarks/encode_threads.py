"""``encode_files`` on one thread and on two, and ONNX Runtime alone on two, with rows in memory."""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS, Progress, Row, Worker

NETWORKS = {"500-500": (500, 500), "64": (64,)}
CHUNK_ROWS = 4096
N_FILES = 32
BARE = "onnxruntime alone, 2 threads"
CONTENDERS = ("encode_files, 1 thread", "encode_files, 2 threads", BARE)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Encode the same files by each network with each number of threads, in turn."""
    rows_per_file, n_rounds = (100, 1) if smoke else (5 * CHUNK_ROWS, 5)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with Worker(prepare, folder, rows_per_file) as worker:
            worker.ask()
        return _measured(folder, rows_per_file, n_rounds, progress)


def _measured(folder: Path, rows_per_file: int, n_rounds: int, progress: Progress) -> list[Row]:
    rows: list[Row] = []
    with Worker(_encode, folder, rows_per_file) as worker:
        for network in NETWORKS:
            answers: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTENDERS}
            for done in range(n_rounds):
                for name in CONTENDERS:
                    progress(f"{network}: {name}", done, n_rounds)
                    answers[name].append(worker.ask((network, name)))
            rows += _rows(network, N_FILES * rows_per_file, answers)
    return rows


def _rows(network: str, n_rows: int, answers: dict[str, list[tuple[float, float]]]) -> list[Row]:
    medians = {name: [median(each) for each in zip(*pairs, strict=True)] for name, pairs in answers.items()}
    first = medians[CONTENDERS[0]]
    return [
        {
            "benchmark": "encode_threads",
            "name": f"{network}: {name}",
            "n_samples": n_rows,
            "rows_per_second": n_rows / seconds,
            "speedup_over_one_thread": first[0] / seconds,
            "cpu_ratio": cpu / first[1],
        }
        for name, (seconds, cpu) in medians.items()
    ]


def prepare(connection: Connection, folder: Path, rows_per_file: int) -> None:
    """Write files and models, in a process of its own: threads of TensorFlow take time from others."""
    from vaefeat import VAEEncoderTransformer, export_onnx

    rng = np.random.default_rng(0)
    for path in files(folder):
        np.save(path, rng.random((rows_per_file, N_PIXELS), np.float32))
    X = rng.random((100, N_PIXELS), np.float32)
    for network, sizes in NETWORKS.items():
        vae = VAEEncoderTransformer(N_COMPONENTS, hidden_layer_sizes=sizes, max_iter=0, random_state=0)
        export_onnx(vae.fit(X), folder / f"{network}.onnx")
    connection.recv()
    connection.send(None)


def files(folder: Path) -> list[Path]:
    return [folder / f"{i:02}.npy" for i in range(N_FILES)]


def _encode(connection: Connection, folder: Path, rows_per_file: int) -> None:
    from vaefeat import OnnxModel, encode_files

    models = {network: OnnxModel.load(folder / f"{network}.onnx") for network in NETWORKS}
    for number in count():
        network, name = connection.recv()
        model, target = models[network], folder / f"out-{number}"
        run: Callable[[], object] = (
            _bare(model.to_bytes(), rows_per_file)
            if name == BARE
            else partial(
                encode_files,
                model,
                files(folder),
                target,
                output_names=["z_mean"],
                n_threads=int(name.split()[1]),
            )
        )
        started, cpu = perf_counter(), process_time()
        run()
        connection.send((perf_counter() - started, process_time() - cpu))


def _bare(content: bytes, rows_per_file: int) -> Callable[[], None]:
    """Return a function that runs a model on as many rows, all of which are the same chunk."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    chunk = np.random.default_rng(0).random((CHUNK_ROWS, N_PIXELS), np.float32)

    def run_file(_: int) -> None:
        for start in range(0, rows_per_file, CHUNK_ROWS):
            session.run(["z_mean"], {"X": chunk[: rows_per_file - start]})

    def run() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run_file, range(N_FILES)))

    return run
