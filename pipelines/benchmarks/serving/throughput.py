"""Throughput of services with the same ONNX file, in requests per second of one row each."""

import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.benchmarks.common import N_PIXELS, Progress, Row
from pipelines.benchmarks.serving.grpc_load import ask_grpc_for, grpc_request
from pipelines.benchmarks.serving.load import (
    Answer,
    ask_for,
    binary_request,
    http_request,
    json_request,
    percentile,
)
from pipelines.benchmarks.serving.process import EXPORTED, ROOT, Process, running, vaefeat

MODEL = "mnist-vae-50"
CONTENDERS = Path(__file__).parents[1] / "contenders"
INFER = f"/v2/models/{MODEL}/infer"
X = np.random.default_rng(0).random((1, N_PIXELS), np.float32)

OURS = "vaefeat, binary"
REQUESTS = {
    OURS: binary_request(INFER, X),
    "vaefeat, JSON": json_request(INFER, X),
    "vaefeat, gRPC": grpc_request(MODEL, X),
    "LitServe, bytes": http_request("/predict", X.tobytes(), Content_Type="application/octet-stream"),
    "MLServer, JSON": json_request("/v2/models/encoder/infer", X),
    "MLServer, gRPC": grpc_request("encoder", X),
}


@dataclass(frozen=True)
class Settings:
    n_connections: int = 32
    n_rounds: int = 5
    seconds_a_round: float = 4.0
    contenders: tuple[str, ...] = tuple(REQUESTS)


SMOKE = Settings(
    n_connections=4, n_rounds=1, seconds_a_round=0.3, contenders=(OURS, "vaefeat, JSON", "vaefeat, gRPC")
)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Ask the services by turns, one at a time: each has the machine to itself, but for who asks."""
    settings = SMOKE if smoke else Settings()
    answers: dict[str, list[Answer]] = {name: [] for name in settings.contenders}
    cpu_seconds = dict.fromkeys(settings.contenders, 0.0)
    for done in range(settings.n_rounds):
        for name in settings.contenders:
            progress(name, done, settings.n_rounds)
            with _service(name) as service:
                _ask(name, service, settings.seconds_a_round / 4, settings)  # wakes it up
                before = service.cpu_seconds()
                answers[name] += _ask(name, service, settings.seconds_a_round, settings)
                cpu_seconds[name] += service.cpu_seconds() - before
    seconds = settings.n_rounds * settings.seconds_a_round
    rows = [
        _row(name, settings.n_connections, each, seconds, cpu_seconds[name]) for name, each in answers.items()
    ]
    ours = next(row["requests_per_second"] for row in rows if row["name"] == OURS)
    return [row | {"vaefeat_ratio": row["requests_per_second"] / ours} for row in rows]


def _ask(name: str, service: Process, seconds: float, settings: Settings) -> list[Answer]:
    if not name.endswith("gRPC"):
        return ask_for(seconds, service.port, [REQUESTS[name]], settings.n_connections)
    port = service.grpc_port or service.port + 1  # as the script of MLServer says
    return ask_grpc_for(seconds, port, [REQUESTS[name]], settings.n_connections)


def _service(name: str) -> AbstractContextManager[Process]:
    who = name.split(",")[0].lower()
    if who == "vaefeat":
        return vaefeat([MODEL], grpc=name.endswith("gRPC"))
    script, model = CONTENDERS / f"{who}_service.py", EXPORTED / MODEL / "model.onnx"
    ready = "/health" if who == "litserve" else "/v2/health/ready"
    return running([_python(who), script, model], ready)


def _row(name: str, n_connections: int, answers: list[Answer], seconds: float, cpu_seconds: float) -> Row:
    return {
        "benchmark": "serve",
        "name": name,
        "version": _version(name.split(",")[0].lower()),
        "connections": n_connections,
        "requests_per_second": len(answers) / seconds,
        "cpu_microseconds": 1e6 * cpu_seconds / len(answers),
        "p50_ms": percentile(answers, 50),
        "p99_ms": percentile(answers, 99),
        "failed": sum(answer.status != 200 for answer in answers),
    }


def _version(package: str) -> str:
    python = _python(package)
    script = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def _python(package: str) -> str:
    """Return the interpreter that has a package: the others' requirements and ours exclude each other."""
    return sys.executable if package == "vaefeat" else str(ROOT / f".venv-{package}" / "bin" / "python")
