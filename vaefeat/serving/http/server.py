"""The HTTP server: it listens, answers until it is told to stop, and finishes open requests."""

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from vaefeat.serving.http.app import make_app
from vaefeat.serving.http.connections import Connection, connection_limit
from vaefeat.serving.http.explorer import check_explorer
from vaefeat.serving.http.hosts import Hosts
from vaefeat.serving.service import Service

FINISH_SECONDS = 2  # for bodies to arrive and responses to be read, when the service ends


@dataclass(frozen=True)
class HttpSettings:
    """How to serve over HTTP.

    Attributes
    ----------
    host, port : str, int
        Port 0 stands for any free one.
    explorer : Path or None
        A folder written by ``vaefeat explore``, to be served, too.
    certfile, keyfile : Path or None
        For TLS.
    allowed_hosts : tuple of str
        What ``Host`` may say on a local address, besides the names of this machine.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    explorer: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    allowed_hosts: tuple[str, ...] = ()


class HttpServer(uvicorn.Server):
    """A service over HTTP; see :class:`vaefeat.serving.running.Server`.

    Parameters
    ----------
    service : Service
    http : HttpSettings
    listener : socket, optional
        Shared with other processes; see :func:`listen`.

    Raises
    ------
    OSError
        If the server cannot listen on the address, or the certificate is invalid.
    ValueError
        If there is a key without a certificate, or the explorer's folder is not one.
    """

    def __init__(self, service: Service, http: HttpSettings, listener: socket.socket | None = None) -> None:
        check_settings(http)
        super().__init__(_config(service, http))
        self._listener = listener or listen(http)
        self._address = _address(self._listener, http)

    async def start(self) -> str:
        """Listen, and return the address."""
        self._loop = asyncio.get_running_loop()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup([self._listener])
        return self._address

    async def wait(self) -> None:
        """Answer requests until :meth:`stop` is called and the last response is sent."""
        with self._listener:
            await self.main_loop()
            await self.shutdown([self._listener])

    def stop(self, *, at_once: bool = False) -> None:
        """Stop listening; cut clients off if that must happen at once."""
        self.should_exit = True
        self.force_exit = at_once

    async def on_tick(self, counter: int) -> bool:
        """Cut off slow clients; return whether to end."""
        now = self._loop.time()
        for connection in list(self.server_state.connections):
            connection.check(now)  # type: ignore[union-attr]
        return await super().on_tick(counter)


def check_settings(http: HttpSettings) -> None:
    """Raise ValueError if there is a key without a certificate, or the explorer's folder is not one."""
    if http.keyfile is not None and http.certfile is None:
        raise ValueError("Got a key for TLS without a certificate.")
    if http.explorer is not None:
        check_explorer(http.explorer)


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


def listen(http: HttpSettings) -> socket.socket:
    """Return a socket at the address of the settings; raise OSError if that is not possible."""
    family = socket.getaddrinfo(http.host, http.port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((http.host, http.port), family=family, backlog=2048)


def _address(listener: socket.socket, http: HttpSettings) -> str:
    host = f"[{http.host}]" if ":" in http.host else http.host
    return f"http{'s' if http.certfile else ''}://{host}:{listener.getsockname()[1]}"
