"""Duration of a training step of M2 with ten classes, compared with a VAE of equal width and batch size."""

from dataclasses import dataclass
from math import ceil
from multiprocessing.connection import Connection
from statistics import median

import numpy as np

from pipelines.benchmarks.common import N_COMPONENTS, Progress, Row, images
from pipelines.benchmarks.training import Clock, time_in_turn

REFERENCE = "VAE on pixels"
NAMES = (REFERENCE, "M2 on pixels", "M2 on 50 latents (M1+M2)")
N_LATENTS_OF_M1_M2 = 20  # as in vaefeat.recipes
HIDDEN = (500,)
N_CLASSES, N_LABELED = 10, 100
# Long enough for vaefeat to compile. The processes are ended once enough epochs are timed.
MAX_EPOCHS = 100


@dataclass(frozen=True)
class Settings:
    n_samples: int = 20_000
    batch_size: int = 100
    n_epochs: int = 5
    smoke: bool = False


SMOKE = Settings(n_samples=500, n_epochs=1, smoke=True)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Train all in turn, epoch by epoch; the first epoch of each, which compiles, is dropped."""
    settings = SMOKE if smoke else Settings()
    seconds = time_in_turn(NAMES, _train, settings, progress)
    n_steps = ceil(settings.n_samples / settings.batch_size)
    milliseconds = {name: 1e3 * median(epochs) / n_steps for name, epochs in seconds.items()}
    return [
        {
            "benchmark": "semi_supervised",
            "name": name,
            "batch_size": settings.batch_size,
            "milliseconds_per_step": milliseconds[name],
            "vae_steps": milliseconds[name] / milliseconds[REFERENCE],
            "epochs_seconds": seconds[name],
        }
        for name in NAMES
    ]


def _train(connection: Connection, name: str, settings: Settings) -> None:
    from vaefeat import M2Classifier, VAEEncoderTransformer

    shared = {
        "hidden_layer_sizes": HIDDEN,
        "batch_size": settings.batch_size,
        "max_iter": MAX_EPOCHS,
        "callbacks": [Clock(connection).callback()],
        "random_state": 0,
    }
    X = images(settings.n_samples, settings.smoke)
    y = np.where(np.arange(len(X)) < N_LABELED, np.arange(len(X)) % N_CLASSES, -1)
    if name == REFERENCE:
        VAEEncoderTransformer(N_COMPONENTS, likelihood="bernoulli", **shared).fit(X)
    elif name == "M2 on pixels":
        M2Classifier(N_COMPONENTS, likelihood="bernoulli", **shared).fit(X, y)
    else:  # the values of the latents do not affect the time
        latents = X[:, 300 : 300 + N_COMPONENTS]
        M2Classifier(N_LATENTS_OF_M1_M2, likelihood="gaussian", **shared).fit(latents, y)
