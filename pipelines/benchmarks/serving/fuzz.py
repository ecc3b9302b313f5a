"""Malformed requests over HTTP and gRPC: their responses, and the memory afterwards."""

import gzip
from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np

from pipelines.benchmarks.common import Progress, Row
from pipelines.benchmarks.serving.grpc_load import ask_grpc_all, grpc_request
from pipelines.benchmarks.serving.load import ask_all, binary_request, http_request, json_request
from pipelines.benchmarks.serving.process import vaefeat

MODEL, N_FEATURES = "digits-vae", 64
INFER = f"/v2/models/{MODEL}/infer"
X = np.random.default_rng(0).random((2, N_FEATURES), np.float32)
GOOD = [binary_request(INFER, X), json_request(INFER, X)]
HEADER = "Inference_Header_Content_Length"
GOOD_GRPC = grpc_request(MODEL, X)
ALLOWED = {200, 400, 404, 405, 408, 413, 415, 429, 503, 504}
ALLOWED_GRPC = {"INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "UNAVAILABLE"}


@dataclass(frozen=True)
class Settings:
    n_requests: int = 120_000  # half of them over gRPC
    n_looks: int = 20
    n_connections: int = 8


SMOKE = Settings(n_requests=400, n_looks=4)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Send requests with bytes changed, cut off, put in or doubled, and look at the memory meanwhile."""
    settings = SMOKE if smoke else Settings()
    rng = np.random.default_rng(0)
    statuses: Counter[int | str | None] = Counter()
    n_of_each = settings.n_requests // settings.n_looks // 2
    memory = []
    with vaefeat([MODEL], grpc=True) as service:
        for look in range(settings.n_looks):
            progress("asking", look, settings.n_looks)
            requests = [_malformed(rng) for _ in range(n_of_each)]
            answers = ask_all(service.port, requests, settings.n_connections)
            assert service.grpc_port is not None
            requests = [_damaged(rng, GOOD_GRPC) for _ in range(n_of_each)]
            answers += ask_grpc_all(service.grpc_port, requests, settings.n_connections)
            statuses.update(answer.status for answer in answers)
            memory.append(service.memory_mb())
        is_well = [answer.status for answer in ask_all(service.port, GOOD, 1)] == [200, 200]
    return [_row(statuses, memory, settings, is_well)]


def _row(statuses: Counter[int | str | None], memory: list[float], settings: Settings, is_well: bool) -> Row:
    warm = memory[len(memory) // 2 :]
    slope = np.polyfit(np.arange(len(warm)), warm, 1)[0] * settings.n_looks / settings.n_requests
    return {
        "benchmark": "fuzz",
        "name": "malformed requests",
        "requests": statuses.total(),
        "statuses": ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items(), key=str)),
        "not_allowed": sum(n for status, n in statuses.items() if status not in ALLOWED | ALLOWED_GRPC),
        "well_afterwards": is_well,
        "memory_mb": memory[-1],
        "slope_mb_per_million_requests": 1e6 * float(slope),
    }


def _malformed(rng: np.random.Generator) -> bytes:
    """Damage the body of a request, its path, or what its head says of the body; not where it ends."""
    is_binary = rng.random() < 0.5
    _, _, body = GOOD[0 if is_binary else 1].partition(b"\r\n\r\n")
    headers: dict[str, object] = {HEADER: _near(rng, len(body) - X.nbytes)} if is_binary else {}
    body = _damaged(rng, body)
    if rng.random() < 0.1:
        headers["Content-Encoding"] = rng.choice(["gzip", "deflate", "br"])
        body = _damaged(rng, gzip.compress(body)) if rng.random() < 0.5 else body
    path = INFER if rng.random() < 0.9 else "/" + quote(_damaged(rng, INFER.encode()))
    return http_request(path, body, **headers)


def _near(rng: np.random.Generator, length: int) -> int | str:
    """Return a length: most often the true one."""
    odd = [0, length + 1, length - 1, -1, 10**6, 10**30, "x", ""]
    return length if rng.random() < 0.7 else odd[rng.integers(len(odd))]


def _damaged(rng: np.random.Generator, text: bytes) -> bytes:
    damaged = bytearray(text)
    for _ in range(rng.integers(1, 4)):
        start, stop = sorted(rng.integers(0, len(damaged) + 1, 2))
        stop = min(stop, start + 20)
        match rng.integers(5):
            case 0:  # change
                damaged[start:stop] = rng.bytes(stop - start)
            case 1:  # take out
                del damaged[start:stop]
            case 2:  # put in
                damaged[start:start] = [b"[" * 500, b'"', b"1e999", b"-", b"null", b"9" * 400][
                    rng.integers(6)
                ]
            case 3:  # double
                damaged[start:start] = damaged[start:stop]
            case 4:  # cut off
                del damaged[start + 20 :]
    return bytes(damaged)
