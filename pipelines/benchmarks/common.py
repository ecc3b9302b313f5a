"""What the benchmarks share: worker processes, images, ratios."""

import multiprocessing
import os
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

SIDE = 28
N_PIXELS = SIDE**2
N_COMPONENTS = 50

Row = dict[str, Any]


class Network(NamedTuple):
    """The hidden layers of an encoder with ReLU; the decoder has the dense ones, in reverse.

    Convolutions come first: of 3 x 3 pixels, every second row and column, padded to keep the border.
    """

    filters: tuple[int, ...] = ()
    hidden_layer_sizes: tuple[int, ...] = (500, 500)


Progress = Callable[[str, int, int], None]  # what is measured now, how many are done, of how many


class Worker:
    """A process that measures on request, and otherwise waits.

    Frameworks that share a process share its cores too: the idle threads of one spin while another
    is timed.

    Parameters
    ----------
    measure : callable
        Called in the process with its end of a pipe and ``args``; sends one reply per request.
    args : objects that can be pickled
    """

    def __init__(self, measure: Callable[..., None], *args: Any):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(measure, theirs, args), daemon=True)
        self._process.start()
        theirs.close()  # so that waiting ends if the process dies

    def ask(self, request: Any = None) -> Any:
        """Send a request and wait for its answer; raise what the worker raised."""
        self._connection.send(request)
        try:
            answer = self._connection.recv()
        except EOFError:
            self._process.join()
            raise RuntimeError(f"A worker ended with exit code {self._process.exitcode}.") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.terminate()
        self._process.join()
        self._connection.close()


def _work(measure: Callable[..., None], connection: Connection, args: tuple) -> None:
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)  # TensorFlow's log lines would break the progress bar
    try:
        measure(connection, *args)
    except Exception:
        connection.send(RuntimeError(f"A worker failed:\n{traceback.format_exc()}"))


def images(n_samples: int, smoke: bool) -> np.ndarray:
    """Return MNIST's first images as rows in [0, 1]; random ones for a smoke run, which need no data."""
    if smoke:
        return np.random.default_rng(0).random((n_samples, N_PIXELS), np.float32)
    from vaefeat import load_dataset

    return load_dataset("mnist").X[:n_samples]


def with_ratios(rows: list[Row], key: str, ours: str) -> list[Row]:
    """Add to each row ``vaefeat_ratio``: the ``key`` of the row named ``ours`` over that of the row."""
    reference = next(row[key] for row in rows if row["name"] == ours)
    return [row | {"vaefeat_ratio": reference / row[key]} for row in rows]
