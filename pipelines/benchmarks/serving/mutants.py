"""Damaged models, given to a service that looks for new versions: it must live on with the old ones."""

import http.client
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.benchmarks.common import Progress, Row
from pipelines.benchmarks.serving.damage import mutants
from pipelines.benchmarks.serving.load import Answer, ask_all, binary_request
from pipelines.benchmarks.serving.process import EXPORTED, Process, running

MODELS = ("digits-vae", "mnist-100-labels-raw")
N_FOLDERS = 20  # which get a mutant each, before they are looked at
BAR_MS = 1000.0  # for an answer of the old versions
X = np.random.default_rng(0).random((1, 64), np.float32)


@dataclass(frozen=True)
class Settings:
    n_mutants: int = 2_000


SMOKE = Settings(n_mutants=200)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Put mutants beside sound models as new versions, and ask for the old versions throughout."""
    settings = SMOKE if smoke else Settings()
    sound = [EXPORTED.joinpath(name, "model.onnx").read_bytes() for name in MODELS]
    damaged = list(mutants(sound, settings.n_mutants))
    rounds = [damaged[start : start + N_FOLDERS] for start in range(0, len(damaged), N_FOLDERS)]
    answers: list[Answer] = []
    with tempfile.TemporaryDirectory() as folder:
        for k in range(N_FOLDERS):
            _put(Path(folder, f"m{k}", "1"), sound[0])
        command = [sys.executable, "-m", "vaefeat", "serve", folder, "--poll", "0.1", "--port"]
        with running(command, "/v2/health/ready") as service:
            for done, contents in enumerate(rounds):
                progress("loading", done, len(rounds))
                answers += _round(service, Path(folder), str(done + 2), contents)
            row = _row(settings, service, answers)
    return [row]


def _round(service: Process, folder: Path, version: str, contents: list[bytes]) -> list[Answer]:
    """Give each folder a mutant; ask until all are tried."""
    expected = sum(_loads(service).values()) + len(contents)
    for k, content in enumerate(contents):
        _put(folder / f"m{k}" / version, content)
    answers = []
    while sum(_loads(service).values()) < expected:
        answers += _ask(service, len(contents))
    return answers + _ask(service, len(contents))


def _ask(service: Process, n_folders: int) -> list[Answer]:
    requests = [binary_request(f"/v2/models/m{k}/versions/1/infer", X) for k in range(n_folders)]
    return ask_all(service.port, requests, 1)


def _put(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    partial = folder / "partial"
    partial.write_bytes(content)
    partial.rename(folder / "model.onnx")


def _loads(service: Process) -> dict[str, int]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = re.findall(r'^vaefeat_loads_total{outcome="(\w+)"} (\S+)$', text, re.MULTILINE)
    return {outcome: int(float(number)) for outcome, number in found}


def _row(settings: Settings, service: Process, answers: list[Answer]) -> Row:
    loads = _loads(service)
    return {
        "benchmark": "mutants",
        "name": "damaged models",
        "mutants": settings.n_mutants,
        "refused": loads["refused"],
        "served": loads["served"] - N_FOLDERS,
        "requests": len(answers),
        "failed": sum(answer.status != 200 for answer in answers),
        "slowest_ms": 1000 * max(answer.seconds for answer in answers),
        "bar_ms": BAR_MS,
        "memory_mb": service.memory_mb(),
    }
