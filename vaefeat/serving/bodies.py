"""The bodies of requests: read as they come, within limits of size, time and memory."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import Message, Receive

from vaefeat.serving.clients import ClientGone
from vaefeat.serving.refusals import Refusal, invalid, too_large

ENCODINGS = ("identity", "gzip", "deflate")


@dataclass
class Bodies:
    """Reads bodies, and keeps count of the memory that they take.

    Attributes
    ----------
    max_bytes : int
        Of all bodies that are held at a time.
    seconds : float
        Within which a body has to come.
    """

    max_bytes: int = 256 * 2**20
    seconds: float = 30.0
    n_bytes: int = 0

    @asynccontextmanager
    async def reading(
        self, receive: Receive, headers: Mapping[bytes, bytes], limit: int
    ) -> AsyncIterator[bytes]:
        """Give the body of a request, decompressed; its memory is counted until the end of the block.

        Parameters
        ----------
        receive : callable
            Of ASGI.
        headers : mapping of bytes
            By names in lower case.
        limit : int
            The bytes that the body may have, both as it comes and decompressed.

        Raises
        ------
        Refusal
            With status 413, 415, 408, 429 or 400.
        ClientGone
        """
        encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
        if encoding not in ENCODINGS:
            raise Refusal(
                415, "invalid", f"The encoding of the body is unknown, expected one of {ENCODINGS}."
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

    async def _read(self, receive: Receive, limit: int, hold: "_Hold") -> bytes:
        chunk, is_last = _chunk(await receive())
        hold.add(len(chunk))
        if is_last and len(chunk) <= limit:
            return chunk
        body = bytearray(chunk)
        try:
            async with asyncio.timeout(self.seconds):
                while not is_last and len(body) <= limit:
                    chunk, is_last = _chunk(await receive())
                    hold.add(len(chunk))
                    body += chunk
        except TimeoutError as exc:
            raise Refusal(408, "slow", f"The body did not come within {self.seconds:g} s.") from exc
        if len(body) > limit:
            raise _beyond(limit)
        return bytes(body)


@dataclass
class _Hold:
    """The memory of one body."""

    bodies: Bodies
    n_bytes: int = 0

    def add(self, n_bytes: int) -> None:
        if self.bodies.n_bytes + n_bytes > self.bodies.max_bytes:
            raise Refusal(
                429, "memory", "The service holds as many large requests as it can; try again later."
            )
        self.bodies.n_bytes += n_bytes
        self.n_bytes += n_bytes

    def release(self) -> None:
        self.bodies.n_bytes -= self.n_bytes


def _chunk(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), not message.get("more_body", False)


def _decompress(body: bytes, limit: int) -> bytes:
    """Decompress gzip or zlib, and stop where it becomes more than ``limit`` bytes."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: tell gzip and zlib apart by their head
    try:
        text = stream.decompress(body, limit + 1)
    except zlib.error as exc:
        raise invalid("The body cannot be decompressed.") from exc
    if len(text) > limit:
        raise _beyond(limit)
    if not stream.eof or stream.unused_data:
        raise invalid("The compressed body is cut off, or something follows it.")
    return text


def _beyond(limit: int) -> Refusal:
    return too_large(f"The body has more than {limit} bytes, which is the limit.")
