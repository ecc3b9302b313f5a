"""The service, whatever the protocol: its models, its settings and the stages of its life."""

import asyncio
import hmac
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime.folders import PLACES
from vaefeat.runtime.sandbox import Sandbox
from vaefeat.serving.batching import BatchSettings
from vaefeat.serving.errors import ClosedError, ForbiddenError
from vaefeat.serving.memory import Memory
from vaefeat.serving.metrics import Metrics
from vaefeat.serving.repository import Repository

log = logging.getLogger("vaefeat.serving")

PUBLISH_SECONDS = 0.5
FINISH_SECONDS = 30.0  # the most that open requests may take when the service ends
CLOSED_SECONDS = 0.2  # for which late requests are told that the service is closed, rather than cut off


@dataclass(frozen=True)
class ServiceSettings:
    """How to serve, whatever the protocol.

    Attributes
    ----------
    batches : BatchSettings
    poll_seconds : float
        Between two checks for new versions; 0 means never.
    drain_seconds : float
        How long a service that is told to end still accepts requests, so that a load balancer can notice
        that it is no longer ready.
    token : str or None
        What clients must send, as ``Authorization: Bearer TOKEN``.
    allow_control : bool
        Whether clients may load and unload models.
    """

    batches: BatchSettings = field(default_factory=BatchSettings)
    poll_seconds: float = 0.0
    drain_seconds: float = 0.0
    token: str | None = None
    allow_control: bool = False


@dataclass
class Service:
    """The models and the state that all protocols share.

    Attributes
    ----------
    repository : Repository
    metrics : Metrics
    settings : ServiceSettings
    memory : Memory
    is_draining : bool
        Whether the service is about to end: it is no longer ready.
    is_closed : bool
        Whether it only finishes the requests that it has accepted.
    n_open : int
        Requests that have arrived and are not answered yet.
    """

    repository: Repository
    metrics: Metrics
    settings: ServiceSettings = field(default_factory=ServiceSettings)
    memory: Memory = field(default_factory=Memory)
    is_draining: bool = False
    is_closed: bool = False
    n_open: int = 0
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def open(cls, folder: Path, settings: ServiceSettings, sandbox: Sandbox | None = None) -> "Service":
        """Load the models in a folder, after a trial in a sandbox.

        Raises
        ------
        InvalidModelError
            If there is no model to serve.
        """
        metrics = Metrics()
        repository = Repository(folder, settings.batches, metrics, sandbox)
        if swap := repository.read():
            swap()
        if not repository.models:
            refusals = "".join(f" {name}: {reason}" for (name, _), reason in repository.refusals.items())
            raise InvalidModelError(f"There is no model to serve in {folder}, expected {PLACES}.{refusals}")
        return cls(repository, metrics, settings)

    @property
    def is_live(self) -> bool:
        """Whether the process can work; if not, it must be restarted."""
        return self.repository.is_alive

    @property
    def is_ready(self) -> bool:
        """Whether requests should be sent here."""
        return self.is_live and not self.is_draining and bool(self.repository.models)

    def check_open(self) -> None:
        """Raise ClosedError if no further requests are accepted."""
        if self.is_closed:
            raise ClosedError("The service is shutting down.")

    def is_authorized(self, authorization: bytes) -> bool:
        """Return whether a client that sends this ``Authorization`` may use the service."""
        token = self.settings.token
        return token is None or hmac.compare_digest(authorization, b"Bearer " + token.encode())

    @property
    def answering(self) -> "Service":
        """Count a request as open until the end of a block: ``with service.answering:``."""
        return self

    def __enter__(self) -> None:
        self.n_open += 1

    def __exit__(self, *exc_info: object) -> None:
        self.n_open -= 1

    async def watch(self) -> None:
        """Look for new versions of the models, forever; return at once if the settings say never."""
        seconds = self.settings.poll_seconds
        while seconds:
            await asyncio.sleep(seconds)
            try:
                await self._read()
            except Exception:  # a folder that cannot be read now may be back at the next check
                log.exception("Could not look for new versions.")

    async def publish(self) -> None:
        """Let the other processes know what this one has counted, forever."""
        while True:
            self.metrics.publish()
            await asyncio.sleep(PUBLISH_SECONDS)

    async def load(self, name: str) -> None:
        """Load a model, or its new and changed files.

        Raises
        ------
        ForbiddenError
            If the settings do not allow it.
        ModelNotFoundError
            If there is no file of that name.
        ModelRefusedError
            If a file is refused; what was served before is still served.
        """
        self._check_control()
        await self._read(name)
        self.repository.check_loaded(name)

    async def unload(self, name: str) -> None:
        """Stop serving a model; raise ForbiddenError or ModelNotFoundError if that is not possible."""
        self._check_control()
        async with self._changing:
            self.repository.unload(name)

    def _check_control(self) -> None:
        if not self.settings.allow_control:
            raise ForbiddenError(
                "Clients may not load and unload models, unless the service is started with --allow-control."
            )

    async def _read(self, only: str | None = None) -> None:
        async with self._changing:
            if swap := await _in_daemon(partial(self.repository.read, only)):
                swap()

    async def drain(self) -> None:
        """Close the service, and wait until the requests that it has accepted are answered."""
        log.info("Told to end: no longer ready.")
        self.repository.close()
        await asyncio.sleep(self.settings.drain_seconds)
        self.is_closed = True
        log.info("Finishing %d requests.", self.n_open)
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                await asyncio.sleep(CLOSED_SECONDS)
                while self.n_open:
                    await asyncio.sleep(0.01)


async def _in_daemon(function: Callable[[], Any]) -> Any:
    """Call a function in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def call() -> None:
        outcome: Any = None
        setter = future.set_result
        try:
            outcome = function()
        except Exception as exc:
            outcome, setter = exc, future.set_exception
        with suppress(RuntimeError):  # the loop has ended in the meantime
            loop.call_soon_threadsafe(lambda: future.done() or setter(outcome))

    threading.Thread(target=call, daemon=True).start()
    return await future
