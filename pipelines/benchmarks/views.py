"""Share of a training step that views take: compared with noise, which costs next to nothing."""

from dataclasses import dataclass
from math import ceil
from multiprocessing.connection import Connection
from statistics import median

import numpy as np

from pipelines.benchmarks.common import Progress, Row
from pipelines.benchmarks.training import Clock, time_in_turn

REFERENCE = "noise"
NAMES = (REFERENCE, "PhotoViews", "ImageWarp")
IMAGE_SHAPE = (32, 32, 3)
MAX_EPOCHS = 50


@dataclass(frozen=True)
class Settings:
    n_samples: int = 5_120
    batch_size: int = 256
    n_epochs: int = 5
    filters: tuple[int, ...] = (32, 64, 128)  # as in vaefeat.recipes.image_encoder


SMOKE = Settings(n_samples=64, batch_size=32, n_epochs=1, filters=(4,))


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Train ``image_encoder`` with each in turn, epoch by epoch; the first epoch of each is dropped."""
    settings = SMOKE if smoke else Settings()
    seconds = time_in_turn(NAMES, _train, settings, progress)
    n_steps = ceil(settings.n_samples / settings.batch_size)
    milliseconds = {name: 1e3 * median(epochs) / n_steps for name, epochs in seconds.items()}
    return [
        {
            "benchmark": "views",
            "name": name,
            "batch_size": settings.batch_size,
            "milliseconds_per_step": milliseconds[name],
            "share_of_step": max(0.0, 1 - milliseconds[REFERENCE] / milliseconds[name]),
            "epochs_seconds": seconds[name],
        }
        for name in NAMES
    ]


def _train(connection: Connection, name: str, settings: Settings) -> None:
    from vaefeat import GaussianNoise, ImageWarp, PhotoViews
    from vaefeat.recipes import image_encoder

    views = {REFERENCE: GaussianNoise(0.1), "PhotoViews": PhotoViews(), "ImageWarp": ImageWarp(thickness=1.0)}
    encoder = image_encoder(IMAGE_SHAPE, corruption=views[name], filters=settings.filters, random_state=0)
    encoder.set_params(
        max_iter=MAX_EPOCHS, batch_size=settings.batch_size, callbacks=[Clock(connection).callback()]
    )
    encoder.fit(np.random.default_rng(0).random((settings.n_samples, 3_072), np.float32))
