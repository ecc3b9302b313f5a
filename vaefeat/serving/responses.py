"""What is sent back."""

from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from vaefeat.serving.refusals import Refusal

JSON = (b"content-type", b"application/json")
RETRY_AFTER = b"1"  # second: queues are shorter than that


class Answer:
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
        """Send it; of an answer to HEAD, the server drops the body."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.content})


def as_json(value: Any, status: int = 200) -> Answer:
    """Return an answer in JSON."""
    return Answer(status, [JSON], orjson.dumps(value))


def refused(refusal: Refusal) -> Answer:
    """Return the answer to a request that is refused."""
    answer = as_json({"error": str(refusal)}, refusal.status)
    if refusal.status in (429, 503):
        answer.headers.append((b"retry-after", RETRY_AFTER))
    if refusal.status == 408:  # the rest of the body may still come
        answer.headers.append((b"connection", b"close"))
    return answer
