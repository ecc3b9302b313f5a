"""Seconds per training epoch of VAEs of MNIST's images, of dense layers or with convolutions."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter
from typing import Any

from pipelines.benchmarks.common import Network, Progress, Row, Worker, images, with_ratios

OURS = "vaefeat"
CONTENDERS = {  # modules, so that a process imports no framework but its own
    OURS: "vaefeat_loop",
    "keras.Model.fit": "keras_fit",
    "keras.Model.fit, XLA": "keras_fit_xla",
    "PyTorch, eager": "torch_loop",
    "products alone": "products_alone",
}
NEEDS = {"PyTorch, eager": "torch"}
# Long enough for vaefeat to compile. The processes are ended once enough epochs are timed.
MAX_EPOCHS = 50


@dataclass(frozen=True)
class Settings:
    n_samples: int = 20_000
    networks: tuple[tuple[Network, int], ...] = (  # with the size of a batch
        (Network(), 100),
        (Network(), 256),
        (Network((32, 64, 128), (256,)), 256),  # that of vaefeat.recipes.image_encoder
    )
    n_rounds: int = 3
    epochs_a_round: int = 2
    smoke: bool = False


SMOKE = Settings(500, ((Network((4,), (8,)), 100),), n_rounds=1, epochs_a_round=1, smoke=True)


class Clock:
    """Starts each training epoch on request, and replies with its duration."""

    def __init__(self, connection: Connection):
        self._connection = connection

    def begin(self) -> None:
        self._connection.recv()
        self._start = perf_counter()

    def end(self) -> None:
        self._connection.send(perf_counter() - self._start)

    def callback(self) -> Any:
        """Return a callback of Keras that stands around each epoch."""
        import keras

        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda *_: self.begin(), on_epoch_end=lambda *_: self.end()
        )


def time_in_turn(
    names: Sequence[str], train: Callable[..., None], settings: Any, progress: Progress
) -> dict[str, list[float]]:
    """Return the seconds of ``settings.n_epochs`` epochs of each, after a first one, which compiles.

    ``train`` is called with a connection for its clock, a name and the settings, in a process for each name;
    the processes take turns, epoch by epoch.
    """
    seconds: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(train, name, settings)) for name in names}
        turns = [(name, kept) for kept in [False] + settings.n_epochs * [True] for name in names]
        for done, (name, kept) in enumerate(turns):
            progress(name, done, len(turns))
            duration = workers[name].ask()
            if kept:
                seconds[name].append(duration)
    return seconds


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Train with all contenders in turn, epoch by epoch.

    The row "products alone" is the time of an epoch's matrix products and convolutions: what is left
    when all else costs nothing.
    """
    settings = SMOKE if smoke else Settings()
    names = [name for name in CONTENDERS if _is_installed(name)]
    return [row for case in settings.networks for row in _compare(names, *case, settings, progress)]


def _is_installed(name: str) -> bool:
    installed = name not in NEEDS or find_spec(NEEDS[name]) is not None
    if not installed:
        print(f"Skipped {name}: {NEEDS[name]} is not installed.")
    return installed


def _compare(
    names: list[str], network: Network, batch_size: int, settings: Settings, progress: Progress
) -> list[Row]:
    # The first epoch of a round is dropped: some contenders take seconds to resume after a pause.
    a_turn = [False] + settings.epochs_a_round * [True]
    a_round = [(name, kept) for name in names for kept in a_turn]
    epochs = [(name, True) for name in names] + settings.n_rounds * a_round
    seconds: dict[str, list[float]] = {name: [] for name in names}
    workers: dict[str, Worker] = {}
    with ExitStack() as stack:
        for done, (name, kept) in enumerate(epochs):
            progress(f"{name}, batches of {batch_size}", done, len(epochs))
            if name not in workers:  # not earlier: the previous one has compiled by now
                worker = Worker(_train, CONTENDERS[name], network, batch_size, settings)
                workers[name] = stack.enter_context(worker)
            duration = workers[name].ask()
            if kept:
                seconds[name].append(duration)
    rows = [_row(name, network, batch_size, settings.n_samples, seconds[name]) for name in names]
    return with_ratios(rows, "seconds_per_epoch", OURS)


def _train(
    connection: Connection, module: str, network: Network, batch_size: int, settings: Settings
) -> None:
    contender = import_module(f"pipelines.benchmarks.contenders.{module}")
    X = images(settings.n_samples, settings.smoke)
    contender.train(X, network, batch_size, MAX_EPOCHS, Clock(connection))


def _row(name: str, network: Network, batch_size: int, n_samples: int, seconds: list[float]) -> Row:
    first, *epochs = seconds
    return {
        "benchmark": "training",
        "name": name,
        "filters": "-".join(map(str, network.filters)),
        "batch_size": batch_size,
        "n_samples": n_samples,
        "first_epoch_seconds": first,
        "epochs_seconds": epochs,
        "seconds_per_epoch": median(epochs),
    }
