"""Read requests within limits of time and memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from grpc.aio import EOF

from vaefeat.serving.errors import InvalidRequestError
from vaefeat.serving.grpc.errors import SlowRequestError
from vaefeat.serving.memory import Memory

QUICK_SECONDS = 0.25  # within which nearly all requests arrive
SECONDS = 30.0  # for the others
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
        self._n_slow = 0

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
        is_slow = False

        def slow_down() -> None:
            nonlocal is_slow
            is_slow = self._n_slow < MAX_SLOW
            self._n_slow += is_slow
            if not is_slow:
                limit.reschedule(loop.time())

        timer = loop.call_later(QUICK_SECONDS, slow_down)
        try:
            async with asyncio.timeout(SECONDS) as limit:
                return await context.read()
        except TimeoutError as exc:
            raise SlowRequestError("The request did not arrive in time.") from exc
        finally:
            timer.cancel()
            self._n_slow -= is_slow
