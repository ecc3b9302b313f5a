"""What is sent back."""

from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from vaefeat.serving.errors import ServingError
from vaefeat.serving.http.errors import outcome_of

JSON = (b"content-type", b"application/json")
RETRY_AFTER = b"1"  # second: queues are shorter than that


class Response:
    """A status, headers and a body: an ASGI application that sends them.

    Parameters
    ----------
    status : int
    headers : list of (bytes, bytes)
        Names in lower case; the length of the body is added.
    content : bytes
    """

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], content: bytes) -> None:
        self.status = status
        self.headers = [*headers, (b"content-length", b"%d" % len(content))]
        self.content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; the server drops the body if the request was HEAD."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.content})

    def to_bytes(self, headers: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
        """Return the response as it goes over the wire, with further headers of the server."""
        return _head(self.status, (*headers, *self.headers)) + self.content


@lru_cache(maxsize=256)  # most responses to a client have the same
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
    return b"\r\n".join([*lines, *(name + b": " + value for name, value in headers), b"", b""])


def json_response(value: Any, status: int = 200) -> Response:
    """Return a response in JSON."""
    return Response(status, [JSON], orjson.dumps(value))


def error_response(error: Exception) -> Response:
    """Return the response to a request that failed."""
    status = outcome_of(error).status
    message = str(error) if isinstance(error, ServingError) else "The request failed."
    response = json_response({"error": message}, status)
    if status == 401:
        response.headers.append((b"www-authenticate", b"Bearer"))
    if status in (429, 503):
        response.headers.append((b"retry-after", RETRY_AFTER))
    if status == 408:  # the rest of the body may still arrive
        response.headers.append((b"connection", b"close"))
    return response
