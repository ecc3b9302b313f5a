"""Run waiting rows together, where that does not change the results.

A batch is what is already waiting when a thread becomes free; by default no request waits for others.
Rows run together may differ in their last bits from the same rows run alone, because ONNX Runtime chooses
its kernels by the number of rows. So before a model is loaded, every batch size is tried
(:func:`vaefeat.runtime.sandbox.is_batch_invariant`). Requests to a model that fails this test are run one by
one: no result depends on other requests.

Handing rows to a thread and waiting for it costs more than running a small model. Requests to such a model
are run in the event loop, all that arrived in one of its rounds together; large requests go to the thread.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from vaefeat.runtime import OnnxModel
from vaefeat.serving.errors import DeadlineExceededError, ModelDeadError, OverloadedError
from vaefeat.serving.metrics import ModelMetrics

Outputs = dict[str, np.ndarray]
Outcome = Outputs | BaseException

SMALL_SECONDS = 2e-3  # the most that a batch of a small model takes
ROUND_SECONDS = 1e-3  # of the processor, after which the event loop has other things to do
SLOW_SECONDS = 20e-3  # of the processor; several longer runs in a row show that the model is not small
SLOW_RUNS = 3


@dataclass(frozen=True)
class BatchSettings:
    """Limits of requests to a model, and of the batches they are run in.

    Attributes
    ----------
    max_rows : int
        Of a batch, in rows. A larger request is run by itself.
    delay : float
        Seconds that a request waits for others to share its run.
    queue_rows : int
        Rows that may wait; further requests are refused.
    deadline : float
        Seconds that a request may wait.
    n_threads : int
        Batches that are run at the same time.
    max_request_rows : int
        Of a request.
    """

    max_rows: int = 32
    delay: float = 0.0
    queue_rows: int = 1024
    deadline: float = 1.0
    n_threads: int = 1
    max_request_rows: int = 4096


@dataclass(eq=False, slots=True)
class _Item:
    """A waiting request."""

    X: np.ndarray
    names: tuple[str, ...]
    done: Callable[[Outcome], None]  # called in the event loop
    arrived: float = field(default_factory=time.perf_counter)

    @property
    def n_slots(self) -> int:
        return max(1, len(self.X))  # a request without rows occupies a slot too


class Batcher:
    """Runs a model on the requests that wait for it, in its own threads.

    Parameters
    ----------
    model : OnnxModel
    settings : BatchSettings
    metrics : ModelMetrics
    together : bool
        Whether requests may share a run.
    small : bool
        Whether the event loop may wait for a batch, see :func:`is_small`.
    """

    def __init__(
        self,
        model: OnnxModel,
        settings: BatchSettings,
        metrics: ModelMetrics,
        *,
        together: bool,
        small: bool = False,
    ) -> None:
        self._model = model
        self._settings = settings
        self._metrics = metrics
        self._max_rows = settings.max_rows if together else 0
        self._round: dict[_Item, None] = {}  # what waits for the next round of the event loop
        self._n_slow = 0
        self._small_rows = settings.max_rows if small else -1
        self._changed = threading.Condition()
        self._waiting: dict[_Item, None] = {}  # in the order in which they came
        self._n_slots = 0
        self._closed = False
        self._has_died = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(settings.n_threads)]
        for thread in self._threads:
            thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether all threads are alive."""
        return not self._has_died

    @property
    def n_waiting(self) -> int:
        """The number of waiting rows."""
        return self._n_slots

    def check_capacity(self) -> None:
        """Raise OverloadedError if the queue is full, and ModelDeadError if a thread has died."""
        if not self.is_alive:
            raise _dead()
        if self._n_slots >= self._settings.queue_rows:
            raise OverloadedError(f"{self._n_slots} rows wait for this model; try again later.")

    def is_quick(self, n_rows: int) -> bool:
        """Return whether a request of this size is run in the next round of the event loop."""
        return n_rows <= self._small_rows and not self._closed

    async def run(self, X: np.ndarray, names: Sequence[str]) -> Outputs:
        """Wait for a turn, and return the outputs of the rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            As :meth:`OnnxModel.check_rows` returns them.
        names : sequence of str
            The outputs to compute.

        Raises
        ------
        OverloadedError
            If the queue is full.
        DeadlineExceededError
            If the deadline passes.
        ModelDeadError
            If a thread has died.
        Exception
            Whatever the model raises on these rows.
        """
        if self._closed:  # this model was replaced while the rows were arriving
            return await asyncio.to_thread(self._model.run, X, names)
        self.check_capacity()
        self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Outputs] = self._loop.create_future()
        done = partial(_settle, future)
        if self.is_quick(len(X)):
            self.start(X, tuple(names), done)
            return await future
        item = _Item(X, tuple(names), done)
        with self._changed:
            self._waiting[item] = None
            self._n_slots += item.n_slots
            self._changed.notify()
        timer = self._loop.call_later(self._settings.deadline, self._expire, item)
        try:
            return await future
        finally:
            timer.cancel()
            self._remove(item)  # it is still there if the caller gave up

    def start(self, X: np.ndarray, names: tuple[str, ...], done: Callable[[Outcome], None]) -> None:
        """Run a request for which :meth:`is_quick` is true in the next round of the event loop.

        Parameters
        ----------
        X, names
            As for :meth:`run`.
        done : callable
            Called with the outputs, or with the exception that the model raised.
        """
        if not self._round:
            self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self._run_round)
        self._round[_Item(X, names, done)] = None

    def close(self) -> None:
        """Let the threads end when nothing waits anymore; call it from the event loop of :meth:`run`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _expire(self, item: _Item) -> None:
        if self._remove(item):
            message = f"The request waited {self._settings.deadline:g} s for its turn, the longest allowed."
            item.done(DeadlineExceededError(message))

    def _remove(self, item: _Item) -> bool:
        """Take an item out of the queue; return whether it was there."""
        with self._changed:
            if item not in self._waiting:
                return False
            del self._waiting[item]
            self._n_slots -= item.n_slots
            return True

    def _run_round(self) -> None:
        """Run what has arrived, and leave to the next round what takes too long."""
        start = now = time.thread_time()  # without the time in which other processes ran
        while self._round:
            batch = self._next_batch(self._round)
            for item in batch:
                del self._round[item]
            _deliver(batch, self._answer(batch))
            before, now = now, time.thread_time()
            self._n_slow = self._n_slow + 1 if now - before > SLOW_SECONDS else 0
            if self._n_slow == SLOW_RUNS:
                self._small_rows = -1
            if self._round and now > start + ROUND_SECONDS:
                self._loop.call_soon(self._run_round)
                return

    # --- in the threads ---

    def _work(self) -> None:
        try:
            self._work_until_closed()
        finally:
            self._has_died = not self._closed

    def _work_until_closed(self) -> None:
        while batch := self._take():
            answers: list[Outcome] = [_dead() for _ in batch]
            try:
                answers = self._answer(batch)
            finally:  # even when this thread dies of it: no caller waits forever
                self._loop.call_soon_threadsafe(_deliver, batch, answers)

    def _take(self) -> list[_Item]:
        """Wait for items, and take those of the next batch; none if there will be no more."""
        with self._changed:
            while not self._is_due():
                if self._closed and not self._waiting:
                    return []
                self._changed.wait(self._seconds_to_wait())
            batch = self._next_batch(self._waiting)
            for item in batch:
                del self._waiting[item]
                self._n_slots -= item.n_slots
            return batch

    def _is_due(self) -> bool:
        if not self._waiting:
            return False
        return self._closed or self._n_slots >= self._max_rows or self._seconds_to_wait() == 0

    def _seconds_to_wait(self) -> float | None:
        """Return the seconds that the first item still waits for others; None if nothing waits."""
        first = next(iter(self._waiting), None)
        if first is None:
            return None
        return max(0.0, first.arrived + self._settings.delay - time.perf_counter())

    def _next_batch(self, waiting: dict[_Item, None]) -> list[_Item]:
        """Return the first item, and those right after it that ask for the same outputs and fit in."""
        batch: list[_Item] = []
        n_rows = 0
        for item in waiting:
            if batch and (item.names != batch[0].names or n_rows + len(item.X) > self._max_rows):
                break
            batch.append(item)
            n_rows += len(item.X)
        return batch

    def _answer(self, batch: list[_Item]) -> list[Outcome]:
        """Run a batch; if it fails, run each item by itself, so that only the faulty one fails."""
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


def is_small(model: OnnxModel, settings: BatchSettings) -> bool:
    """Return whether the largest batch takes so little time that the event loop may wait for it."""
    if settings.delay > 0 or settings.n_threads > 1:  # the user wants threads
        return False
    X = np.zeros((settings.max_rows, model.n_features), np.float32)
    seconds = []
    for _ in range(3):
        start = time.thread_time()  # without the time in which other processes ran
        model.run(X)
        seconds.append(time.thread_time() - start)
    return min(seconds) <= SMALL_SECONDS


def _dead() -> ModelDeadError:
    return ModelDeadError("A thread of this model has died; the service must be restarted.")


def _deliver(batch: list[_Item], answers: list[Outcome]) -> None:
    for item, answer in zip(batch, answers, strict=True):
        item.done(answer)


def _settle(future: asyncio.Future[Outputs], outcome: Outcome) -> None:
    if future.done():  # the caller gave up
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
