"""What is counted and timed, for Prometheus."""

from collections.abc import Callable, Sequence
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # a line of each metric for the time at which it was made

_SECONDS = [base * 10.0**power for power in range(-4, 1) for base in (1, 2.5, 5)] + [10.0]
_ROWS = [2.0**power for power in range(13)]


class Metrics:
    """The metrics of one service; those of a model by :meth:`of`."""

    def __init__(self) -> None:
        self._registry = r = CollectorRegistry()
        ProcessCollector(registry=r)
        counter, gauge = partial(Counter, registry=r), partial(Gauge, registry=r)
        seconds = partial(Histogram, labelnames=["model"], buckets=_SECONDS, registry=r)
        rows = partial(Histogram, labelnames=["model"], buckets=_ROWS, registry=r)
        self.requests = counter("vaefeat_requests", "Answers by their status.", ["model", "status"])
        self.errors = counter("vaefeat_errors", "Refused requests by reason.", ["model", "reason"])
        self.request_seconds = seconds("vaefeat_request_seconds", "From the head of a request to its answer.")
        self.queue_rows = gauge("vaefeat_queue_rows", "Rows that wait for a run.", ["model"])
        self.queue_seconds = seconds("vaefeat_queue_seconds", "How long a request waited for its run.")
        self.batch_rows = rows("vaefeat_batch_rows", "Rows of a run.")
        self.run_seconds = seconds("vaefeat_inference_seconds", "How long a run of the model took.")
        self.loads = counter("vaefeat_loads", "Files read, by whether they are served.", ["outcome"])
        for outcome in ("served", "refused"):
            self.loads.labels(outcome)  # there from the start, as zero

    def of(self, model: str) -> "ModelMetrics":
        """Return the metrics of a model."""
        return ModelMetrics(self, model)

    def exposition(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self._registry)


class ModelMetrics:
    """What is counted and timed of one model.

    Parameters
    ----------
    metrics : Metrics
    model : str
        Its name; empty for requests that name no model there is.
    """

    def __init__(self, metrics: Metrics, model: str) -> None:
        self._model = model
        self._requests = metrics.requests
        self._errors = metrics.errors
        self._ok = metrics.requests.labels(model, "200")
        self._request_seconds = metrics.request_seconds.labels(model)
        self._queue_rows = metrics.queue_rows.labels(model)
        self._queue_seconds = metrics.queue_seconds.labels(model)
        self._batch_rows = metrics.batch_rows.labels(model)
        self._run_seconds = metrics.run_seconds.labels(model)

    def observe_run(self, n_rows: int, seconds: float, waits: Sequence[float]) -> None:
        """Note a run, and how long each of its requests had waited."""
        self._batch_rows.observe(n_rows)
        self._run_seconds.observe(seconds)
        for wait in waits:
            self._queue_seconds.observe(wait)

    def observe_answer(self, seconds: float) -> None:
        """Note a request that was answered."""
        self._ok.inc()
        self._request_seconds.observe(seconds)

    def observe_refusal(self, status: int, reason: str) -> None:
        """Note a request that was refused."""
        self._requests.labels(self._model, str(status)).inc()
        self._errors.labels(self._model, reason).inc()

    def watch_queue(self, n_rows: Callable[[], float]) -> None:
        """Ask ``n_rows`` for the length of the queue, each time that it is wanted."""
        self._queue_rows.set_function(n_rows)
