"""Attacks on connections: each is cut off in time, takes little memory, and leaves the service well."""

import re
import socket
import time

import numpy as np
import pytest

from tests.serving.faulty import SECONDS, SLOW
from tests.serving.live import as_json, connect, is_well, raw_request, row, serving

pytestmark = pytest.mark.slow

INFER = b"POST /v2/models/linear/infer HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = INFER + b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADE = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
)
BODY = as_json(row())


def ends(client, seconds=5):
    """Read until the service closes the connection; return what it sent."""
    received = b""
    client.settimeout(seconds)
    try:
        while piece := client.recv(2**16):
            received += piece
    except ConnectionError:
        pass
    return received


def send_until_cut(client, piece, n_bytes):
    """Send a piece again and again; return whether the service cut the connection."""
    try:
        for _ in range(n_bytes // len(piece)):
            client.sendall(piece)
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (CHUNKED + b"1\r\na\r\n0\r\n", b"X-Trailer: " + b"a" * 1000 + b"\r\n"),
        (CHUNKED + b"1\r\na\r\n0\r\nX-Trailer: ", b"a" * 1000),
        (CHUNKED + b"1;name=", b"a" * 1000),
        (INFER, b"a: b\r\n" * 100),
        (b"", b"\r\n" * 500),
    ],
    ids=["trailers", "a trailer", "a chunk extension", "headers", "empty lines"],
)
def test_what_surrounds_a_body_is_limited(faulty, start, piece):
    assert is_well(faulty)
    before = faulty.memory_mb()
    with connect(faulty) as client:
        client.sendall(start)
        assert send_until_cut(client, piece, 20 * 2**20)
    assert faulty.memory_mb() < before + 20
    assert is_well(faulty)


@pytest.mark.parametrize("n_headers", [101, 1000])
def test_a_head_of_many_headers_gets_431(faulty, n_headers):
    with connect(faulty) as client:
        client.sendall(INFER + b"a: b\r\n" * n_headers + b"\r\n")
        assert ends(client).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("start", "trickle"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a"),
        (raw_request(b"", length=1000), b""),
        (raw_request(b"", length=1000), b"a"),
        (CHUNKED + b"5", b""),
        (CHUNKED + b"1;", b"a"),
        (CHUNKED + b"1\r\na\r\n0\r\nX: ", b"a"),
        (raw_request(b"", length=9 * 2**20), b"a"),  # answered with 413 at once
        (b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\r\n"),
    ],
    ids=[
        *[
            "nothing",
            "empty lines",
            "a head",
            "no body",
            "a body",
            "half a size",
            "an extension",
            "a trailer",
        ],
        *["a body after its answer", "empty lines after an answer"],
    ],
)
def test_a_client_that_sends_a_little_now_and_then_is_cut_off(faulty, start, trickle):
    with connect(faulty) as client:
        client.sendall(start)
        begin = time.monotonic()
        client.settimeout(SECONDS / 5)
        while True:
            assert time.monotonic() < begin + 20 * SECONDS, "it is still connected"
            try:
                client.sendall(trickle)
                if client.recv(2**16) == b"":
                    break
            except TimeoutError:
                pass
            except ConnectionError:
                break
    assert is_well(faulty)


def test_answers_that_are_not_read_are_dropped(faulty):
    X = np.zeros((4096, 4), np.float32)
    request = raw_request(as_json(X), headers="Accept-Encoding: identity\r\n")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", faulty.port))
        client.settimeout(10)
        try:
            for _ in range(12):
                client.sendall(request)
        except (ConnectionError, TimeoutError):
            pass
        time.sleep(6 * SECONDS)
        assert send_until_cut(client, b"GET / HTTP/1.1\r\n", 2**20)
    assert is_well(faulty)
    faulty.wait_until(lambda: faulty.metric("vaefeat_queue_rows") == 0)


def test_too_many_requests_at_once_are_cut_off(faulty):
    before = faulty.memory_mb()
    with connect(faulty) as client:
        client.sendall(
            raw_request(as_json(row(SLOW))) + b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 5000
        )
        assert ends(client) == b""
    assert faulty.memory_mb() < before + 20
    assert is_well(faulty)


def test_a_few_requests_at_once_are_answered_in_order(faulty):
    with connect(faulty) as client:
        gets = b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 8
        client.sendall(raw_request(as_json(row(SLOW))) + gets[:-2] + b"Connection: close\r\n\r\n")
        received = ends(client)
    assert received.count(b"HTTP/1.1 200 OK") == 9
    assert received.index(b"model_name") < received.index(b"extensions")


# --- upgrades that are not honored ---


@pytest.mark.parametrize("cut", [0, 1, len(BODY) // 2])
@pytest.mark.parametrize("body", [BODY, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_a_request_to_upgrade_is_answered_as_if_it_did_not_ask(faulty, body, cut):
    head = raw_request(b"", length=len(body), headers=UPGRADE.decode())
    with connect(faulty) as client:
        client.sendall(head + body[:cut])
        time.sleep(0.1)
        client.sendall(body[cut:])
        time.sleep(0.1)
        client.sendall(b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = ends(client)
    statuses = re.findall(rb"HTTP/1\.1 (\d+) ", received)
    assert statuses == [b"200" if body == BODY else b"400", b"200"]


def test_a_head_that_asks_to_upgrade_may_come_in_pieces(faulty):
    request = raw_request(BODY, headers=UPGRADE.decode() + "Connection: close\r\n")
    with connect(faulty) as client:
        for k in range(0, len(request), 40):
            client.sendall(request[k : k + 40])
            time.sleep(0.002)
        assert ends(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "request_", [b"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_other_protocols_are_refused(faulty, request_):
    with connect(faulty) as client:
        client.sendall(request_)
        assert ends(client).startswith(b"HTTP/1.1 400 ")


# --- the number of connections, and whom they address ---


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\n", raw_request(b"", length=1000)])
def test_idle_connections_keep_nobody_out(folder, start):
    with serving(folder, prefix=("prlimit", "--nofile=128:128")) as live:
        clients = [connect(live) for _ in range(300)]
        for client in clients:
            try:
                client.sendall(start)
            except ConnectionError:
                pass
        live.client.close()
        with connect(live) as client:
            client.sendall(raw_request(BODY, headers="Connection: close\r\n"))
            assert ends(client).startswith(b"HTTP/1.1 200 ")
        for client in clients:
            client.close()


def test_pages_of_other_hosts_cannot_read_what_is_answered_here(folder):
    with serving(folder, "--allow-host", "models.example") as live:
        for host, status in (("localhost", 200), ("evil.example", 421), ("models.example:80", 200)):
            assert live.client.get("/v2", headers={"Host": host}).status_code == status


# --- the end ---


def test_no_client_keeps_the_service_from_ending(folder):
    starts = [
        *[b"", b"GET / HT", raw_request(b"", length=1000), raw_request(b"a", length=1000), CHUNKED + b"5"],
        *[raw_request(b"", length=9 * 2**20), raw_request(as_json(np.zeros((4096, 4), np.float32))) * 10],
    ]
    with serving(folder) as live:
        clients = [connect(live) for _ in starts]
        for client, start in zip(clients, starts, strict=True):
            client.sendall(start)
        time.sleep(0.5)
        begin = time.monotonic()
        live.terminate()
        assert live.ends() == 0
        assert time.monotonic() - begin < 5
        for client in clients:
            client.close()
