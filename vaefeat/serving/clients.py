"""Clients that go away while they wait for their answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

AT_EASE = 0.02  # seconds: most answers are there before it is worth to look after the client


class ClientGone(Exception):
    """The client has closed the connection."""


@asynccontextmanager
async def unless_gone(receive: Receive) -> AsyncIterator[None]:
    """Cancel what the block waits for if the client goes away, and raise ClientGone.

    Parameters
    ----------
    receive : callable
        Of ASGI, after the whole body: all that can still come is that the client has gone.
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

    timer = asyncio.get_running_loop().call_later(AT_EASE, start)
    try:
        yield
    except asyncio.CancelledError:
        if is_gone:
            task.uncancel()
            raise ClientGone from None
        raise
    finally:
        timer.cancel()
        if watcher is not None:
            watcher.cancel()
