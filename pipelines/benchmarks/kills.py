"""What is left when ``vaefeat encode`` is killed at random moments, and started again each time."""

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from pipelines.benchmarks.common import N_PIXELS, Progress, Row

MODEL = Path(__file__).parents[2] / "exported" / "mnist-vae-50" / "model.onnx"
N_FILES = 50
ROWS_PER_FILE = 4_000
N_KILLS = 50


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Kill until it was killed often enough, starting over in an empty folder after each complete run."""
    n_kills, rows_per_file = (2, 10) if smoke else (N_KILLS, ROWS_PER_FILE)
    rng = np.random.default_rng(0)
    kills, targets = 0, []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for i in range(N_FILES):
            np.save(folder / f"{i:02}.npy", rng.random((rows_per_file, N_PIXELS), np.float32))
        started = perf_counter()
        _run(folder, folder / "expected", None)
        seconds = perf_counter() - started
        while kills < n_kills:
            targets.append(folder / f"out-{len(targets)}")
            while kills < n_kills and _run(folder, targets[-1], rng.uniform(0, seconds)):
                kills += 1
                progress("killed", kills, n_kills)
            _run(folder, targets[-1], None)
        expected = _contents(folder / "expected")
        row = {
            "benchmark": "kills",
            "name": "kill -9 of vaefeat encode",
            "n_samples": N_FILES * rows_per_file,
            "kills": kills,
            "complete_runs": len(targets),
            "bitwise_equal_runs": sum(_contents(target) == expected for target in targets),
            "temporary_files": sum(map(_n_temporary, targets)),
        }
    return [row]


def _run(source: Path, target: Path, seconds: float | None) -> bool:
    """Encode, for so many seconds at most, and return whether it was killed."""
    command = [sys.executable, "-m", "vaefeat", "encode", str(MODEL), str(source / "*.npy"), str(target)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    if process.returncode:
        raise RuntimeError(f"vaefeat encode failed: {errors.decode()}")
    return False


def _contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, which other tools read, with the manifest."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != ".lock"}


def _n_temporary(folder: Path) -> int:
    return sum(path.name != ".lock" for path in folder.rglob(".*"))
