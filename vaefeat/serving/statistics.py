"""What a model has done, in the terms of Triton's extension for statistics."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Duration:
    """How often something took place, and how long it took in all."""

    count: int = 0
    ns: int = 0

    def add(self, seconds: float) -> None:
        """Count something that took some seconds."""
        self.count += 1
        self.ns += round(1e9 * seconds)

    def to_dict(self) -> dict[str, int]:
        """Return the duration as the extension writes it."""
        return {"count": self.count, "ns": self.ns}


@dataclass
class Statistics:
    """What one version of a model has done since it was loaded.

    Attributes
    ----------
    success, fail : Duration
        Requests, from their arrival to the response.
    queue : Duration
        How long requests waited to be run.
    batches : dict of Duration
        Runs, by their number of rows.
    last_ms : int
        When the last run ended, in milliseconds since 1970; 0 if there was none.
    lock : Lock
        Threads that count runs must hold it.
    """

    success: Duration = field(default_factory=Duration)
    fail: Duration = field(default_factory=Duration)
    queue: Duration = field(default_factory=Duration)
    batches: dict[int, Duration] = field(default_factory=lambda: defaultdict(Duration))
    last_ms: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add_run(self, n_rows: int, seconds: float, waits: Sequence[float]) -> None:
        """Count a run, and how long each of its requests had waited; threads must hold the lock."""
        self.batches[n_rows].add(seconds)
        self.queue.count += len(waits)
        self.queue.ns += round(1e9 * sum(waits))
        self.last_ms = round(1000 * time.time())

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics as the extension writes them.

        The time to read requests and to write responses is not measured separately: it is part of "success".
        """
        with self.lock:
            batches = {n_rows: runs.to_dict() for n_rows, runs in sorted(self.batches.items())}
            queue = self.queue.to_dict()
        run = {key: sum(each[key] for each in batches.values()) for key in ("count", "ns")}
        return {
            "last_inference": self.last_ms,
            "inference_count": sum(n_rows * runs["count"] for n_rows, runs in batches.items()),
            "execution_count": run["count"],
            "inference_stats": {
                "success": self.success.to_dict(),
                "fail": self.fail.to_dict(),
                "queue": queue,
                **_computing(run),
                "cache_hit": Duration().to_dict(),
                "cache_miss": Duration().to_dict(),
            },
            "batch_stats": [{"batch_size": n_rows, **_computing(runs)} for n_rows, runs in batches.items()],
        }


def _computing(runs: dict[str, int]) -> dict[str, dict[str, int]]:
    unknown = {"count": runs["count"], "ns": 0}
    return {"compute_input": unknown, "compute_infer": runs, "compute_output": unknown}
