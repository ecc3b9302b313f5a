"""What is sent back."""

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
        respond = scope.get("state", {}).get("respond")
        if self.status == 200 and scope["method"] == "POST" and respond and respond(self.to_bytes()):
            return
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.content})

    def to_bytes(self) -> bytes:
        """Return the response as it goes over the wire."""
        head = [b"HTTP/1.1 200 OK\r\n"]
        for name, value in self.headers:
            head += name, b": ", value, b"\r\n"
        return b"".join([*head, b"\r\n", self.content])


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
