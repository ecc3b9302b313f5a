"""Time from the command until a service with two models is ready."""

from dataclasses import dataclass
from statistics import median

from pipelines.benchmarks.common import Progress, Row
from pipelines.benchmarks.serving.process import vaefeat

MODELS = ("mnist-vae-50", "mnist-100-labels-vae")
BAR_SECONDS = 1.5


@dataclass(frozen=True)
class Settings:
    n_rounds: int = 10


SMOKE = Settings(n_rounds=1)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Start the service several times."""
    settings = SMOKE if smoke else Settings()
    seconds = []
    for done in range(settings.n_rounds):
        progress("starting", done, settings.n_rounds)
        with vaefeat(MODELS) as service:
            seconds.append(service.seconds_to_ready)
            memory = service.memory_mb()
    return [
        {
            "benchmark": "startup",
            "name": "vaefeat serve, two models",
            "median_seconds": median(seconds),
            "slowest_seconds": max(seconds),
            "bar_seconds": BAR_SECONDS,
            "memory_mb": memory,
        }
    ]
