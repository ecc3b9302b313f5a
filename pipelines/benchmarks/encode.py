"""A million rows through ``vaefeat.encode``, and through plain ONNX Runtime on the same chunks."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from pipelines.benchmarks.common import N_PIXELS, Progress, Row, Worker, with_ratios
from pipelines.benchmarks.memory import MB, STATUS, status_mb

MODEL = Path(__file__).parents[2] / "exported" / "mnist-vae-50" / "model.onnx"
CHUNK_ROWS = 4096
OURS = "vaefeat.encode"
BARE = "onnxruntime alone, rows in memory"


@dataclass(frozen=True)
class Settings:
    n_rows: int = 1_000_000
    n_rounds: int = 3


SMOKE = Settings(n_rows=2_000, n_rounds=1)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Time both in turn, each in its own process, and measure their memory."""
    if not STATUS.exists():
        print(f"Skipped encode: there is no {STATUS} here.")
        return []
    settings = SMOKE if smoke else Settings()
    answers: dict[str, list[tuple[float, float]]] = {OURS: [], BARE: []}
    with tempfile.TemporaryDirectory() as folder, Worker(_encode) as ours, Worker(_bare) as bare:
        source = Path(folder) / "rows.npy"
        _write_rows(source, settings.n_rows)
        for done in range(settings.n_rounds):
            for name, worker in ((OURS, ours), (BARE, bare)):
                progress(name, done, settings.n_rounds)
                answers[name].append(worker.ask((source, settings.n_rows)))
    rows = [_row(name, settings.n_rows, each) for name, each in answers.items()]
    return with_ratios(rows, "seconds", OURS)


def _write_rows(path: Path, n_rows: int) -> None:
    chunk = np.random.default_rng(0).random((CHUNK_ROWS, N_PIXELS), np.float32)
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, N_PIXELS)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, n_rows, CHUNK_ROWS):
            file.write(chunk[: n_rows - start].data)


def _encode(connection: Connection) -> None:
    from vaefeat.runtime import OnnxModel, encode

    model = OnnxModel.load(MODEL)
    _answer(
        connection,
        lambda source, n_rows: encode(
            model, source, source.with_name("features.npy"), output_names=["z_mean"]
        ),
    )


def _bare(connection: Connection) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(MODEL.read_bytes())
    chunk = np.random.default_rng(0).random((CHUNK_ROWS, N_PIXELS), np.float32)

    def run(source: Path, n_rows: int) -> None:
        for start in range(0, n_rows, CHUNK_ROWS):
            session.run(["z_mean"], {"X": chunk[: n_rows - start]})

    _answer(connection, run)


def _answer(connection: Connection, run: Callable[[Path, int], object]) -> None:
    while True:
        request = connection.recv()
        started = perf_counter()
        run(*request)
        connection.send((perf_counter() - started, status_mb("VmHWM")))


def _row(name: str, n_rows: int, answers: list[tuple[float, float]]) -> Row:
    seconds, peaks = zip(*answers, strict=True)
    return {
        "benchmark": "encode",
        "name": name,
        "n_samples": n_rows,
        "input_mb": n_rows * N_PIXELS * 4 / MB,
        "seconds": median(seconds),
        "rows_per_second": n_rows / median(seconds),
        "peak_mb": max(peaks),
    }
