"""Peak memory of ``fit`` above that of the imports."""

from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS, Progress, Row, Worker

STATUS = Path("/proc/self/status")
BAR = "2 x data + 600 MB"
MB = 1e6


@dataclass(frozen=True)
class Settings:
    n_samples: int = 60_000
    max_iters: tuple[int, ...] = (2, 4)  # with batches of 100: too short to compile, and compiled by XLA


SMOKE = Settings(n_samples=500, max_iters=(1,))


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Fit in fresh processes. The peak of a row includes the data."""
    if not STATUS.exists():
        print(f"Skipped memory: there is no {STATUS} here.")
        return []
    settings = SMOKE if smoke else Settings()
    rows = []
    for done, max_iter in enumerate(settings.max_iters):
        progress(f"max_iter={max_iter}", done, len(settings.max_iters))
        with Worker(_fit) as worker:
            rows.append(worker.ask((settings.n_samples, max_iter)))
    return rows


def _fit(connection: Connection) -> None:
    import vaefeat.export.networks
    import vaefeat.training.loop  # noqa: F401
    from vaefeat import VAEEncoderTransformer

    n_samples, max_iter = connection.recv()
    import_mb = status_mb("VmRSS")
    # Memory does not depend on the values, and reading real ones would add a peak of its own.
    X = np.random.default_rng(0).random((n_samples, N_PIXELS), np.float32)
    VAEEncoderTransformer(N_COMPONENTS, likelihood="bernoulli", max_iter=max_iter, random_state=0).fit(X)
    connection.send(_row(n_samples, max_iter, import_mb, X.nbytes / MB, status_mb("VmHWM")))


def status_mb(field: str, status: Path = STATUS) -> float:
    """Return the resident memory of a process: "VmRSS" is now, "VmHWM" at most so far."""
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024 / MB


def _row(n_samples: int, max_iter: int, import_mb: float, data_mb: float, peak_mb: float) -> Row:
    bar_mb = 2 * data_mb + 600
    return {
        "benchmark": "memory",
        "name": f"fit, max_iter={max_iter}",
        "n_samples": n_samples,
        "import_mb": import_mb,
        "data_mb": data_mb,
        "peak_mb": peak_mb,
        "peak_above_import_mb": peak_mb - import_mb,
        "bar_mb": bar_mb,
        "share_of_bar": (peak_mb - import_mb) / bar_mb,
    }
