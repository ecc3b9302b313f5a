"""What the service does when clients or threads misbehave, or ask for too much."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.serving.faulty import DEATH, POISON, SECONDS, SLOW
from tests.serving.live import (
    EXPORTED,
    MODEL,
    as_json,
    connect,
    is_well,
    raw_request,
    row,
    serving,
)
from vaefeat import OnnxModel

pytestmark = pytest.mark.slow

# --- clients that misbehave ---


def test_a_client_killed_during_its_request_does_not_affect_others(faulty):
    body = as_json(row())
    for cut in (10, 60, len(raw_request(body)) - 5):
        with connect(faulty) as client:
            client.sendall(raw_request(body)[:cut])
    with connect(faulty) as client:  # and one that does not wait for its answer
        client.sendall(raw_request(as_json(row(SLOW))))
    faulty.wait_until(lambda: faulty.metric("vaefeat_errors_total") >= 2)
    assert is_well(faulty)
    faulty.wait_until(lambda: faulty.metric("vaefeat_queue_rows") == 0)
    assert not faulty.said("Traceback")


def test_slow_bodies_do_not_delay_others(faulty):
    clients = [connect(faulty) for _ in range(20)]
    for client in clients:
        client.sendall(raw_request(as_json(row()), length=1000))
    start = time.perf_counter()
    assert all(is_well(faulty) for _ in range(10))
    assert time.perf_counter() - start < 5
    for client in clients:
        client.close()


def test_many_clients_that_give_up_leave_nothing_behind(folder):
    async def storm(live):
        async with httpx.AsyncClient(base_url=live.url, timeout=30) as client:
            body = as_json(row(SLOW))
            tasks = [
                asyncio.create_task(client.post("/v2/models/linear/infer", content=body)) for _ in range(50)
            ]
            while live.metric("vaefeat_queue_rows") < 10:
                await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    options = "--batch-rows", "1", "--deadline", "30"
    with serving(folder, *options, module="tests.serving.faulty") as live:
        asyncio.run(storm(live))
        live.wait_until(lambda: live.metric("vaefeat_queue_rows") == 0)
        assert live.metric("vaefeat_batch_rows_sum") < 10  # of those that waited hardly any was run
        assert 'reason="client_gone"' in live.client.get("/metrics").text
        assert live.status("/v2/health/live") == 200
        assert is_well(live)


def test_a_failing_request_fails_alone(faulty):
    firsts = [SLOW, 1, POISON, 2, 3, POISON, 4]
    with ThreadPoolExecutor(len(firsts)) as pool:
        answers = list(pool.map(lambda first: (time.sleep(0.02), faulty.infer(row(first)))[1], firsts))
    for first, answer in zip(firsts, answers, strict=True):
        assert answer.status_code == (500 if first == POISON else 200)
        if first != POISON:
            found = np.array(answer.json()["outputs"][0]["data"], np.float32)
            assert_array_equal(found, MODEL.run(row(first))["Y"].ravel())
    assert answers[2].json() == {"error": "The model fails on this request."}


@pytest.mark.parametrize(
    ("X", "status"),
    [
        (np.zeros((0, 4)), 200),
        (np.zeros((4096, 4)), 200),
        (np.zeros((4097, 4)), 413),
        (np.zeros((2, 3)), 400),
        (np.full((1, 4), 1e30), 200),
    ],
)
def test_requests_with_no_rows_or_too_many_are_answered(exported, folder, X, status):
    with serving(folder) as live:
        answer = live.infer(X)
        assert answer.status_code == status
        if status == 200:
            assert answer.json()["outputs"][0]["shape"] == [len(X), 3]
        assert is_well(live)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (raw_request(b"", length=10**12), b"413"),
        (raw_request(b"", length=9 * 2**20), b"413"),
        (raw_request(b"", headers="Inference-Header-Content-Length: -1\r\n"), b"400"),
        (raw_request(b"", headers="Content-Encoding: br\r\n"), b"415"),
        (raw_request(b"", name="..%2f..%2fetc"), b"404"),
        (raw_request(b"", name="%00"), b"404"),
        (b"NONSENSE\r\n\r\n", b"400"),
    ],
)
def test_bad_heads_are_refused_before_the_body_is_read(exported, request_, status):
    request_ = request_.replace(b"/linear/", b"/digits-vae/")
    with connect(exported) as client:
        client.sendall(request_)
        assert client.recv(1000).split(b" ")[1] == status


def test_a_chunked_body_is_counted_as_it_arrives(exported):
    head = (
        b"POST /v2/models/digits-vae/infer HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"%x\r\n" % 2**20 + bytes(2**20) + b"\r\n"
    with connect(exported) as client:
        client.sendall(head)
        for _ in range(9):
            client.sendall(chunk)
        assert client.recv(1000).split(b" ")[1] == b"413"


@pytest.mark.parametrize("piece", [b"X-Name: " + b"a" * 1000 + b"\r\n", b"a" * 1000], ids=["many", "long"])
def test_an_endless_head_is_cut_off(exported, piece):
    def send_on():
        for _ in range(20_000):
            client.sendall(piece)

    with connect(exported) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-First: ")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            send_on()


def test_a_head_that_is_too_large_gets_431(exported):
    with connect(exported) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX-Name: " + b"a" * 2**17)
        assert client.recv(100).startswith(b"HTTP/1.1 431 ")


def test_a_head_after_a_large_body_is_counted_separately(exported):
    body = as_json(np.zeros((1000, 64)))
    request_ = raw_request(body, name="digits-vae")
    with connect(exported) as client, client.makefile("rb") as answers:
        for _ in range(3):
            client.sendall(request_ + request_[:50])  # and the beginning of the next one
            assert answer_of(answers).startswith(b"HTTP/1.1 200")
            client.sendall(request_[50:])
            assert answer_of(answers).startswith(b"HTTP/1.1 200")


def answer_of(answers):
    """Read one answer from a connection; return its first line."""
    first = answers.readline()
    length = 0
    while line := answers.readline().strip():
        name, _, value = line.lower().partition(b": ")
        length = int(value) if name == b"content-length" else length
    answers.read(length)
    return first


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost:"])
def test_an_unfinished_head_times_out(faulty, start):
    with connect(faulty) as client:
        client.sendall(start)
        begin = time.perf_counter()
        assert client.recv(100) == b""
        assert time.perf_counter() - begin < 5
    assert is_well(faulty)


def test_a_connection_may_be_idle_between_requests(faulty):
    assert is_well(faulty)
    time.sleep(2 * SECONDS)
    assert is_well(faulty)


# --- load ---


def keep_busy(live, pool, n_rows=5):
    """Let the only thread be busy for a while; return the request that does it."""
    slow = pool.submit(live.infer, np.repeat(row(SLOW), n_rows, axis=0))
    time.sleep(SECONDS)
    return slow


def test_a_full_queue_refuses_requests_and_late_ones_time_out(folder):
    options = "--queue-rows", "4", "--deadline", "0.2"
    with serving(folder, *options, module="tests.serving.faulty") as live, ThreadPoolExecutor(20) as pool:
        slow = keep_busy(live, pool)
        codes = [answer.status_code for answer in pool.map(lambda _: live.infer(row()), range(19))]
        assert slow.result().status_code == 200
        assert set(codes) == {429, 504}
        assert live.metric("vaefeat_queue_rows") == 0
        assert is_well(live)


def test_an_overloaded_service_refuses_before_the_body_and_says_when_to_retry(folder):
    options = "--queue-rows", "1", "--deadline", "10"
    with serving(folder, *options, module="tests.serving.faulty") as live, ThreadPoolExecutor(2) as pool:
        slow = keep_busy(live, pool)
        waiting = pool.submit(live.infer, row())
        live.wait_until(lambda: live.metric("vaefeat_queue_rows") == 1)
        with connect(live) as client:
            client.sendall(raw_request(b"", length=1000))  # the body never comes
            answer = client.recv(1000).decode().lower()
        assert answer.split()[1] == "429"
        assert "retry-after: 1\r\n" in answer
        assert (slow.result().status_code, waiting.result().status_code) == (200, 200)


@pytest.mark.parametrize("name", ["mnist-vae-50", "mnist-100-labels-raw"])
def test_responses_do_not_depend_on_concurrent_requests(exported, name):
    model = OnnxModel.load(EXPORTED / name / "model.onnx")
    rng = np.random.default_rng(0)
    requests = [rng.random((rng.integers(1, 6), 784), np.float32) for _ in range(120)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda X: exported.infer(X, name), requests))
    for X, answer in zip(requests, answers, strict=True):
        for output in answer.json()["outputs"]:
            values = model.run(X)[output["name"]]
            found = np.array(output["data"], values.dtype).reshape(output["shape"])
            assert_array_equal(found, values)


# --- threads that die ---


def test_a_dead_thread_makes_the_service_not_live(faulty):
    assert faulty.status("/v2/health/live") == 200
    answer = faulty.infer(row(DEATH))
    assert answer.status_code == 503
    faulty.wait_until(lambda: faulty.status("/v2/health/live") == 503)
    assert faulty.status("/v2/health/ready") == 503
    assert faulty.status("/v2/models/linear/ready") == 503
    assert faulty.infer(row()).json()["error"].startswith("A thread of this model has died")
    faulty.terminate()
    assert faulty.ends() == 0
