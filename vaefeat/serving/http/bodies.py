"""Read the bodies of requests as they arrive, within limits of size, time and memory."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from starlette.types import Message, Receive

from vaefeat.serving.errors import InvalidRequestError, TooLargeError
from vaefeat.serving.http.errors import (
    BodyMemoryError,
    ClientGoneError,
    SlowBodyError,
    UnsupportedEncodingError,
)

ENCODINGS = ("identity", "gzip", "deflate")


@dataclass
class Bodies:
    """Reads bodies, and counts the memory that they take.

    Attributes
    ----------
    max_bytes : int
        Limit of what all bodies and large responses have at a time beyond their shares.
    share : int
        Bytes that each may have in any case, so that a few large ones keep no small one out.
    seconds : float
        Within which a body must arrive.
    """

    max_bytes: int = 256 * 2**20
    share: int = 256 * 2**10
    seconds: float = 30.0
    n_bytes: int = 0

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
        TooLargeError, UnsupportedEncodingError, SlowBodyError, BodyMemoryError, InvalidRequestError
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
        hold = _Hold(self)
        try:
            body = await self._read(receive, limit, hold)
            if encoding != "identity":
                body = await asyncio.to_thread(_decompress, body, limit)
                hold.add(len(body))
            yield body
        finally:
            hold.release()

    @contextmanager
    def holding(self, n_bytes: int) -> Iterator[None]:
        """Count the memory of a response until the end of the block, or raise BodyMemoryError."""
        hold = _Hold(self)
        try:
            hold.add(n_bytes)
            yield
        finally:
            hold.release()

    async def _read(self, receive: Receive, limit: int, hold: "_Hold") -> bytes:
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


@dataclass
class _Hold:
    """The memory of one body or response."""

    bodies: Bodies
    n_bytes: int = 0
    n_counted: int = 0  # what is beyond the share

    def add(self, n_bytes: int) -> None:
        self.n_bytes += n_bytes
        n_more = max(0, self.n_bytes - self.bodies.share) - self.n_counted
        if self.bodies.n_bytes + n_more > self.bodies.max_bytes:
            raise BodyMemoryError("The service holds as many large requests as it can; try again later.")
        self.bodies.n_bytes += n_more
        self.n_counted += n_more

    def release(self) -> None:
        self.bodies.n_bytes -= self.n_counted


def _chunk(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message.get("body", b""), not message.get("more_body", False)


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
