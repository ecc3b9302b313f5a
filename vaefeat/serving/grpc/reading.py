"""Read requests within limits of time and memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from grpc.aio import EOF

from vaefeat.serving.errors import InvalidRequestError
from vaefeat.serving.grpc.errors import SlowRequestError
from vaefeat.serving.memory import Memory

QUICK_SECONDS = 0.25  # within which nearly all requests arrive
SECONDS = 30.0  # for the others
CHECK_SECONDS = 0.05  # between two looks at what is arriving
MAX_SLOW = 8  # the others at a time, each of which may be as large as any


class Reader:
    """Reads requests: any number that arrive quickly, and a few slow ones at a time.

    The size of a request is known only when it is complete, so its memory cannot be counted before that.

    Parameters
    ----------
    memory : Memory
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._reads: dict[_Read, None] = {}  # in the order in which they began
        self._n_slow = 0
        self._is_watching = False

    @asynccontextmanager
    async def reading(self, context: Any) -> AsyncIterator[bytes]:
        """Yield the request of a call, and count its memory until the end of the block.

        Parameters
        ----------
        context : grpc.aio.ServicerContext

        Raises
        ------
        SlowRequestError, MemoryFullError, InvalidRequestError
        """
        content = await self._read(context)
        if content is EOF:
            raise InvalidRequestError("Expected a message as the request.")
        with self._memory.holding(len(content)):
            yield content

    async def _read(self, context: Any) -> Any:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as limit:
                read = _Read(limit, loop.time())
                self._reads[read] = None
                if not self._is_watching:
                    self._is_watching = True
                    loop.call_later(CHECK_SECONDS, self._check, loop)
                return await context.read()
        except TimeoutError as exc:
            raise SlowRequestError("The request did not arrive in time.") from exc
        finally:
            self._reads.pop(read, None)
            self._n_slow -= read.is_slow

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        """End reads that take too long: one timer for all costs less than two for each."""
        now = loop.time()
        for read in list(self._reads):
            age = now - read.began
            if age >= QUICK_SECONDS and not read.is_slow and self._n_slow < MAX_SLOW:
                read.is_slow = True
                self._n_slow += 1
            if age >= (SECONDS if read.is_slow else QUICK_SECONDS):
                del self._reads[read]
                read.limit.reschedule(now)
        self._is_watching = bool(self._reads)
        if self._is_watching:
            loop.call_later(CHECK_SECONDS, self._check, loop)


@dataclass(eq=False, slots=True)
class _Read:
    """A request that is arriving."""

    limit: asyncio.Timeout
    began: float
    is_slow: bool = False
