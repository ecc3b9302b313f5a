"""The process: it loads the models, listens, looks for new versions, and ends in order."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvicorn

from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime.folders import PLACES
from vaefeat.serving.app import make_app
from vaefeat.serving.batching import BatchSettings
from vaefeat.serving.connections import Connection
from vaefeat.serving.explorer import check_explorer
from vaefeat.serving.metrics import Metrics
from vaefeat.serving.repository import Repository
from vaefeat.serving.service import Service

log = logging.getLogger("vaefeat.serving")

KEEP_ALIVE = 75  # seconds; longer than load balancers keep a connection that is idle
GRACE = 30.0  # seconds to finish what was taken
FAREWELL = 0.2  # seconds in which late requests are told 503, rather than cut off


@dataclass(frozen=True)
class Settings:
    """How to serve.

    Attributes
    ----------
    host, port : str, int
        Port 0 stands for any that is free.
    batches : BatchSettings
    max_rows : int
        Of a request.
    poll_seconds : float
        Between two looks for new versions; 0 is never.
    drain_seconds : float
        For which a service that was told to end answers further requests, so that a load balancer can
        notice that it is not ready any more.
    token : str or None
        What clients have to show.
    explorer : Path or None
        Folder that ``vaefeat explore`` wrote, to be served too.
    certfile, keyfile : Path or None
        For TLS.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    batches: BatchSettings = field(default_factory=BatchSettings)
    max_rows: int = 4096
    poll_seconds: float = 0.0
    drain_seconds: float = 0.0
    token: str | None = None
    explorer: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None


def serve(folder: Path, settings: Settings, started: Callable[[str, Repository], None]) -> None:
    """Serve the models in a folder until the process is told to end.

    Parameters
    ----------
    folder : Path
        Holds NAME/model.onnx or NAME/VERSION/model.onnx.
    settings : Settings
    started : callable
        Called with the address and the models, when they can be reached and signals are heeded.

    Raises
    ------
    InvalidModelError
        If there is no model to serve.
    OSError
        If the address cannot be listened on, or the certificate is not one.
    ValueError
        If there is a key without a certificate, or no explorer where there should be one.
    """
    if settings.keyfile is not None and settings.certfile is None:
        raise ValueError("Got a key for TLS without a certificate.")
    if settings.explorer is not None:
        check_explorer(settings.explorer)
    metrics = Metrics()
    repository = Repository(folder, settings.batches, metrics)
    _load(repository, folder)
    service = Service(
        repository,
        metrics,
        max_rows=settings.max_rows,
        token=settings.token,
        explorer=settings.explorer,
    )
    config = uvicorn.Config(
        make_app(service),
        http=Connection,
        ws="none",
        lifespan="off",
        ssl_certfile=settings.certfile,
        ssl_keyfile=settings.keyfile,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=5,
    )
    config.load()  # so that a bad certificate is found before anything listens
    with _listen(settings) as listener, asyncio.Runner(loop_factory=_new_event_loop) as runner:
        address = _address(listener, settings)
        server = _Server(config, service, settings, lambda: started(address, repository))
        runner.run(server.run_on(listener))


def _load(repository: Repository, folder: Path) -> None:
    swap = repository.read()
    if swap is not None:
        swap()
    if not repository.models:
        refusals = "".join(f" {name}: {reason}" for (name, _), reason in repository.refusals.items())
        raise InvalidModelError(f"There is no model to serve in {folder}, expected {PLACES}.{refusals}")


def _listen(settings: Settings) -> socket.socket:
    family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((settings.host, settings.port), family=family, backlog=2048)


def _address(listener: socket.socket, settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http{'s' if settings.certfile else ''}://{host}:{listener.getsockname()[1]}"


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class _Server(uvicorn.Server):
    """A server that finishes what it has taken before it ends, and looks for new versions."""

    def __init__(
        self, config: uvicorn.Config, service: Service, settings: Settings, started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._service = service
        self._settings = settings
        self._started = started

    async def run_on(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        watching = asyncio.create_task(self._watch())
        await self.serve([listener])
        watching.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()

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
        service = self._service
        log.info("Told to end: not ready any more.")
        await asyncio.sleep(self._settings.drain_seconds)
        service.is_closed = True
        log.info("Finishing %d requests.", service.n_open)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await asyncio.sleep(FAREWELL)
                while service.n_open:
                    await asyncio.sleep(0.01)
        self.should_exit = True

    async def _watch(self) -> None:
        seconds = self._settings.poll_seconds
        while seconds:
            await asyncio.sleep(seconds)
            try:
                swap = await asyncio.to_thread(self._service.repository.read)
            except Exception:  # a folder that cannot be read now may be there again at the next look
                log.exception("Could not look for new versions.")
            else:
                if swap is not None:
                    swap()
