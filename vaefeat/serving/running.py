"""Run a service over one or more protocols, until the process is told to end."""

import asyncio
import gc
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from vaefeat.serving.service import Service

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Server(Protocol):
    """What one protocol contributes: a server in the event loop that all share."""

    async def start(self) -> str:
        """Listen, and return the address as clients write it."""

    async def wait(self) -> None:
        """Answer requests until :meth:`stop` is called and the last response is sent."""

    def stop(self, *, at_once: bool = False) -> None:
        """Stop listening; cut clients off if that must happen at once."""


def run(service: Service, servers: Sequence[Server], started: Callable[[list[str]], None]) -> None:
    """Serve until the process is told to end, and then finish what was accepted.

    Parameters
    ----------
    service : Service
    servers : sequence of Server
    started : callable
        Called with the addresses as soon as they can be reached and signals are handled.

    Raises
    ------
    OSError
        If a server cannot listen.
    """
    with asyncio.Runner(loop_factory=_new_event_loop) as runner:
        runner.run(_Process(service, servers).run(started))


class _Process:
    """The life of the process, from its start to its end."""

    def __init__(self, service: Service, servers: Sequence[Server]) -> None:
        self._service = service
        self._servers = servers

    async def run(self, started: Callable[[list[str]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        forever = (self._service.watch(), self._service.publish())
        self._tasks = [asyncio.create_task(each) for each in forever]
        addresses = [await server.start() for server in self._servers]
        for sig in _SIGNALS if threading.current_thread() is threading.main_thread() else ():
            signal.signal(sig, self._handle)
        gc.freeze()  # what is there now stays: it need not be searched for garbage again and again
        started(addresses)
        async with asyncio.TaskGroup() as group:  # if one fails, all end
            for server in self._servers:
                group.create_task(server.wait())
        for task in self._tasks:
            task.cancel()

    def _handle(self, *signal_and_frame: Any) -> None:
        """Drain at the first signal; end at once at the second."""
        is_second = self._service.is_draining
        self._service.is_draining = True
        with suppress(RuntimeError):  # the loop has ended in the meantime
            self._loop.call_soon_threadsafe(self._end, is_second)

    def _end(self, at_once: bool) -> None:
        if at_once:
            self._stop(at_once=True)
        else:
            self._tasks.append(asyncio.create_task(self._drain()))

    async def _drain(self) -> None:
        await self._service.drain()
        self._stop()

    def _stop(self, *, at_once: bool = False) -> None:
        for server in self._servers:
            server.stop(at_once=at_once)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # it does not exist on Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
