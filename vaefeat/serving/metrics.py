"""Metrics for Prometheus."""

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

from vaefeat.serving.statistics import Statistics

disable_created_metrics()  # one line for the creation time of each metric

_SECONDS = [base * 10.0**power for power in range(-4, 1) for base in (1, 2.5, 5)] + [10.0]
_ROWS = [2.0**power for power in range(13)]


class Metrics:
    """The metrics of a service; :meth:`of` returns those of a model."""

    def __init__(self) -> None:
        self._registry = r = CollectorRegistry()
        ProcessCollector(registry=r)
        counter, gauge = partial(Counter, registry=r), partial(Gauge, registry=r)
        seconds = partial(Histogram, labelnames=["model"], buckets=_SECONDS, registry=r)
        rows = partial(Histogram, labelnames=["model"], buckets=_ROWS, registry=r)
        self.requests = counter("vaefeat_requests", "Responses by status.", ["model", "status"])
        self.errors = counter("vaefeat_errors", "Failed requests by reason.", ["model", "reason"])
        self.request_seconds = seconds("vaefeat_request_seconds", "Time to answer a request.")
        self.queue_rows = gauge("vaefeat_queue_rows", "Rows that wait to be run.", ["model"])
        self.queue_seconds = seconds("vaefeat_queue_seconds", "How long a request waited to be run.")
        self.batch_rows = rows("vaefeat_batch_rows", "Rows of a run.")
        self.run_seconds = seconds("vaefeat_inference_seconds", "How long a run of the model took.")
        self.loads = counter("vaefeat_loads", "Files read, by outcome.", ["outcome"])
        for outcome in ("served", "refused"):
            self.loads.labels(outcome)  # present from the start, as zero

    def of(self, model: str) -> "ModelMetrics":
        """Return the metrics of a model."""
        return ModelMetrics(self, model)

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)


class ModelMetrics:
    """The metrics of one model.

    Parameters
    ----------
    metrics : Metrics
    model : str
        Its name; empty for requests that name no existing model.

    Attributes
    ----------
    statistics : Statistics
        Of this version of the model alone, while the metrics are those of all its versions.
    """

    def __init__(self, metrics: Metrics, model: str) -> None:
        self.statistics = Statistics()
        self._model = model
        self._requests = metrics.requests
        self._errors = metrics.errors
        self._request_seconds = metrics.request_seconds.labels(model)
        self._queue_rows = metrics.queue_rows.labels(model)
        self._queue_seconds = metrics.queue_seconds.labels(model)
        self._batch_rows = metrics.batch_rows.labels(model)
        self._run_seconds = metrics.run_seconds.labels(model)

    def observe_run(self, n_rows: int, seconds: float, waits: Sequence[float]) -> None:
        """Count a run, and how long each of its requests had waited."""
        self.statistics.add_run(n_rows, seconds, waits)
        self._batch_rows.observe(n_rows)
        self._run_seconds.observe(seconds)
        for wait in waits:
            self._queue_seconds.observe(wait)

    def observe_success(self, status: str, seconds: float) -> None:
        """Count a request that succeeded, with the status by which its protocol calls that."""
        self.statistics.success.add(seconds)
        self._requests.labels(self._model, status).inc()
        self._request_seconds.observe(seconds)

    def observe_error(self, status: str, reason: str, seconds: float) -> None:
        """Count a request that failed, with the status and the reason that its protocol reports."""
        self.statistics.fail.add(seconds)
        self._requests.labels(self._model, status).inc()
        self._errors.labels(self._model, reason).inc()

    def watch_queue(self, n_rows: Callable[[], float]) -> None:
        """Call ``n_rows`` for the length of the queue whenever the metrics are read."""
        self._queue_rows.set_function(n_rows)
