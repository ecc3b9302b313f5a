"""Read the bodies of requests as they arrive, within limits of size, time and memory."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.types import Message, Receive

from vaefeat.serving.errors import InvalidRequestError, TooLargeError
from vaefeat.serving.http.errors import ClientGoneError, SlowBodyError, UnsupportedEncodingError
from vaefeat.serving.memory import Hold, Memory

ENCODINGS = ("identity", "gzip", "deflate")


@dataclass
class Bodies:
    """Reads bodies, and counts the memory that they take.

    Attributes
    ----------
    memory : Memory
    seconds : float
        Within which a body must arrive.
    """

    memory: Memory = field(default_factory=Memory)
    seconds: float = 30.0

    @asynccontextmanager
    async def reading(
        self, receive: Receive, headers: Mapping[bytes, bytes], limit: int
    ) -> AsyncIterator[bytes]:
        """Yield the decompressed body of a request, and count its memory until the end of the block.

        Parameters
        ----------
        receive : callable
            As ASGI defines it.
        headers : mapping of bytes
            Their names are in lower case.
        limit : int
            The most bytes that the body may have, as sent and decompressed.

        Raises
        ------
        TooLargeError, UnsupportedEncodingError, SlowBodyError, MemoryFullError, InvalidRequestError
        ClientGoneError
            If the client closes the connection.
        """
        encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
        if encoding not in ENCODINGS:
            raise UnsupportedEncodingError(
                f"The encoding of the body is unknown, expected one of {ENCODINGS}."
            )
        length = headers.get(b"content-length", b"")
        if length.isdigit() and (len(length) > 18 or int(length) > limit):
            raise _beyond(limit)
        with self.memory.holding() as hold:
            body = await self._read(receive, limit, hold)
            if encoding != "identity":
                body = await asyncio.to_thread(_decompress, body, limit)
                hold.add(len(body))
            yield body

    async def _read(self, receive: Receive, limit: int, hold: Hold) -> bytes:
        body = bytearray()
        is_last = False
        try:
            async with asyncio.timeout(self.seconds):
                while not is_last and len(body) <= limit:
                    chunk, is_last = _chunk(await receive())
                    hold.add(len(chunk))
                    if is_last and not body and len(chunk) <= limit:
                        return chunk
                    body += chunk
        except TimeoutError as exc:
            raise SlowBodyError(f"The body did not arrive within {self.seconds:g} s.") from exc
        if len(body) > limit:
            raise _beyond(limit)
        return bytes(body)


def _chunk(message: Message) -> tuple[bytes, bool]:
    return body_of(message), not message.get("more_body", False)


def body_of(message: Message) -> bytes:
    """Return the piece of a body in a message, or raise ClientGoneError."""
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message.get("body", b"")


def _decompress(body: bytes, limit: int) -> bytes:
    """Decompress gzip or zlib, and stop as soon as there are more than ``limit`` bytes."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: recognize gzip and zlib by their headers
    try:
        text = stream.decompress(body, limit + 1)
    except zlib.error as exc:
        raise InvalidRequestError("The body cannot be decompressed.") from exc
    if len(text) > limit:
        raise _beyond(limit)
    if not stream.eof or stream.unused_data:
        raise InvalidRequestError("The compressed body is truncated, or something follows it.")
    return text


def _beyond(limit: int) -> TooLargeError:
    return TooLargeError(f"The body has more than {limit} bytes, which is the limit.")
