"""Load generators: clients that send as fast as they get responses, or at a fixed rate."""

import asyncio
import json
import time
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np

PATIENCE = 20.0  # seconds to wait for a response


class Answer(NamedTuple):
    """The outcome of a request: a status of HTTP or gRPC, or None if the connection was cut."""

    status: int | str | None
    seconds: float


def http_request(path: str, body: bytes, **headers: object) -> bytes:
    """Return a POST request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def binary_request(path: str, X: np.ndarray) -> bytes:
    """Return a request of the protocol with a binary tensor, for the output z_mean as another."""
    input_ = {"name": "X", "shape": list(X.shape), "datatype": "FP32"}
    input_["parameters"] = {"binary_data_size": X.nbytes}
    output = {"name": "z_mean", "parameters": {"binary_data": True}}
    header = json.dumps({"inputs": [input_], "outputs": [output]}).encode()
    return http_request(path, header + X.tobytes(), Inference_Header_Content_Length=len(header))


def json_request(path: str, X: np.ndarray) -> bytes:
    """Return a request of the protocol in JSON, for the output z_mean."""
    input_ = {"name": "X", "shape": list(X.shape), "datatype": "FP32", "data": X.ravel().tolist()}
    body = json.dumps({"inputs": [input_], "outputs": [{"name": "z_mean"}]}).encode()
    return http_request(path, body, Content_Type="application/json")


def ask_for(seconds: float, port: int, requests: Sequence[bytes], n_connections: int) -> list[Answer]:
    """Ask on some connections for some time, on each as soon as the last answer is there."""
    return run(_ask(port, until(time.perf_counter() + seconds, cycle(requests)), n_connections))


def until(end: float, requests: Iterable[bytes]) -> Iterator[bytes]:
    """Yield requests, at least one, until a time of ``perf_counter``."""
    for request in requests:
        yield request
        if time.perf_counter() >= end:
            return


def ask_all(port: int, requests: Sequence[bytes], n_connections: int) -> list[Answer]:
    """Ask everything once, on some connections."""
    return run(_ask(port, iter(requests), n_connections))


async def _ask(port: int, requests: Iterator[bytes], n_connections: int) -> list[Answer]:
    answers: list[Answer] = []

    async def client() -> None:
        connection = await _connect(port)
        for request in requests:  # of all clients together
            if not connection.is_open:
                connection = await _connect(port)
            answers.append(await connection.ask(request))
        connection.close()

    await asyncio.gather(*(client() for _ in range(n_connections)))
    return answers


def ask_at_rate(
    port: int, request: bytes, rate: float, n_connections: int, seconds: float
) -> tuple[list[Answer], int]:
    """Ask at a rate, answered or not; return the answers, and how often no connection was free to ask.

    Times count from when a request was due, not from when it could be sent.
    """

    async def main() -> tuple[list[Answer], int]:
        answers: list[Answer] = []
        tasks: set[asyncio.Task] = set()
        free = [await _connect(port) for _ in range(n_connections)]
        n_unsent = 0

        async def ask(connection: _Connection, due: float) -> None:
            answer = await connection.ask(request)
            answers.append(answer._replace(seconds=time.perf_counter() - due))
            free.append(connection if connection.is_open else await _connect(port))

        start = time.perf_counter()
        for k in range(int(rate * seconds)):
            due = start + k / rate
            while (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            if not free:
                n_unsent += 1
                await asyncio.sleep(0)
                continue
            tasks.add(task := asyncio.create_task(ask(free.pop(), due)))
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        for connection in free:
            connection.close()
        return answers, n_unsent

    return run(main())


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Return a percentile of the times of answers with status 200, in milliseconds."""
    seconds = [answer.seconds for answer in answers if answer.status == 200]
    return 1000 * float(np.percentile(seconds, share)) if seconds else float("nan")


class _Connection(asyncio.Protocol):
    """A connection that is kept open, and asks one thing at a time."""

    def __init__(self) -> None:
        self.is_open = True
        self._waiting: asyncio.Future[int | None] | None = None
        self._received = bytearray()

    async def ask(self, request: bytes) -> Answer:
        self._waiting = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        self._transport.write(request)
        timer = asyncio.get_running_loop().call_later(PATIENCE, self._transport.abort)
        status = await self._waiting if self.is_open else None
        timer.cancel()
        return Answer(status, time.perf_counter() - start)

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = bytes(self._received).partition(b"\r\n\r\n")
        if found and len(body) >= _content_length(head):
            self._received.clear()
            self._settle(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._settle(None)

    def _settle(self, status: int | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(status)


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def _connect(port: int) -> _Connection:
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(_Connection, "127.0.0.1", port))[1]


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a client in an event loop of its own."""
    import uvloop

    return uvloop.run(main)
