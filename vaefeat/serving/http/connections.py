"""Connections with limits: of time, of what surrounds the bodies of requests, and of their number.

Each connection has two times at which it is cut off: one by which the client must have sent what it began,
and one by which it must have read what it was sent. They move when a head, a body or a response is complete,
not when a byte arrives. :meth:`Connection.check` is called for all connections several times a second, which
costs less than a timer for each request.
"""

import asyncio
import math
from contextlib import suppress
from typing import Any, NamedTuple

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from vaefeat.serving.http.heads import Head
from vaefeat.serving.http.responses import Response

MAX_OVERHEAD_BYTES = 64 * 2**10  # of a head, of trailers, or between two pieces of a body
MAX_HEADERS = 100
MAX_PIPELINED = 16
MAX_KNOWN_BYTES = 4096  # of the head that each connection remembers
HEAD_SECONDS = 20.0  # for a head, also the first one of a connection
BODY_SECONDS = 35.0  # a bit longer than bodies.SECONDS, after which there is an answer
WRITE_SECONDS = 30.0  # for a response to be read
KEEP_ALIVE_SECONDS = 75.0  # longer than load balancers keep an idle connection
LINGER_SECONDS = 0.2  # when the service ends, for a request that is on its way
_RESERVED_DESCRIPTORS = 64  # for models, logs and the process that tries models
_NEVER = math.inf
_END = b"\r\n\r\n"
_UPGRADES = {b"upgrade", b"http2-settings"}


def connection_limit(most: int = 1000) -> int:
    """Return how many connections to keep: fewer than there are file descriptors."""
    with suppress(ImportError):  # it does not exist on Windows
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = most + _RESERVED_DESCRIPTORS
        if soft != resource.RLIM_INFINITY and soft < wanted:
            soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            with suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            most = max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVED_DESCRIPTORS)
    return most


class Connection(HttpToolsProtocol):
    """A connection of uvicorn with limits.

    A small inference request that arrives in one piece is answered without ASGI, if its model is small.

    The memory and the time of bodies that the service reads are limited in
    :mod:`vaefeat.serving.http.bodies`.
    """

    max_connections = 1000

    read_until = _NEVER
    write_until = _NEVER
    _is_idle = True  # nothing of the next request has arrived
    _is_in_head = False
    _is_in_body = False
    _has_progress = False
    _has_upgrade = False
    _is_too_large = False
    _n_overhead = 0
    _n_headers = 0
    _head: Head | None = None  # of a request that is answered without ASGI if its body arrives at once
    _body = b""
    _started: tuple[Head, int] | None = None  # the last request that was, and the length of its body
    _known: "_KnownHead | None" = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock, and cut off another client if there are too many."""
        super().connection_made(transport)
        self._gate: Any = self.config.app.state.gate  # type: ignore[union-attr]
        self.read_until = self.loop.time() + HEAD_SECONDS
        if len(self.connections) > self.max_connections:
            self._cut_one_off()

    def _cut_one_off(self) -> None:
        """Close the connection that has waited for its client the longest."""
        waiting: list[Any] = [each for each in self.connections if each is not self]
        oldest = min(waiting, key=lambda each: each.read_until, default=self)
        victim = oldest if oldest.read_until < _NEVER else self
        self.connections.discard(victim)
        victim.transport.abort()

    def check(self, now: float) -> None:
        """Cut off a client that is too slow."""
        if now >= self.read_until or now >= self.write_until:
            self.transport.abort()

    def shutdown(self) -> None:
        """End: answer what is being answered or on its way, then close.

        uvicorn closes a connection without a request at once, and what the client has just sent is lost.
        """
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(LINGER_SECONDS, super().shutdown)
        else:
            super().shutdown()

    # --- what arrives ---

    def data_received(self, data: bytes) -> None:
        """Parse what arrives, and count what is not part of a body."""
        was_idle, self._is_idle, self._started = self._is_idle, False, None
        if was_idle:
            if self._is_known(data):
                return
            self.read_until = self.loop.time() + HEAD_SECONDS
        self._has_progress = False
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._refuse(431 if self._is_too_large else 400)
            return
        if self._head is not None:
            self._start_asgi()
        self._known = _known(data, *self._started) if was_idle and self._started is not None else None
        self._n_overhead = 0 if self._has_progress else self._n_overhead + len(data)
        if self._n_overhead > MAX_OVERHEAD_BYTES:
            self._refuse(431)

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                return self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as exc:
                data = data[exc.args[0] :]
                self._ignore_upgrade()

    def _ignore_upgrade(self) -> None:
        """Parse the last head again without its upgrade: the request and its body are HTTP/1.1.

        The parser itself takes whatever follows such a head for another protocol.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            raise httptools.HttpParserError("CONNECT is not supported")
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                value = b",".join(each for each in value.split(b",") if each.strip().lower() not in _UPGRADES)
            if name not in _UPGRADES:
                lines.append(name + b": " + value)
        self._has_upgrade = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def on_message_begin(self) -> None:
        """Begin a head."""
        if not self._is_in_head:
            self.read_until = self.loop.time() + HEAD_SECONDS
        self._is_in_head = True
        self._n_headers = 0
        self._started = None
        super().on_message_begin()
        self.scope["state"]["flow"] = self.flow  # large responses wait until the client reads them

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header, and keep it unless it is a trailer."""
        self._n_headers += 1
        if self._n_headers > MAX_HEADERS:
            self._is_too_large = True
            raise ValueError("too many headers")
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End a head, and start to answer."""
        self._has_progress = True
        if self.parser.should_upgrade():
            self._has_upgrade = True
            return
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests at once")
        self._is_in_head = False
        self._is_in_body = True
        self.read_until = self.loop.time() + BODY_SECONDS
        self._head = self._gate.head_of(self.url, self.headers) if self._is_simple() else None
        if self._head is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._has_progress = True
        if self._head is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """End a body: now it is the service's turn."""
        if self._has_upgrade:
            return
        self._has_progress = True
        self._is_in_body = False
        if self._head is not None:
            if self._start(self._head, self._body):
                self._started = self._head, len(self._body)
                self._head, self._body = None, b""
                return
            self._start_asgi()
        super().on_message_complete()
        self._wait()

    # --- without ASGI ---

    def _is_simple(self) -> bool:
        """Return whether a request may be answered without ASGI, by what its head says to the server."""
        return (
            (self.cycle is None or self.cycle.response_complete)
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
        )

    def _is_known(self, data: bytes) -> bool:
        """Answer a request with the same head as the last one, which need not be parsed again."""
        known = self._known
        if known is None or len(data) != known.n_bytes or not data.startswith(known.text):
            return False
        return self._start(known.head, data[len(known.text) :])

    def _start(self, head: Head, body: bytes) -> bool:
        """Start to answer without ASGI; return whether that is possible."""
        exchange = _Exchange(self)
        if self.flow.write_paused or not self._gate.start(head, body, exchange.send):
            return False
        self.cycle = exchange  # type: ignore[assignment]
        self.read_until = _NEVER
        return True

    def _start_asgi(self) -> None:
        """Start to answer by ASGI what could not be answered without."""
        body, self._head, self._body = self._body, None, b""
        super().on_headers_complete()
        if body:
            super().on_body(body)

    def _refuse(self, status: int) -> None:
        """Answer and close; where the answer would be taken for that of another request, only close."""
        cycle = self.cycle
        is_due = cycle is None or (
            not cycle.response_started if self._is_in_body else cycle.response_complete
        )
        if self.pipeline or not is_due:
            self.transport.abort()
            return
        self.transport.write(_REFUSALS[status])
        self.transport.close()
        self.write_until = self.loop.time() + WRITE_SECONDS

    # --- what is sent ---

    def on_response_complete(self) -> None:
        """Start to answer the next request, or wait for it."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self.write_until = self.loop.time() + WRITE_SECONDS
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._wait()

    def _wait(self) -> None:
        """Set the clock between two requests: it is stopped while a response is being made."""
        if self._is_in_head or self._is_in_body:
            return
        self._is_idle = self.cycle.response_complete
        self.read_until = self.loop.time() + KEEP_ALIVE_SECONDS if self._is_idle else _NEVER

    def pause_writing(self) -> None:
        """Start the clock: more was written than the client reads."""
        self.write_until = self.loop.time() + WRITE_SECONDS
        super().pause_writing()

    def resume_writing(self) -> None:
        """Stop the clock."""
        self.write_until = _NEVER
        super().resume_writing()


class _Exchange:
    """A request that is answered without ASGI; to uvicorn, it is one of its cycles."""

    response_started = response_complete = disconnected = False
    keep_alive = True
    message_event = asyncio.Event()  # for which nobody waits

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, response: Response) -> None:
        """Send the whole response in one piece."""
        transport = self._connection.transport
        self.response_started = self.response_complete = True
        if not self.keep_alive:  # the service is shutting down
            response.headers.append((b"connection", b"close"))
        if not self.disconnected:
            transport.write(response.to_bytes(self._connection.server_state.default_headers))
        if not self.keep_alive:
            transport.close()
        self._connection.on_response_complete()


class _KnownHead(NamedTuple):
    """A head as it was sent, and what it says."""

    text: bytes
    n_bytes: int  # with the body
    head: Head


def _known(data: bytes, head: Head, n_body_bytes: int) -> _KnownHead | None:
    """Return the head of the only request in some bytes; None if there is something else, too."""
    text = data[: len(data) - n_body_bytes]
    is_all = len(text) <= MAX_KNOWN_BYTES and text.find(_END) == len(text) - len(_END)
    return _KnownHead(text, len(data), head) if is_all else None


def _refusal(status: int, phrase: str, error: str) -> bytes:
    content = f'{{"error":"{error}"}}'
    head = f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    return f"{head}\r\nConnection: close\r\n\r\n{content}".encode()


_REFUSALS = {
    400: _refusal(400, "Bad Request", "The request is not HTTP/1.1."),
    431: _refusal(
        431,
        "Request Header Fields Too Large",
        f"The head has more than {MAX_HEADERS} headers or {MAX_OVERHEAD_BYTES} bytes.",
    ),
}
