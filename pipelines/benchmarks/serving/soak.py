"""Memory of a service over many minutes of mixed requests."""

import time
from collections import Counter
from dataclasses import dataclass
from statistics import median

import numpy as np

from pipelines.benchmarks.common import N_PIXELS, Progress, Row
from pipelines.benchmarks.serving.grpc_load import ask_grpc_for, grpc_request
from pipelines.benchmarks.serving.load import ask_for, binary_request, http_request, json_request
from pipelines.benchmarks.serving.process import vaefeat

MODELS = ("mnist-vae-50", "mnist-100-labels-raw")
BAR = 0.05  # growth after warm-up
LOOKS = 12  # of whose memory the median counts: at any moment, large requests may be under way


@dataclass(frozen=True)
class Settings:
    seconds: float = 20 * 60.0
    warm_up_seconds: float = 2 * 60.0
    seconds_a_look: float = 10.0
    n_connections: int = 8


SMOKE = Settings(seconds=1.0, warm_up_seconds=0.4, seconds_a_look=0.2, n_connections=2)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Ask for rows of all sizes over both protocols, with errors among them, and look at the memory."""
    settings = SMOKE if smoke else Settings()
    requests, grpc_requests = _mixed(), _mixed_grpc()
    looks: list[tuple[float, float]] = []
    statuses: Counter[str] = Counter()
    with vaefeat(MODELS, grpc=True) as service:
        start = time.perf_counter()
        while (past := time.perf_counter() - start) < settings.seconds:
            progress("asking", int(past), int(settings.seconds))
            seconds, n_connections = settings.seconds_a_look / 2, settings.n_connections
            assert service.grpc_port is not None
            answers = ask_for(seconds, service.port, requests, n_connections)
            answers += ask_grpc_for(seconds, service.grpc_port, grpc_requests, n_connections)
            statuses.update(str(answer.status) for answer in answers)
            looks.append((time.perf_counter() - start, service.memory_mb()))
    warm = [memory for seconds, memory in looks if seconds >= settings.warm_up_seconds]
    first, last = median(warm[:LOOKS]), median(warm[-LOOKS:])
    return [
        {
            "benchmark": "soak",
            "name": f"mixed requests, {settings.seconds / 60:.3g} min",
            "requests": statuses.total(),
            "statuses": ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items())),
            "warm_mb": first,
            "last_mb": last,
            "largest_mb": max(warm),
            "growth": last / first - 1,
            "bar": BAR,
        }
    ]


def _mixed() -> list[bytes]:
    rng = np.random.default_rng(0)
    paths = [f"/v2/models/{model}/infer" for model in MODELS]
    requests = []
    for n_rows in (1, 1, 1, 2, 7, 32, 100, 0, 500):
        X = rng.random((n_rows, N_PIXELS), np.float32)
        requests += [binary_request(paths[0], X), json_request(paths[0], X[:20])]
    X = rng.random((3, N_PIXELS), np.float32)
    requests += [
        binary_request(paths[0], X[:, 1:]),
        binary_request(paths[1], X),
        http_request(paths[0], b"{"),
    ]
    requests += [http_request("/v2/models/nothing/infer", b"{}"), binary_request(paths[0], X * np.nan)]
    return requests


def _mixed_grpc() -> list[bytes]:
    rng = np.random.default_rng(1)
    requests = [
        grpc_request(MODELS[0], rng.random((n_rows, N_PIXELS), np.float32))
        for n_rows in (1, 1, 1, 2, 7, 32, 100, 0, 500)
    ]
    X = rng.random((3, N_PIXELS), np.float32)
    return [
        *requests,
        grpc_request(MODELS[0], X[:, 1:]),
        grpc_request(MODELS[0], X * np.nan),
        grpc_request("nothing", X),
    ]
