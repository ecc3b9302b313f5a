"""Rows that wait for a model are run together, where that changes no answer.

A batch is what is already waiting when a thread becomes free; nothing waits for company unless told to.
Rows run together may differ in their last bits from the same rows run alone: ONNX Runtime picks other
kernels for other numbers of rows. So :func:`rows_stand_alone` tries it, for every size of a batch, when a
model is loaded. Requests to a model that fails the trial are run one by one, and no answer depends on its
company.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vaefeat.runtime import OnnxModel
from vaefeat.serving.metrics import ModelMetrics
from vaefeat.serving.refusals import Refusal

Outputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class BatchSettings:
    """How requests to a model wait, and what is run together.

    Attributes
    ----------
    max_rows : int
        Rows of a batch. A request of more is run by itself.
    delay : float
        Seconds that a request waits for company.
    queue_rows : int
        Rows that may wait; where so many do, a request is refused.
    deadline : float
        Seconds that a request may wait.
    n_threads : int
        Batches that are run at a time.
    """

    max_rows: int = 32
    delay: float = 0.0
    queue_rows: int = 1024
    deadline: float = 1.0
    n_threads: int = 1


def rows_stand_alone(model: OnnxModel, max_rows: int) -> bool:
    """Tell whether rows give the same bits alone and in every batch of up to ``max_rows``.

    Which kernels run depends on the number of rows; where none of the numbers makes a difference to
    random values, none does to others. It also wakes the model up.
    """
    X = np.random.default_rng(0).random((max_rows, model.n_features), np.float32)
    alone = [model.run(X[i : i + 1]) for i in range(max_rows)]
    expected = {name: np.concatenate([each[name] for each in alone]) for name in model.output_names}
    return all(
        np.array_equal(values, expected[name][:n_rows])
        for n_rows in range(2, max_rows + 1)
        for name, values in model.run(X[:n_rows]).items()
    )


@dataclass(eq=False)
class _Item:
    """A request that waits."""

    X: np.ndarray
    names: tuple[str, ...]
    future: asyncio.Future[Outputs]
    arrived: float = field(default_factory=time.perf_counter)

    @property
    def n_slots(self) -> int:
        return max(1, len(self.X))  # a request without rows takes a place too


class Batcher:
    """Runs a model in threads of its own, on what waits for it.

    Parameters
    ----------
    model : OnnxModel
    settings : BatchSettings
    metrics : ModelMetrics
    together : bool
        Whether requests may share a run.
    """

    def __init__(
        self, model: OnnxModel, settings: BatchSettings, metrics: ModelMetrics, *, together: bool
    ) -> None:
        self._model = model
        self._settings = settings
        self._metrics = metrics
        self._max_rows = settings.max_rows if together else 0
        self._changed = threading.Condition()
        self._waiting: dict[_Item, None] = {}  # in the order in which they came
        self._n_slots = 0
        self._closed = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(settings.n_threads)]
        for thread in self._threads:
            thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether all threads are there to work."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def n_waiting(self) -> int:
        """Rows that wait."""
        return self._n_slots

    def refuse_if_full(self) -> None:
        """Raise Refusal if the queue has no room, or nobody works on it."""
        if not self.is_alive:
            raise _died()
        if self._n_slots >= self._settings.queue_rows:
            n_waiting = self._n_slots
            raise Refusal(429, "queue_full", f"{n_waiting} rows wait for this model; try again later.")

    async def run(self, X: np.ndarray, names: Sequence[str]) -> Outputs:
        """Wait for a turn, and return the outputs of the rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            As of :meth:`OnnxModel.check_rows`.
        names : sequence of str
            The outputs to compute.

        Raises
        ------
        Refusal
            If the queue is full, the deadline passes, or the model fails on these rows.
        """
        if self._closed:  # by the time its body had come, another model had taken the place of this one
            return await asyncio.to_thread(self._model.run, X, names)
        self.refuse_if_full()
        loop = asyncio.get_running_loop()
        item = _Item(X, tuple(names), loop.create_future())
        with self._changed:
            self._waiting[item] = None
            self._n_slots += item.n_slots
            self._changed.notify()
        timer = loop.call_later(self._settings.deadline, self._expire, item)
        try:
            return await item.future
        finally:
            timer.cancel()
            self._remove(item)  # it is there still if the caller gave up

    def close(self) -> None:
        """Let the threads end when nothing waits any more. To be called where :meth:`run` is."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _expire(self, item: _Item) -> None:
        if self._remove(item) and not item.future.done():
            limit = f"{self._settings.deadline:g} s"
            item.future.set_exception(
                Refusal(504, "deadline", f"The request waited {limit} for its turn, the longest allowed.")
            )

    def _remove(self, item: _Item) -> bool:
        """Take an item out of the queue; tell whether it was there."""
        with self._changed:
            if item not in self._waiting:
                return False
            del self._waiting[item]
            self._n_slots -= item.n_slots
            return True

    # --- in the threads ---

    def _work(self) -> None:
        while batch := self._take():
            answers: list[Outputs | BaseException] = [_died() for _ in batch]
            try:
                answers = self._answer(batch)
            finally:  # also when this thread dies of it: nobody waits for ever
                batch[0].future.get_loop().call_soon_threadsafe(_deliver, batch, answers)

    def _take(self) -> list[_Item]:
        """Wait for items, and take those that go together; none if there will be no more."""
        with self._changed:
            while not self._is_due():
                if self._closed and not self._waiting:
                    return []
                self._changed.wait(self._patience())
            batch = self._first_ones()
            for item in batch:
                del self._waiting[item]
                self._n_slots -= item.n_slots
            return batch

    def _is_due(self) -> bool:
        if not self._waiting:
            return False
        return self._closed or self._n_slots >= self._max_rows or self._patience() == 0

    def _patience(self) -> float | None:
        """Return the seconds for which the first item still waits for company; None if there is none."""
        first = next(iter(self._waiting), None)
        if first is None:
            return None
        return max(0.0, first.arrived + self._settings.delay - time.perf_counter())

    def _first_ones(self) -> list[_Item]:
        """Return the first item, and those behind it that want the same outputs and fit in."""
        batch: list[_Item] = []
        n_rows = 0
        for item in self._waiting:
            if batch and (item.names != batch[0].names or n_rows + len(item.X) > self._max_rows):
                break
            batch.append(item)
            n_rows += len(item.X)
        return batch

    def _answer(self, batch: list[_Item]) -> list[Outputs | BaseException]:
        """Run a batch; if it fails, each item by itself, so that only the one to blame fails."""
        try:
            return [*self._run(batch)]
        except Exception as exc:
            if len(batch) == 1:
                return [exc]
            return [answer for item in batch for answer in self._answer([item])]

    def _run(self, batch: list[_Item]) -> list[Outputs]:
        start = time.perf_counter()
        X = batch[0].X if len(batch) == 1 else np.concatenate([item.X for item in batch])
        outputs = self._model.run(X, batch[0].names)
        waits = [start - item.arrived for item in batch]
        self._metrics.observe_run(len(X), time.perf_counter() - start, waits)
        if len(batch) == 1:
            return [outputs]
        ends = np.cumsum([len(item.X) for item in batch])
        return [
            {name: values[end - len(item.X) : end] for name, values in outputs.items()}
            for item, end in zip(batch, ends, strict=True)
        ]


def _died() -> Refusal:
    return Refusal(503, "dead", "A thread of this model has died; the service has to be restarted.")


def _deliver(batch: list[_Item], answers: list[Outputs | BaseException]) -> None:
    for item, answer in zip(batch, answers, strict=True):
        if item.future.done():  # its caller gave up
            continue
        if isinstance(answer, BaseException):
            item.future.set_exception(answer)
        else:
            item.future.set_result(answer)
