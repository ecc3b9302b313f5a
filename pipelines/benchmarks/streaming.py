"""Rows per second of an epoch in memory, and of one that streams a file."""

import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter

from pipelines.benchmarks.common import N_COMPONENTS, Progress, Row, Worker
from pipelines.benchmarks.large import make_source

N_SAMPLES = 250_000
N_EPOCHS = 4  # the first one compiles, and is not counted
N_ROUNDS = 2
SOURCES = ("array", "stream of a file")


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Train from both sources in turn, in one process, so that both run the same compiled steps."""
    n_samples, n_rounds = (500, 1) if smoke else (N_SAMPLES, N_ROUNDS)
    seconds: dict[str, list[float]] = {name: [] for name in SOURCES}
    with tempfile.TemporaryDirectory() as folder, Worker(_fit) as worker:
        for done in range(n_rounds):
            for name in SOURCES:
                progress(name, done, n_rounds)
                seconds[name] += worker.ask((name, n_samples, Path(folder)))[1:]
    rates = {name: n_samples / median(each) for name, each in seconds.items()}
    return [
        {
            "benchmark": "streaming",
            "name": name,
            "n_samples": n_samples,
            "epochs_seconds": seconds[name],
            "rows_per_second": rate,
            "share_of_array": rate / rates["array"],
        }
        for name, rate in rates.items()
    ]


def _fit(connection: Connection) -> None:
    import keras

    from vaefeat import VAEEncoderTransformer

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.started = perf_counter()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            seconds.append(perf_counter() - self.started)

    while True:
        name, n_samples, folder = connection.recv()
        seconds: list[float] = []
        VAEEncoderTransformer(
            N_COMPONENTS,
            likelihood="bernoulli",
            max_iter=N_EPOCHS,
            batch_size=256,
            random_state=0,
            callbacks=[Clock()],
        ).fit(make_source(name, n_samples, folder))
        connection.send(seconds)
