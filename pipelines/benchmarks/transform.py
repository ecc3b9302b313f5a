"""Time per call to encode images into 50 features."""

import pickle
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter

import numpy as np

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS, Progress, Row, Worker, images, with_ratios

OURS = "VAEEncoderTransformer.transform"


@dataclass(frozen=True)
class Settings:
    batch_sizes: tuple[int, ...] = (1, 256, 4096)
    n_rounds: int = 7
    seconds_a_round: float = 0.3


SMOKE = Settings(batch_sizes=(1, 256), n_rounds=1, seconds_a_round=0.05)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Time all contenders in turn. The encoders are untrained; speed does not depend on the weights."""
    settings = SMOKE if smoke else Settings()
    progress("fitting", 0, 1)
    with Worker(_fit, smoke) as worker:
        transformer = worker.ask()
    contenders = {
        OURS: (_transformer, transformer),
        "OnnxModel.run": (_onnx_model, transformer),
        "keras.Model.predict": (_keras_predict,),
        "sklearn PCA.transform": (_pca, smoke),
    }
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(_answer, smoke, *contender))
            for name, contender in contenders.items()
        }
        return [row for size in settings.batch_sizes for row in _compare(workers, size, settings, progress)]


def _compare(
    workers: dict[str, Worker], batch_size: int, settings: Settings, progress: Progress
) -> list[Row]:
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    for worker in workers.values():
        worker.ask((batch_size, 0.0))  # starts, compiles
    for done in range(settings.n_rounds):
        progress(f"{batch_size} rows a call", done, settings.n_rounds)
        for name, worker in workers.items():
            seconds[name] += worker.ask((batch_size, settings.seconds_a_round))
    rows = [_row(name, batch_size, times) for name, times in seconds.items()]
    return with_ratios(rows, "microseconds_per_call", OURS)


def _row(name: str, batch_size: int, seconds: list[float]) -> Row:
    return {
        "benchmark": "transform",
        "name": name,
        "batch_size": batch_size,
        "n_calls": len(seconds),
        "microseconds_per_call": 1e6 * median(seconds),
        "rows_per_second": batch_size / median(seconds),
    }


# --- in the workers' processes ---


def _fit(connection: Connection, smoke: bool) -> None:
    from vaefeat import VAEEncoderTransformer

    connection.recv()
    vae = VAEEncoderTransformer(N_COMPONENTS, likelihood="bernoulli", max_iter=0, random_state=0)
    connection.send(pickle.dumps(vae.fit(images(500, smoke))))


def _answer(connection: Connection, smoke: bool, make: Callable[..., Callable], *args: object) -> None:
    encode = make(*args)
    X = images(max(Settings.batch_sizes), smoke)
    while True:
        batch_size, seconds = connection.recv()
        connection.send(_time_calls(encode, X[:batch_size], seconds))


def _time_calls(encode: Callable, X: np.ndarray, seconds: float) -> list[float]:
    encode(X)  # wakes the threads and fills the caches
    times: list[float] = []
    end = perf_counter() + seconds
    while len(times) < 3 or perf_counter() < end:
        start = perf_counter()
        encode(X)
        times.append(perf_counter() - start)
    return times


def _transformer(pickled: bytes) -> Callable:
    return pickle.loads(pickled).transform


def _onnx_model(pickled: bytes) -> Callable:
    from vaefeat import OnnxModel

    model = OnnxModel(pickle.loads(pickled).encoder_.to_bytes())
    return lambda X: model.run(X, ["z_mean"])


def _keras_predict() -> Callable:
    import keras

    from vaefeat.training.networks import NetworkConfig, build_encoder

    encoder = build_encoder(NetworkConfig(n_inputs=N_PIXELS, n_outputs=N_COMPONENTS), seed=0)
    model = keras.Model(encoder.inputs, encoder.output["z_mean"])
    return lambda X: model.predict(X, batch_size=len(X), verbose=0)  # one batch, not 32 rows at a time


def _pca(smoke: bool) -> Callable:
    from sklearn.decomposition import PCA

    return PCA(N_COMPONENTS).fit(images(500, smoke)).transform
