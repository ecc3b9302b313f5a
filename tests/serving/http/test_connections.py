"""Requests that are answered without ASGI: nothing that a client can see differs from those with it."""

import json
import re
import socket
import time
from unittest.mock import Mock

import numpy as np
import pytest

from tests.serving.live import MODEL, as_json, connect, put, raw_request, row, serving
from vaefeat.serving.http.connections import Connection
from vaefeat.serving.http.server import FINISH_SECONDS

pytestmark = pytest.mark.slow

PAUSE = 0.05  # seconds, after which the service has read what was sent
TOKEN = "Authorization: Bearer secret\r\n"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    put(folder)
    with serving(folder) as live:
        yield live


def answer(client, *pieces):
    """Send a request in pieces; return the whole response, without the time."""
    for piece in pieces:
        client.sendall(piece)
        if piece is not pieces[-1]:
            time.sleep(PAUSE)
    return receive(client)


def receive(client):
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(1)
        assert piece
        received += piece
    n_bytes = int(received.split(b"\r\ncontent-length: ")[1].split(b"\r\n")[0])
    while n_bytes:
        piece = client.recv(n_bytes)
        received += piece
        n_bytes -= len(piece)
    return re.sub(rb"\r\ndate: [^\r]+", b"", received, count=1)


def send_slowly(client, request, n_times):
    for _ in range(n_times):
        client.sendall(request)
        time.sleep(1e-4)  # so that requests are not sent together


def body_of(response):
    return response.partition(b"\r\n\r\n")[2]


def outputs(response):
    assert response.startswith(b"HTTP/1.1 200 OK\r\n"), response
    return {each["name"]: each["data"] for each in json.loads(body_of(response))["outputs"]}


def binary(X, **headers):
    input_ = {"name": "X", "shape": list(X.shape), "datatype": "FP32"}
    input_["parameters"] = {"binary_data_size": X.nbytes}
    header = json.dumps({"inputs": [input_], "parameters": {"binary_data_output": True}}).encode()
    length = f"Inference-Header-Content-Length: {len(header)}\r\n"
    return raw_request(header + X.tobytes(), headers=length)


@pytest.mark.parametrize("request_of", [binary, lambda X: raw_request(as_json(X))])
def test_a_response_is_the_same_in_one_piece_with_a_known_head_and_in_two_pieces(live, request_of):
    with connect(live) as client:
        for first in (0.5, 1.5, 1.5, 2.5):
            request = request_of(row(first))
            by_asgi = answer(client, request[:-3], request[-3:])
            responses = {answer(client, request) for _ in range(3)}
            assert responses == {by_asgi}
            assert MODEL.run(row(first))["Y"].tobytes() in by_asgi or outputs(by_asgi)


def test_a_known_head_is_that_of_its_own_connection(live):
    with connect(live) as one, connect(live) as other:
        for _ in range(3):
            assert outputs(answer(one, raw_request(as_json(row(1.5)))))
            assert answer(other, raw_request(as_json(row(1.5)), name="nothing")).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("extra", [b"\r\n", b"\r\n\r\n"])
def test_empty_lines_between_requests_are_part_of_none(live, extra):
    request = raw_request(as_json(row(1.5)))
    with connect(live) as client:
        expected = answer(client, request)
        for before, after in ((b"", extra), (extra, b""), (extra, extra), (b"", b"")):
            assert answer(client, before + request + after) == expected
        empty = raw_request(b"", headers="Inference-Header-Content-Length: 0\r\n")
        assert answer(client, empty) == answer(client, extra + empty) == answer(client, empty + extra)
        client.sendall(extra)
        client.settimeout(4 * PAUSE)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_a_head_that_the_body_repeats_is_not_known(live):
    """The end of a head is where the parser finds it."""
    request = raw_request(b"\r\n{}")
    with connect(live) as client:
        for _ in range(3):
            assert b'Expected \\"inputs\\"' in answer(client, request + b"\r\n")


def test_requests_at_once_are_answered_in_order(live):
    requests = [raw_request(as_json(row(first))) for first in (0.5, 1.5, 2.5)]
    with connect(live) as client:
        expected = [answer(client, request) for request in requests]
        client.sendall(b"".join(requests))
        assert [receive(client) for _ in requests] == expected
        client.sendall(requests[0] + requests[1][:-5])
        assert receive(client) == expected[0]
        assert answer(client, requests[1][-5:]) == expected[1]


def test_bad_requests_with_a_known_head_are_refused_and_each_is_counted_once(live):
    good, bad = as_json(row(1.5)), as_json(row(1.5)).replace(b"1.5", b"abc")
    before = live.metric("vaefeat_requests_total"), live.metric("vaefeat_errors_total")
    with connect(live) as client:
        expected = answer(client, raw_request(good))
        for _ in range(3):
            assert b"not JSON" in answer(client, raw_request(bad))
            assert answer(client, raw_request(good)) == expected
    assert live.metric("vaefeat_requests_total") == before[0] + 7
    assert live.metric("vaefeat_errors_total") == before[1] + 3


def test_the_connection_ends_if_the_client_wants_it(live):
    request = raw_request(as_json(row(1.5)), headers="Connection: close\r\n")
    for each in (request, request.replace(b"HTTP/1.1", b"HTTP/1.0")):
        with connect(live) as client:
            assert b"connection: close\r\n" in answer(client, each)
            assert client.recv(1) == b""


def test_a_client_that_asks_whether_to_go_on_is_told_so(live):
    body = as_json(row(1.5))
    head = raw_request(b"", length=len(body), headers="Expect: 100-continue\r\n")
    with connect(live) as client:
        client.sendall(head)
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert outputs(answer(client, body))


def test_a_token_and_a_host_belong_to_the_head(folder, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret")
    body = as_json(row(1.5))
    with serving(folder, "--token-file", str(token)) as live, connect(live) as client:
        for _ in range(3):
            assert outputs(answer(client, raw_request(body, headers=TOKEN)))
        request = raw_request(body, headers=TOKEN)
        assert answer(client, raw_request(body)).startswith(b"HTTP/1.1 401")
        assert answer(client, request.replace(b"secret", b"secreT")).startswith(b"HTTP/1.1 401")
        assert answer(client, request.replace(b": localhost", b": elsewhere")).startswith(b"HTTP/1.1 421")
        assert outputs(answer(client, request))


def test_a_draining_service_closes_connections_whose_heads_it_knows(folder):
    request = raw_request(as_json(row(1.5)))
    with serving(folder, "--drain", "5") as live, connect(live) as client:
        assert outputs(answer(client, request))
        live.terminate()
        live.wait_until(lambda: live.status("/v2/health/ready") == 503)
        response = answer(client, request)
        assert outputs(response)
        assert b"connection: close\r\n" in response
        assert client.recv(1) == b""


@pytest.mark.parametrize("has_arrived", [False, True])
def test_the_end_of_the_service_waits_for_a_request_that_is_on_its_way(has_arrived):
    connection = Connection.__new__(Connection)
    connection.cycle, connection.loop, connection.transport = None, Mock(), Mock()
    connection.shutdown()
    connection.transport.close.assert_not_called()
    if has_arrived:
        connection.cycle = Mock(response_complete=False, keep_alive=True)
    (seconds, end), _ = connection.loop.call_later.call_args
    end()
    assert 0 < seconds < FINISH_SECONDS
    assert connection.transport.close.called == (not has_arrived)
    assert not has_arrived or connection.cycle.keep_alive is False


def test_a_client_that_reads_nothing_takes_no_memory(live):
    request = raw_request(as_json(np.zeros((32, 4), np.float32)))
    before = live.memory_mb()
    with connect(live) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        client.settimeout(2)
        with pytest.raises((ConnectionError, TimeoutError)):
            send_slowly(client, request, 100_000)
        assert live.memory_mb() < before + 20
    with connect(live) as client:
        assert outputs(answer(client, request))
