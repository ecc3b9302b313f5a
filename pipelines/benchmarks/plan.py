"""What a thousand million rows of 784 features take, by arithmetic from the rows of the benchmarks."""

from typing import Any

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS, Row
from vaefeat.comparison import markdown_table
from vaefeat.data.shuffled import N_BUCKETS

N_ROWS = 10**9
ROW_BYTES = 4 * N_PIXELS
N_CORES = 64
BATCH_SIZE = 256
HOUR = 3600


def table(benchmarks: dict[str, Any]) -> str:
    """Return the table of docs/large-data.md, from the rows of encoding and of training."""
    n_cores = benchmarks["machine"]["cores"]
    encoded = _row(benchmarks, benchmark="encode", name="vaefeat.encode")["rows_per_second"] / n_cores
    epoch = _row(benchmarks, benchmark="training", name="vaefeat", batch_size=BATCH_SIZE)
    trained = epoch["n_samples"] / epoch["seconds_per_epoch"]
    lines = [
        ("the rows as float32", f"{N_ROWS:,} × {ROW_BYTES:,} bytes", _size(N_ROWS * ROW_BYTES)),
        (
            f"{N_COMPONENTS} features of each",
            f"{N_ROWS:,} × {4 * N_COMPONENTS} bytes",
            _size(N_ROWS * 4 * N_COMPONENTS),
        ),
        ("encoding", f"{encoded:,.0f} rows/s per core", f"{N_ROWS / encoded / HOUR:.1f} hours of one core"),
        (
            f"encoding on {N_CORES} cores",
            "as many units at a time",
            f"{N_ROWS / encoded / N_CORES / 60:.0f} minutes",
        ),
        (
            "what these cores read",
            f"{encoded:,.0f} × {ROW_BYTES:,} bytes each",
            f"{_size(N_CORES * encoded * ROW_BYTES)} per second",
        ),
        (
            "an epoch of training",
            f"{trained:,.0f} rows/s on {n_cores} cores",
            f"{N_ROWS / trained / HOUR:.0f} hours",
        ),
        ("the shuffled rows, on one disk", "as float32", _size(N_ROWS * ROW_BYTES)),
        ("one of their files, in memory", f"one of {N_BUCKETS}", _size(N_ROWS * ROW_BYTES / N_BUCKETS)),
    ]
    return markdown_table((f"{N_ROWS:,} rows of {N_PIXELS} features, 784-500-500-50", "from", "takes"), lines)


def _row(benchmarks: dict[str, Any], **wanted: Any) -> Row:
    return next(row for row in benchmarks["rows"] if wanted.items() <= row.items())


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e12:,.1f} TB" if n_bytes >= 1e12 else f"{n_bytes / 1e9:,.0f} GB"
