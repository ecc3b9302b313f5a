"""What a second worker adds, while the client is confined to one core.

With fewer than three cores, the client takes time from the workers: then compare the processor time of a
request, which shows what sharing costs.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from pipelines.benchmarks.common import N_PIXELS, Progress, Row
from pipelines.benchmarks.serving.load import Answer, ask_for, binary_request, percentile
from pipelines.benchmarks.serving.process import vaefeat

MODEL = "mnist-vae-50"
REQUEST = binary_request(
    f"/v2/models/{MODEL}/infer", np.random.default_rng(0).random((1, N_PIXELS), np.float32)
)


@dataclass(frozen=True)
class Settings:
    n_connections: int = 32
    n_rounds: int = 5
    seconds_a_round: float = 4.0


SMOKE = Settings(n_connections=4, n_rounds=1, seconds_a_round=0.3)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Ask one worker and two, by turns."""
    settings = SMOKE if smoke else Settings()
    measured: dict[int, list[tuple[list[Answer], float]]] = {1: [], 2: []}
    for done in range(settings.n_rounds):
        for n_workers, rounds in measured.items():
            progress(f"{n_workers} workers", done, settings.n_rounds)
            rounds.append(_round(n_workers, settings))
    return [_row(n_workers, rounds, settings) for n_workers, rounds in measured.items()]


def _round(n_workers: int, settings: Settings) -> tuple[list[Answer], float]:
    """Return the answers, and the processor time that the service took for them."""
    with vaefeat([MODEL], "--workers", str(n_workers)) as service, _confined():
        ask = service.port, [REQUEST], settings.n_connections
        ask_for(settings.seconds_a_round / 4, *ask)  # wakes it up
        before = service.cpu_seconds()
        answers = ask_for(settings.seconds_a_round, *ask)
        return answers, service.cpu_seconds() - before


@contextmanager
def _confined() -> Iterator[None]:
    """Confine this process to its last core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _row(n_workers: int, rounds: list[tuple[list[Answer], float]], settings: Settings) -> Row:
    answers = [answer for each, _ in rounds for answer in each]
    return {
        "benchmark": "workers",
        "name": f"--workers {n_workers}",
        "connections": settings.n_connections,
        "cores": os.cpu_count(),
        "client_cores": 1,
        "requests_per_second": len(answers) / len(rounds) / settings.seconds_a_round,
        "cpu_microseconds": 1e6 * sum(seconds for _, seconds in rounds) / len(answers),
        "p50_ms": percentile(answers, 50),
        "p99_ms": percentile(answers, 99),
        "failed": sum(answer.status != 200 for answer in answers),
    }
