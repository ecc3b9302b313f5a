"""Metrics for Prometheus.

They are counted as plain numbers, which costs a fraction of what the objects of the client library do, and
become its objects when they are read.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Protocol

from prometheus_client import (
    CollectorRegistry,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from vaefeat.serving.statistics import Statistics

disable_created_metrics()  # otherwise each metric has a line for its creation time

_SECONDS = [base * 10.0**power for power in range(-4, 1) for base in (1, 2.5, 5)] + [10.0]
_ROWS = [2.0**power for power in range(13)]


class Histogram:
    """How many values fell between some bounds, and their sum.

    Parameters
    ----------
    bounds : list of float
        In ascending order; each belongs to what lies below it.
    """

    def __init__(self, bounds: list[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def to_dict(self) -> dict[str, Any]:
        """Return what was counted, for :meth:`add`."""
        return {"counts": self._counts, "sum": self._sum}

    def add(self, other: dict[str, Any]) -> None:
        """Count what another process has counted, too."""
        self._counts = [a + b for a, b in zip(self._counts, other["counts"], strict=True)]
        self._sum += other["sum"]

    def add_to(self, family: HistogramMetricFamily, model: str) -> None:
        """Add what was counted to a metric of Prometheus."""
        bounds = map(floatToGoString, [*self._bounds, float("inf")])
        family.add_metric([model], list(zip(bounds, accumulate(self._counts), strict=True)), self._sum)


class _Counts:
    """What was counted for all versions of a model."""

    def __init__(self) -> None:
        self.requests: dict[str, int] = defaultdict(int)
        self.errors: dict[str, int] = defaultdict(int)
        self.request_seconds = Histogram(_SECONDS)
        self.queue_seconds = Histogram(_SECONDS)
        self.batch_rows = Histogram(_ROWS)
        self.run_seconds = Histogram(_SECONDS)
        self.n_waiting: Callable[[], float] = float

    @property
    def histograms(self) -> dict[str, Histogram]:
        """The histograms, by the names of their attributes."""
        return {name: each for name, each in vars(self).items() if isinstance(each, Histogram)}

    def to_dict(self) -> dict[str, Any]:
        """Return what was counted, for :meth:`add`."""
        histograms = {name: each.to_dict() for name, each in self.histograms.items()}
        return {"requests": self.requests, "errors": self.errors, "histograms": histograms}

    def add(self, other: dict[str, Any]) -> None:
        """Count what another process has counted, too."""
        for numbers, others in ((self.requests, other["requests"]), (self.errors, other["errors"])):
            for label, number in others.items():
                numbers[label] += number
        for name, each in self.histograms.items():
            each.add(other["histograms"][name])


class Board(Protocol):
    """Where processes that serve together publish what they have counted."""

    slot: int

    def publish(self, value: dict[str, Any]) -> None:
        """Replace what this process has published."""

    def read(self, slot: int) -> dict[str, Any] | None:
        """Return what a process has published."""

    def read_others(self) -> list[dict[str, Any]]:
        """Return what the other processes have published."""


class Metrics(Collector):
    """The metrics of a service; :meth:`of` returns those of a model."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._counts: dict[str, _Counts] = defaultdict(_Counts)
        self._loads = {"served": 0, "refused": 0}
        self._board: Board | None = None
        self._registry.register(self)

    def share(self, board: Board) -> None:
        """Go on from what a dead process has published in this slot, and count together with the others."""
        self._board = board
        if (before := board.read(board.slot)) is not None:
            self.add(before)

    def publish(self) -> None:
        """Let the other processes know what this one has counted."""
        if self._board is not None:
            self._board.publish(self.to_dict())

    def observe_load(self, outcome: str) -> None:
        """Count a file that was read, and "served" or "refused"."""
        self._loads[outcome] += 1

    def to_dict(self) -> dict[str, Any]:
        """Return what was counted, for :meth:`add`."""
        return {"loads": self._loads, "models": {name: each.to_dict() for name, each in self._counts.items()}}

    def add(self, other: dict[str, Any]) -> None:
        """Count what another process has counted, too."""
        for outcome, number in other["loads"].items():
            self._loads[outcome] += number
        for model, counts in other["models"].items():
            self._counts[model].add(counts)

    def _of_all(self) -> "Metrics":
        """Return the sum of what all processes have counted."""
        total = Metrics()
        for part in (self.to_dict(), *(self._board.read_others() if self._board else ())):
            total.add(part)
        return total

    def of(self, model: str) -> "ModelMetrics":
        """Return the metrics of a model."""
        return ModelMetrics(self._counts[model])

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all models as Prometheus's client knows them."""
        waiting = GaugeMetricFamily("vaefeat_queue_rows", "Rows that wait to be run.", labels=["model"])
        for model, each in sorted(self._counts.items()):
            waiting.add_metric([model], each.n_waiting())  # of this process
        yield waiting
        yield from self._of_all().families()

    def families(self) -> Iterator[Metric]:
        """Yield what was counted."""
        counts = sorted(self._counts.items())
        loads = CounterMetricFamily("vaefeat_loads", "Files read, by outcome.", labels=["outcome"])
        for outcome, number in self._loads.items():
            loads.add_metric([outcome], number)
        requests = CounterMetricFamily("vaefeat_requests", "Responses by status.", labels=["model", "status"])
        errors = CounterMetricFamily(
            "vaefeat_errors", "Failed requests by reason.", labels=["model", "reason"]
        )
        for model, each in counts:
            for family, numbers in ((requests, each.requests), (errors, each.errors)):
                for label, number in list(numbers.items()):
                    family.add_metric([model, label], number)
        yield from (loads, requests, errors)
        yield from self._histograms(counts)

    def _histograms(self, counts: list[tuple[str, _Counts]]) -> Iterator[Metric]:
        for name, help_, attribute in (
            ("vaefeat_request_seconds", "Time to answer a request.", "request_seconds"),
            ("vaefeat_queue_seconds", "How long a request waited to be run.", "queue_seconds"),
            ("vaefeat_batch_rows", "Rows of a run.", "batch_rows"),
            ("vaefeat_inference_seconds", "How long a run of the model took.", "run_seconds"),
        ):
            family = HistogramMetricFamily(name, help_, labels=["model"])
            for model, each in counts:
                getattr(each, attribute).add_to(family, model)
            yield family


class ModelMetrics:
    """The metrics of one model.

    Parameters
    ----------
    counts : _Counts
        Of all its versions.

    Attributes
    ----------
    statistics : Statistics
        Of this version only.
    """

    def __init__(self, counts: _Counts) -> None:
        self.statistics = Statistics()
        self._counts = counts

    def observe_run(self, n_rows: int, seconds: float, waits: Sequence[float]) -> None:
        """Count a run, and how long each of its requests had waited; any thread may call it."""
        counts = self._counts
        with self.statistics.lock:
            self.statistics.add_run(n_rows, seconds, waits)
            counts.batch_rows.observe(n_rows)
            counts.run_seconds.observe(seconds)
            for wait in waits:
                counts.queue_seconds.observe(wait)

    def observe_success(self, status: str, seconds: float) -> None:
        """Count a request that succeeded, with the status that its protocol has for this."""
        self.statistics.success.add(seconds)
        self._counts.requests[status] += 1
        self._counts.request_seconds.observe(seconds)

    def observe_error(self, status: str, reason: str, seconds: float) -> None:
        """Count a request that failed, with the status and the reason that its protocol reports."""
        self.statistics.fail.add(seconds)
        self._counts.requests[status] += 1
        self._counts.errors[reason] += 1

    def watch_queue(self, n_rows: Callable[[], float]) -> None:
        """Call ``n_rows`` for the length of the queue whenever the metrics are read."""
        self._counts.n_waiting = n_rows
