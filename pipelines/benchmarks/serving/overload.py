"""A service at ten times its capacity: its responses, their latency, and its memory."""

import time
from collections import Counter
from dataclasses import dataclass
from threading import Event, Thread

import numpy as np

from pipelines.benchmarks.common import Progress, Row
from pipelines.benchmarks.serving.load import (
    Answer,
    ask_all,
    ask_at_rate,
    ask_for,
    binary_request,
    percentile,
)
from pipelines.benchmarks.serving.process import Process, vaefeat

MODEL, N_FEATURES = "digits-image-vae", 64
ROWS = 128  # a request: much to compute, little to send: it is not who asks that is overloaded
DEADLINE = 1.0
FACTOR = 10
OPTIONS = ("--deadline", str(DEADLINE), "--queue-rows", "1024")


@dataclass(frozen=True)
class Settings:
    seconds: float = 60.0
    calm_seconds: float = 10.0
    n_connections: int = 512


SMOKE = Settings(seconds=1.0, calm_seconds=0.5, n_connections=64)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Measure the capacity of the service, send ten times as much, and see how soon it recovers."""
    settings = SMOKE if smoke else Settings()
    X = np.random.default_rng(0).random((ROWS, N_FEATURES), np.float32)
    request = binary_request(f"/v2/models/{MODEL}/infer", X)
    with vaefeat([MODEL], *OPTIONS) as service:
        progress("calm", 0, 3)
        calm = ask_for(settings.calm_seconds, service.port, [request], 1)
        capacity = len(ask_for(settings.calm_seconds, service.port, [request], 4)) / settings.calm_seconds
        before = service.memory_mb()
        progress("overload", 1, 3)
        with _Watch(service) as watch:
            rate = FACTOR * capacity
            answers, n_unsent = ask_at_rate(
                service.port, request, rate, settings.n_connections, settings.seconds
            )
        progress("recovery", 2, 3)
        recovered = _seconds_to_recover(service, request)
    return [_row(settings, capacity, calm, answers, n_unsent, before, watch.largest_mb, recovered)]


class _Watch:
    """Records the peak memory of a running service."""

    def __init__(self, service: Process) -> None:
        self.largest_mb = 0.0
        self._service = service
        self._end = Event()
        self._thread = Thread(target=self._look)

    def _look(self) -> None:
        while not self._end.wait(0.2):
            self.largest_mb = max(self.largest_mb, self._service.memory_mb())

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._end.set()
        self._thread.join()


def _seconds_to_recover(service: Process, request: bytes) -> float:
    start = time.perf_counter()
    while ask_all(service.port, [request], 1)[0].status != 200:
        pass
    return time.perf_counter() - start


def _row(
    settings: Settings,
    capacity: float,
    calm: list[Answer],
    answers: list[Answer],
    n_unsent: int,
    before_mb: float,
    largest_mb: float,
    recovered: float,
) -> Row:
    statuses = Counter(answer.status for answer in answers)
    return {
        "benchmark": "overload",
        "name": f"{FACTOR} x capacity, {settings.seconds:g} s",
        "capacity_per_second": capacity,
        "sent_per_second": len(answers) / settings.seconds,
        "not_sent": n_unsent,
        "accepted": statuses[200],
        "refused_429": statuses[429],
        "late_504": statuses[504],
        "other": len(answers) - sum(statuses[code] for code in (200, 429, 504)),
        "calm_p99_ms": percentile(calm, 99),
        "accepted_p99_ms": percentile(answers, 99),
        "bar_ms": 2 * percentile(calm, 99) + 1000 * DEADLINE,
        "memory_before_mb": before_mb,
        "largest_memory_mb": largest_mb,
        "seconds_to_recover": recovered,
    }
