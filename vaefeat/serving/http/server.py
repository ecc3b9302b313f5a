"""The HTTP server: it listens, answers until it is told to end, and finishes open requests."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from vaefeat.runtime.sandbox import Sandbox
from vaefeat.serving.http.app import make_app
from vaefeat.serving.http.connections import Connection, connection_limit
from vaefeat.serving.http.explorer import check_explorer
from vaefeat.serving.http.hosts import Hosts
from vaefeat.serving.repository import Repository
from vaefeat.serving.service import Service, ServiceSettings

FINISH_SECONDS = 2  # for bodies to arrive and responses to be read, when the service ends


@dataclass(frozen=True)
class HttpSettings:
    """How to serve over HTTP.

    Attributes
    ----------
    host, port : str, int
        Port 0 stands for any free one.
    explorer : Path or None
        A folder written by ``vaefeat explore``, to be served too.
    certfile, keyfile : Path or None
        For TLS.
    allowed_hosts : tuple of str
        What ``Host`` may say on a local address, beside the names of this machine.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    explorer: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    allowed_hosts: tuple[str, ...] = ()


def serve(
    folder: Path,
    settings: ServiceSettings,
    http: HttpSettings,
    started: Callable[[str, Repository], None],
    sandbox: Sandbox | None = None,
) -> None:
    """Serve the models in a folder until the process is told to end.

    Parameters
    ----------
    folder : Path
        As :mod:`vaefeat.runtime.folders` describes it.
    settings : ServiceSettings
    http : HttpSettings
    started : callable
        Called with the address and the models as soon as they can be reached and signals are handled.
    sandbox : Sandbox, optional
        Where models are tried; the caller may have started it already.

    Raises
    ------
    InvalidModelError
        If there is no model to serve.
    OSError
        If the server cannot listen on the address, or the certificate is invalid.
    ValueError
        If there is a key without a certificate, or the explorer's folder is not one.
    """
    if http.keyfile is not None and http.certfile is None:
        raise ValueError("Got a key for TLS without a certificate.")
    if http.explorer is not None:
        check_explorer(http.explorer)
    service = Service.open(folder, settings, sandbox)
    config = _config(service, http)
    with _listen(http) as listener, asyncio.Runner(loop_factory=_new_event_loop) as runner:
        address = _address(listener, http)
        server = _Server(config, service, lambda: started(address, service.repository))
        runner.run(server.run_on(listener))


def _config(service: Service, http: HttpSettings) -> uvicorn.Config:
    config = uvicorn.Config(
        make_app(service, http.explorer, Hosts(http.host, http.allowed_hosts)),
        http=Connection,
        ws="none",
        lifespan="off",
        ssl_certfile=http.certfile,
        ssl_keyfile=http.keyfile,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    Connection.max_connections = connection_limit()
    config.load()  # so that an invalid certificate is found before anything listens
    return config


def _listen(http: HttpSettings) -> socket.socket:
    family = socket.getaddrinfo(http.host, http.port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((http.host, http.port), family=family, backlog=2048)


def _address(listener: socket.socket, http: HttpSettings) -> str:
    host = f"[{http.host}]" if ":" in http.host else http.host
    return f"http{'s' if http.certfile else ''}://{host}:{listener.getsockname()[1]}"


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # it does not exist for Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class _Server(uvicorn.Server):
    """A server that drains the service before it ends."""

    def __init__(self, config: uvicorn.Config, service: Service, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = service
        self._started = started

    async def run_on(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        watching = asyncio.create_task(self._service.watch())
        await self.serve([listener])
        watching.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()

    async def on_tick(self, counter: int) -> bool:
        """Cut off slow clients; return whether to end."""
        now = self._loop.time()
        for connection in list(self.server_state.connections):
            connection.check(now)  # type: ignore[union-attr]
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal; end at once at the second."""
        if self._service.is_draining:
            self.should_exit = self.force_exit = True
            return
        self._service.is_draining = True
        self._loop.call_soon_threadsafe(self._start_to_drain)

    def _start_to_drain(self) -> None:
        self._draining = asyncio.create_task(self._drain())  # kept, or it might be collected

    async def _drain(self) -> None:
        await self._service.drain()
        self.should_exit = True
