"""What requests are answered from, and in which state it is."""

from dataclasses import dataclass, field
from pathlib import Path

from vaefeat.serving.bodies import Bodies
from vaefeat.serving.metrics import Metrics
from vaefeat.serving.refusals import Refusal
from vaefeat.serving.repository import Repository


@dataclass
class Service:
    """What requests are answered from, and in which state it is.

    Attributes
    ----------
    repository : Repository
    metrics : Metrics
    max_rows : int
        Of a request.
    token : str or None
        What clients have to show, as ``Authorization: Bearer TOKEN``.
    explorer : Path or None
        Folder that ``vaefeat explore`` wrote, to be served too.
    is_draining : bool
        The service is about to end: it is not ready any more.
    is_closed : bool
        It takes no further requests, and finishes those that it has taken.
    n_open : int
        Requests that were taken and are not answered yet.
    """

    repository: Repository
    metrics: Metrics
    max_rows: int = 4096
    token: str | None = None
    explorer: Path | None = None
    is_draining: bool = False
    is_closed: bool = False
    n_open: int = 0
    bodies: Bodies = field(default_factory=Bodies)

    @property
    def is_live(self) -> bool:
        """Whether the process can work; if not, it is to be restarted."""
        return self.repository.is_alive

    @property
    def is_ready(self) -> bool:
        """Whether requests should be sent here."""
        return self.is_live and not self.is_draining and bool(self.repository.models)

    def refuse_if_closed(self) -> None:
        """Raise Refusal if no further requests are taken."""
        if self.is_closed:
            raise Refusal(503, "closing", "The service is shutting down.")
