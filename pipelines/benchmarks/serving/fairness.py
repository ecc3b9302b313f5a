"""How long a small model's requests take beside a large model that is asked for more than it can do."""

import threading
from dataclasses import dataclass

import numpy as np

from pipelines.benchmarks.common import N_PIXELS, Progress, Row
from pipelines.benchmarks.serving.load import ask_for, binary_request, percentile
from pipelines.benchmarks.serving.process import vaefeat

SMALL, LARGE = "digits-vae", "mnist-image-vae-50"
BAR_RATIO = 5.0


@dataclass(frozen=True)
class Settings:
    seconds: float = 10.0
    n_small: int = 2
    n_large: int = 8
    n_large_rows: int = 32


SMOKE = Settings(seconds=0.3)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Ask the small model alone, and then beside the other."""
    settings = SMOKE if smoke else Settings()
    generator = np.random.default_rng(0)
    small = binary_request(f"/v2/models/{SMALL}/infer", generator.random((1, 64), np.float32))
    X = generator.random((settings.n_large_rows, N_PIXELS), np.float32)
    large = binary_request(f"/v2/models/{LARGE}/infer", X)
    with vaefeat([SMALL, LARGE]) as service:
        progress("alone", 0, 2)
        ask_for(settings.seconds / 10, service.port, [small], settings.n_small)  # wakes it up
        calm = ask_for(settings.seconds, service.port, [small], settings.n_small)
        progress("beside the other", 1, 2)
        ask = (settings.seconds * 1.2, service.port, [large], settings.n_large)
        crowd = threading.Thread(target=ask_for, args=ask)
        crowd.start()
        beside = ask_for(settings.seconds, service.port, [small], settings.n_small)
        crowd.join()
    p99 = percentile(calm, 99), percentile(beside, 99)
    return [
        {
            "benchmark": "fairness",
            "name": f"{SMALL} beside {LARGE}",
            "requests": len(beside),
            "calm_p99_ms": p99[0],
            "beside_p99_ms": p99[1],
            "ratio": p99[1] / p99[0],
            "bar_ratio": BAR_RATIO,
            "failed": sum(answer.status != 200 for answer in beside),
        }
    ]
