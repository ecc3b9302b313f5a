"""How close the service comes to its limit: an echo on the same server, and bare ONNX Runtime.

The limit is 1 / (time of the echo per request + time of bare ONNX Runtime per row, in batches). Processor
time is compared, too: other things that the machine has to do change it less.
"""

import sys
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipelines.benchmarks.common import N_PIXELS, Progress, Row
from pipelines.benchmarks.serving.load import ask_for, binary_request, percentile
from pipelines.benchmarks.serving.process import EXPORTED, Process, running, vaefeat
from vaefeat import OnnxModel

MODEL = "mnist-vae-50"
INFER = f"/v2/models/{MODEL}/infer"
N_RESPONSE_BYTES = 350  # of the JSON, and 50 float32
BAR_SHARE = 0.6


@dataclass(frozen=True)
class Settings:
    n_connections: int = 32
    n_rounds: int = 3
    seconds_a_round: float = 3.0


SMOKE = Settings(n_connections=4, n_rounds=1, seconds_a_round=0.3)


class Cost(NamedTuple):
    """What a request costs, in seconds of time and of the processor, and the slowest hundredth in ms."""

    seconds: float
    cpu_seconds: float
    p99_ms: float = 0.0


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Ask the echo and the service by turns, and run rows in batches as the service does."""
    settings = SMOKE if smoke else Settings()
    request = binary_request(INFER, np.random.default_rng(0).random((1, N_PIXELS), np.float32))
    echo_command = [sys.executable, "-m", "pipelines.benchmarks.serving.echo", str(N_RESPONSE_BYTES)]
    rounds = []
    for done in range(settings.n_rounds):
        progress("asking", done, settings.n_rounds)
        with running(echo_command, "/v2/health/ready") as echo:
            echoed = _cost_of_a_request(echo, request, settings)
        with vaefeat([MODEL]) as service:
            served = _cost_of_a_request(service, request, settings)
        rounds.append((echoed, served, _cost_of_a_row(settings.n_connections // 2)))
    echoed, served, bare = (Cost(*map(min, zip(*each, strict=True))) for each in zip(*rounds, strict=True))
    return [
        {
            "benchmark": "limit",
            "name": "vaefeat, binary, 1 row",
            "connections": settings.n_connections,
            "requests_per_second": 1 / served.seconds,
            "p99_ms": served.p99_ms,
            "cpu_microseconds": 1e6 * served.cpu_seconds,
            "echo_per_second": 1 / echoed.seconds,
            "echo_cpu_microseconds": 1e6 * echoed.cpu_seconds,
            "bare_cpu_microseconds": 1e6 * bare.cpu_seconds,
            "share_of_limit": (echoed.seconds + bare.seconds) / served.seconds,
            "share_of_limit_cpu": (echoed.cpu_seconds + bare.cpu_seconds) / served.cpu_seconds,
            "bar_share": BAR_SHARE,
        }
    ]


def _cost_of_a_request(service: Process, request: bytes, settings: Settings) -> Cost:
    ask = service.port, [request], settings.n_connections
    ask_for(settings.seconds_a_round / 4, *ask)  # wakes it up
    start = service.cpu_seconds()
    answers = ask_for(settings.seconds_a_round, *ask)
    if any(answer.status != 200 for answer in answers):
        raise RuntimeError("A request failed.")
    taken = service.cpu_seconds() - start
    return Cost(settings.seconds_a_round / len(answers), taken / len(answers), percentile(answers, 99))


def _cost_of_a_row(n_rows: int, n_runs: int = 500) -> Cost:
    """Return what a row costs ONNX Runtime alone, in batches."""
    model = OnnxModel.load(EXPORTED / MODEL / "model.onnx", n_threads=1)
    X = np.random.default_rng(0).random((n_rows, N_PIXELS), np.float32)
    start, cpu_start = time.perf_counter(), time.process_time()
    for _ in range(n_runs):
        model.run(X, ["z_mean"])
    taken, cpu_taken = time.perf_counter() - start, time.process_time() - cpu_start
    return Cost(taken / n_runs / n_rows, cpu_taken / n_runs / n_rows)


if __name__ == "__main__":
    print(measure("--smoke" in sys.argv, lambda *_: None))
