"""Clients that close the connection while they wait for a response."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

from vaefeat.serving.http.errors import ClientGoneError

WATCH_AFTER = 0.02  # seconds: most responses are ready before it is worth watching the connection


@asynccontextmanager
async def unless_gone(receive: Receive) -> AsyncIterator[None]:
    """Cancel the block if the client closes the connection, and raise ClientGoneError.

    Parameters
    ----------
    receive : callable
        As ASGI defines it, after the whole body: all that can still arrive is the end of the connection.
    """
    task = asyncio.current_task()
    assert task is not None
    watcher: asyncio.Task[None] | None = None
    is_gone = False

    async def watch() -> None:
        nonlocal is_gone
        await receive()
        is_gone = True
        task.cancel()

    def start() -> None:
        nonlocal watcher
        watcher = asyncio.create_task(watch())

    timer = asyncio.get_running_loop().call_later(WATCH_AFTER, start)
    try:
        yield
    except asyncio.CancelledError:
        if is_gone:
            task.uncancel()
            raise ClientGoneError from None
        raise
    finally:
        timer.cancel()
        if watcher is not None:
            watcher.cancel()
