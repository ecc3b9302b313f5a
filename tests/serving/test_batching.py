import asyncio
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.onnx_models import linear_model
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.sandbox import is_batch_invariant
from vaefeat.serving import batching as module
from vaefeat.serving.batching import SLOW_RUNS, Batcher, BatchSettings, is_small
from vaefeat.serving.errors import DeadlineExceededError, ModelDeadError, OverloadedError
from vaefeat.serving.metrics import Metrics

POISON, DEATH = 666.0, 999.0


class FakeModel:
    """Doubles rows, keeps the sizes of its runs, waits until it may, fails on poison, dies of death."""

    n_features = 2
    output_names = ("Y", "Z")

    def __init__(self):
        self.runs = []
        self.may_run = threading.Event()
        self.may_run.set()

    def run(self, X, names):
        assert self.may_run.wait(5)
        self.runs.append((len(X), tuple(names)))
        if (X == POISON).any():
            raise RuntimeError("poison")
        if (X == DEATH).any():
            raise SystemExit
        return dict.fromkeys(names, 2 * X)


def rows(value, n_rows=1):
    return np.full((n_rows, 2), value, np.float32)


@pytest.fixture
def model():
    return FakeModel()


@contextmanager
def batching(model, *, together=True, small=False, **settings):
    batcher = Batcher(model, BatchSettings(**settings), Metrics().of("name"), together=together, small=small)
    try:
        yield batcher
    finally:
        model.may_run.set()
        batcher.close()


async def occupied(batcher, model):
    """Let a first request take the thread and wait there; return its task."""
    model.may_run.clear()
    first = asyncio.create_task(batcher.run(rows(0), ["Y"]))
    while True:
        await asyncio.sleep(0.001)
        if not batcher.n_waiting:
            return first


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 10))


async def run_behind(batcher, model, requests, names=("Y",)):
    """Run requests that come while the thread is busy; return what each gives, or raises."""
    first = await occupied(batcher, model)
    tasks = [asyncio.create_task(batcher.run(X, names)) for X in requests]
    await asyncio.sleep(0.02)
    model.may_run.set()
    await first
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_a_request_gets_its_outputs(model):
    with batching(model) as batcher:
        assert_array_equal(run(batcher.run(rows(3), ["Y"]))["Y"], rows(6))


def test_waiting_requests_run_together_and_get_their_own_outputs(model):
    requests = [rows(1), rows(2, 3), rows(3, 0), rows(4, 2)]
    with batching(model) as batcher:
        answers = run(run_behind(batcher, model, requests))
    assert model.runs == [(1, ("Y",)), (6, ("Y",))]
    for X, answer in zip(requests, answers, strict=True):
        assert_array_equal(answer["Y"], 2 * X)


def test_batches_stay_within_the_limit_unless_one_request_exceeds_it(model):
    requests = [rows(1, 3), rows(2, 2), rows(3, 9), rows(4, 4), rows(5, 1)]
    with batching(model, max_rows=5) as batcher:
        run(run_behind(batcher, model, requests))
    assert [n_rows for n_rows, _ in model.runs] == [1, 5, 9, 5]


def test_a_model_that_is_not_batch_invariant_runs_requests_one_by_one(model):
    with batching(model, together=False) as batcher:
        run(run_behind(batcher, model, [rows(1), rows(2, 2)]))
    assert [n_rows for n_rows, _ in model.runs] == [1, 1, 2]


def test_only_requests_for_the_same_outputs_are_run_together(model):
    async def main():
        first = await occupied(batcher, model)
        asked = [["Y"], ["Y"], ["Z", "Y"], ["Y"]]
        tasks = [asyncio.create_task(batcher.run(rows(1), names)) for names in asked]
        await asyncio.sleep(0.02)
        model.may_run.set()
        await first
        return [list(await task) for task in tasks]

    with batching(model) as batcher:
        assert run(main()) == [["Y"], ["Y"], ["Z", "Y"], ["Y"]]
    assert [n_rows for n_rows, _ in model.runs] == [1, 2, 1, 1]


def test_a_failing_request_does_not_affect_others(model):
    requests = [rows(1), rows(POISON), rows(2, 2), rows(POISON, 3), rows(3)]
    with batching(model) as batcher:
        answers = run(run_behind(batcher, model, requests))
        assert batcher.is_alive
    assert [isinstance(answer, RuntimeError) for answer in answers] == [False, True, False, True, False]
    for k in (0, 2, 4):
        assert_array_equal(answers[k]["Y"], 2 * requests[k])


def test_a_cancelled_request_does_not_affect_others(model):
    async def main():
        first = await occupied(batcher, model)
        tasks = [asyncio.create_task(batcher.run(rows(k), ["Y"])) for k in range(20)]
        await asyncio.sleep(0.02)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.sleep(0)
        assert batcher.n_waiting == 10
        model.may_run.set()
        await first
        return await asyncio.gather(*tasks, return_exceptions=True)

    with batching(model) as batcher:
        answers = run(main())
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
    for k in range(1, 20, 2):
        assert_array_equal(answers[k]["Y"], rows(2 * k))
    assert [n_rows for n_rows, _ in model.runs] == [1, 10]


def test_a_request_cancelled_during_its_run_does_not_affect_others(model):
    async def main():
        first = await occupied(batcher, model)
        first.cancel()
        await asyncio.sleep(0)
        second = asyncio.create_task(batcher.run(rows(2), ["Y"]))
        model.may_run.set()
        return await second

    with batching(model) as batcher:
        assert_array_equal(run(main())["Y"], rows(4))


def test_the_queue_is_limited_by_rows_and_counts_empty_requests(model):
    async def main():
        first = await occupied(batcher, model)
        tasks = [asyncio.create_task(batcher.run(X, ["Y"])) for X in (rows(1, 6), rows(1, 0), rows(1, 100))]
        await asyncio.sleep(0.02)
        assert batcher.n_waiting == 107
        with pytest.raises(OverloadedError, match="107 rows wait"):
            await batcher.run(rows(1), ["Y"])
        model.may_run.set()
        await asyncio.gather(first, *tasks)
        assert batcher.n_waiting == 0
        await batcher.run(rows(1), ["Y"])

    with batching(model, queue_rows=8) as batcher:
        run(main())


def test_a_request_past_its_deadline_is_refused_and_not_run(model):
    async def main():
        first = await occupied(batcher, model)
        with pytest.raises(DeadlineExceededError, match=r"waited 0\.05 s"):
            await batcher.run(rows(1), ["Y"])
        assert batcher.n_waiting == 0
        model.may_run.set()
        await first  # what runs is not interrupted

    with batching(model, deadline=0.05) as batcher:
        run(main())
    assert len(model.runs) == 1


@pytest.mark.parametrize(("delay", "expected"), [(0.0, [1, 1]), (0.2, [2])])
def test_a_request_waits_for_others_if_there_is_a_delay(model, delay, expected):
    async def main():
        first = asyncio.create_task(batcher.run(rows(1), ["Y"]))
        await asyncio.sleep(0.05)
        await batcher.run(rows(2), ["Y"])
        await first

    with batching(model, delay=delay) as batcher:
        run(main())
    assert [n_rows for n_rows, _ in model.runs] == expected


def test_a_full_batch_does_not_wait(model):
    async def main():
        await asyncio.gather(*(batcher.run(rows(k), ["Y"]) for k in range(4)))

    with batching(model, delay=5.0, max_rows=4) as batcher:
        start = time.perf_counter()
        run(main())
    assert time.perf_counter() - start < 2


def test_two_threads_run_two_batches_in_parallel(model):
    barrier = threading.Barrier(2, timeout=5)
    model.run = lambda X, names: barrier.wait() * 0 + 1 and {"Y": X}

    async def main():
        await asyncio.gather(*(batcher.run(rows(k), ["Y"]) for k in range(2)))

    with batching(model, n_threads=2, together=False) as batcher:
        run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_fails_its_requests_and_later_ones_at_once(model):
    with batching(model) as batcher:
        answers = run(run_behind(batcher, model, [rows(DEATH), rows(1)]))
        assert [type(answer) for answer in answers] == [ModelDeadError, ModelDeadError]
        for thread in batcher._threads:
            thread.join(5)
        assert not batcher.is_alive
        with pytest.raises(ModelDeadError, match="has died"):
            run(batcher.run(rows(1), ["Y"]))


def test_a_closed_batcher_finishes_waiting_requests(model):
    async def main():
        first = await occupied(batcher, model)
        tasks = [asyncio.create_task(batcher.run(rows(k), ["Y"])) for k in range(40)]
        await asyncio.sleep(0.02)
        batcher.close()
        model.may_run.set()
        await asyncio.gather(first, *tasks)

    with batching(model) as batcher:
        run(main())
        for thread in batcher._threads:
            thread.join(5)
            assert not thread.is_alive()


def test_a_closed_batcher_still_answers_late_requests(model):
    with batching(model) as batcher:
        batcher.close()
        for thread in batcher._threads:
            thread.join(5)
        assert_array_equal(run(batcher.run(rows(3), ["Y"]))["Y"], rows(6))


def test_many_cancelled_requests_leave_nothing_behind(model):
    async def main():
        for _ in range(50):
            tasks = [asyncio.create_task(batcher.run(rows(k), ["Y"])) for k in range(20)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert batcher.n_waiting == 0
        assert_array_equal((await batcher.run(rows(1), ["Y"]))["Y"], rows(2))

    with batching(model) as batcher:
        run(main())


def test_batched_outputs_of_a_real_model_equal_those_of_single_rows():
    rng = np.random.default_rng(0)
    model = OnnxModel(linear_model(rng.normal(size=(64, 10)), rng.normal(size=10)), n_threads=1)
    X = rng.random((60, 64), np.float32)
    together = is_batch_invariant(model, 32)

    async def main():
        return await asyncio.gather(*(batcher.run(X[k : k + 1], ["Y"]) for k in range(60)))

    with batching(FakeModel(), together=together) as batcher:
        batcher._model = model
        answers = run(main())
    for k, answer in enumerate(answers):
        assert_array_equal(answer["Y"], model.run(X[k : k + 1])["Y"])


# --- small models, in the event loop ---


async def ask(batcher, requests):
    return await asyncio.gather(*(batcher.run(X, ["Y"]) for X in requests), return_exceptions=True)


@pytest.mark.parametrize(("together", "sizes"), [(True, [3]), (False, [1, 0, 2])])
def test_requests_of_one_round_are_run_together_if_they_may(model, together, sizes):
    requests = [rows(1), rows(2, 0), rows(3, 2)]
    with batching(model, small=True, together=together, max_rows=8) as batcher:
        answers = run(ask(batcher, requests))
    for X, answer in zip(requests, answers, strict=True):
        assert_array_equal(answer["Y"], 2 * X)
    assert [n_rows for n_rows, _ in model.runs] == sizes


def test_a_small_model_runs_in_the_event_loop_and_large_requests_in_the_thread(model, monkeypatch):
    threads = []
    original = model.run
    monkeypatch.setattr(
        model, "run", lambda *args: threads.append(threading.current_thread()) or original(*args)
    )
    with batching(model, small=True, max_rows=4) as batcher:
        assert batcher.is_quick(4)
        assert not batcher.is_quick(5)
        run(ask(batcher, [rows(1, 4)]))
        run(ask(batcher, [rows(1, 5)]))
    assert threads[0] is threading.main_thread()
    assert threads[1] is not threading.main_thread()


def test_one_bad_request_of_a_round_fails_alone(model):
    with batching(model, small=True) as batcher:
        first, bad, last = run(ask(batcher, [rows(1), rows(POISON), rows(3)]))
    assert_array_equal(first["Y"], rows(2))
    assert_array_equal(last["Y"], rows(6))
    assert str(bad) == "poison"


def test_what_takes_too_long_is_left_to_the_next_round(model, monkeypatch):
    monkeypatch.setattr(module, "ROUND_SECONDS", 0.0)
    with batching(model, small=True, together=False) as batcher:
        answers = run(ask(batcher, [rows(k) for k in range(5)]))
    assert [answer["Y"][0, 0] for answer in answers] == [0, 2, 4, 6, 8]


def test_a_model_that_proves_slow_goes_to_the_thread(model, monkeypatch):
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.0)
    with batching(model, small=True) as batcher:
        for _ in range(SLOW_RUNS):
            assert batcher.is_quick(1)
            run(ask(batcher, [rows(1)]))
        assert not batcher.is_quick(1)
        assert_array_equal(run(ask(batcher, [rows(1)]))[0]["Y"], rows(2))


def test_a_model_is_small_if_its_largest_batch_takes_little_time(monkeypatch):
    onnx = OnnxModel(linear_model(np.ones((4, 3)), np.zeros(3)))
    assert is_small(onnx, BatchSettings())
    assert not is_small(onnx, BatchSettings(delay=0.1))
    assert not is_small(onnx, BatchSettings(n_threads=2))
    monkeypatch.setattr(module, "SMALL_SECONDS", 0.0)
    assert not is_small(onnx, BatchSettings())
