"""The gRPC server: it listens, answers until it is told to stop, and finishes open requests."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from vaefeat.serving.grpc.handlers import make_handler
from vaefeat.serving.service import Service

FINISH_SECONDS = 2.0  # for responses to be read, when the service ends
MAX_MESSAGE_BYTES = 64 * 2**20  # also after decompression
MAX_CALLS = 1024  # at a time; most wait for a model, whose queue has its own limit
OPTIONS = {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": -1,  # the rows of a request have a limit
    "grpc.max_metadata_size": 16 * 2**10,
    "grpc.absolute_max_metadata_size": 64 * 2**10,
    "grpc.max_concurrent_streams": 128,  # of one connection
    "grpc.max_allowed_incoming_connections": 1000,
    "grpc.server_handshake_timeout_ms": 20_000,
    # Clients that vanished are found by pings; those that send pings all the time are cut off.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.http2.min_ping_interval_without_data_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.max_connection_idle_ms": 300_000,
}


@dataclass(frozen=True)
class GrpcSettings:
    """How to serve over gRPC.

    Attributes
    ----------
    host, port : str, int
        Port 0 stands for any free one.
    certfile, keyfile : Path or None
        For TLS; the key may be in the certificate's file.
    shared : bool
        Whether other processes listen on the same port, too.
    """

    host: str = "127.0.0.1"
    port: int = 8001
    certfile: Path | None = None
    keyfile: Path | None = None
    shared: bool = False


class GrpcServer:
    """A service over gRPC; see :class:`vaefeat.serving.running.Server`.

    Parameters
    ----------
    service : Service
    settings : GrpcSettings

    Raises
    ------
    OSError
        If a file for TLS cannot be read.
    """

    def __init__(self, service: Service, settings: GrpcSettings) -> None:
        self._service = service
        self._settings = settings
        self._credentials = _credentials(settings)

    async def start(self) -> str:
        """Listen, and return the address; raise OSError if that is not possible."""
        options = OPTIONS | {"grpc.so_reuseport": int(self._settings.shared)}
        self._server = grpc.aio.server(options=list(options.items()), maximum_concurrent_rpcs=MAX_CALLS)
        self._server.add_generic_rpc_handlers((make_handler(self._service),))
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        port = self._listen(f"{host}:{self._settings.port}")
        await self._server.start()
        return f"grpc{'' if self._credentials is None else 's'}://{host}:{port}"

    async def wait(self) -> None:
        """Answer requests until :meth:`stop` is called and the last response is sent."""
        await self._server.wait_for_termination()

    def stop(self, *, at_once: bool = False) -> None:
        """Stop listening; cut clients off if that must happen at once."""
        self._stopping = asyncio.create_task(self._server.stop(0 if at_once else FINISH_SECONDS))

    def _listen(self, address: str) -> int:
        try:
            if self._credentials is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, self._credentials)
        except RuntimeError as exc:
            raise OSError(f"Cannot listen on {address} for gRPC: is the address already in use?") from exc


def _credentials(settings: GrpcSettings) -> grpc.ServerCredentials | None:
    if settings.certfile is None:
        return None
    certificate = settings.certfile.read_bytes()
    key = certificate if settings.keyfile is None else settings.keyfile.read_bytes()
    return grpc.ssl_server_credentials([(key, certificate)])


@contextmanager
def shared_port(host: str, port: int) -> Iterator[int]:
    """Reserve a port for processes that listen on it together; 0 stands for any free one."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    with socket.socket(family) as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeper.bind((host, port))
        yield keeper.getsockname()[1]
