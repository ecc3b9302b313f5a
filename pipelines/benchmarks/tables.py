"""The rows of the benchmarks as tables for the README and ``docs/``."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pipelines.benchmarks.common import Row
from vaefeat.comparison import markdown_table


class Table(NamedTuple):
    """The columns of the table of a benchmark, and the cells of a row."""

    columns: tuple[str, ...]
    cells: Callable[[Row], tuple[str, ...]]


OURS = "vaefeat"
EMPTY = "pass"  # the process that imports nothing
OF_LIBRARY = {
    "training": Table(
        ("one epoch of 20 000 images", "convolutions", "batch", "seconds", "speedup of vaefeat"),
        lambda row: (
            row["name"],
            row["filters"],
            str(row["batch_size"]),
            f"{row['seconds_per_epoch']:.2f}",
            "" if row["name"] == OURS else f"{1 / row['vaefeat_ratio']:.2f} ×",
        ),
    ),
    "semi_supervised": Table(
        ("one step, 784-500-50, ten classes, batches of 100", "ms", "in steps of the VAE"),
        lambda row: (row["name"], f"{row['milliseconds_per_step']:.1f}", f"{row['vae_steps']:.2f}"),
    ),
    "views": Table(
        ("one step of `image_encoder`, 256 photographs of 32 × 32", "ms", "of it for views"),
        lambda row: (row["name"], f"{row['milliseconds_per_step']:.0f}", f"{row['share_of_step']:.0%}"),
    ),
    "transform": Table(
        ("one call of the same encoder", "rows", "µs", "rows/s"),
        lambda row: (
            row["name"],
            str(row["batch_size"]),
            f"{row['microseconds_per_call']:,.0f}",
            f"{row['rows_per_second']:,.0f}",
        ),
    ),
    "imports": Table(
        ("import", "seconds above an empty process"),
        lambda row: (row["name"], f"{row['seconds_above_empty']:.2f}"),
    ),
    "memory": Table(
        ("memory, 60 000 × 784 float32", "data", "peak above the import"),
        lambda row: (row["name"], f"{row['data_mb']:,.0f} MB", f"{row['peak_above_import_mb']:,.0f} MB"),
    ),
    "encode": Table(
        ("1 000 000 × 784 float32", "rows/s", "peak memory of the process"),
        lambda row: (row["name"], f"{row['rows_per_second']:,.0f}", f"{row['peak_mb']:,.0f} MB"),
    ),
    "environment": Table(
        ("installed", "packages", "size"),
        lambda row: (row["name"], str(row["n_packages"]), f"{row['installed_mb']:,.0f} MB"),
    ),
    "explorer": Table(
        ("one slider move in the explorer, 500-500 decoder", "median", "95th percentile"),
        lambda row: (row["name"], f"{row['median_ms']:.1f} ms", f"{row['p95_ms']:.1f} ms"),
    ),
}
OF_LARGE_DATA = {
    "large": Table(
        ("one epoch, 784 features, 64 hidden units", "rows", "as float32", "peak memory above that before"),
        lambda row: (
            row["name"],
            f"{row['n_samples']:,}",
            f"{row['data_mb']:,.0f} MB",
            f"{row['peak_above_before_mb']:,.0f} MB",
        ),
    ),
    "limited": Table(
        (
            "one epoch of a stream",
            "rows",
            "features",
            "as float32",
            "limit",
            "peak above that before",
            "seconds",
        ),
        lambda row: (
            row["name"],
            f"{row['n_samples']:,}",
            str(row["n_features"]),
            f"{row['data_mb']:,.0f} MB",
            f"{row['limit_mb']:,} MB",
            f"{row['peak_above_before_mb']:,.0f} MB",
            f"{row['seconds']:,.0f}",
        ),
    ),
    "sorted_rows": Table(
        ("ELBO on test images, three epochs of MNIST", "in memory", "stream of a file sorted by class"),
        lambda row: (
            row["name"],
            f"{row['in_memory_nats']:.2f} nats",
            f"{row['sorted_stream_nats']:.2f} nats",
        ),
    ),
    "streaming": Table(
        ("an epoch of 784-500-500-50", "rows/s", "share of the array"),
        lambda row: (row["name"], f"{row['rows_per_second']:,.0f}", f"{100 * row['share_of_array']:.0f} %"),
    ),
    "encode_threads": Table(
        ("encoding .npy files", "rows/s", "speedup over one thread", "CPU time of one thread"),
        lambda row: (
            row["name"],
            f"{row['rows_per_second']:,.0f}",
            f"{row['speedup_over_one_thread']:.2f} ×",
            f"{row['cpu_ratio']:.2f} ×",
        ),
    ),
    "encode_dask": Table(
        ("encoding .npy files", "rows", "rows/s", "time of two threads", "runs with other bytes"),
        lambda row: (
            row["name"],
            f"{row['n_samples']:,}",
            f"{row['rows_per_second']:,.0f}",
            f"{row['time_of_threads']:.2f} ×",
            str(row["n_different"]),
        ),
    ),
    "kills": Table(
        ("at random moments", "kills", "runs in the end", "of which bit for bit", "temporary files left"),
        lambda row: (
            row["name"],
            str(row["kills"]),
            str(row["complete_runs"]),
            str(row["bitwise_equal_runs"]),
            str(row["temporary_files"]),
        ),
    ),
}
OF_SERVICE = {
    "serve": Table(
        ("one row per request, 32 connections", "requests/s", "median", "99th percentile"),
        lambda row: (
            f"{row['name']} ({row['version']})",
            f"{row['requests_per_second']:,.0f}",
            f"{row['p50_ms']:.0f} ms",
            f"{row['p99_ms']:.0f} ms",
        ),
    ),
    "limit": Table(
        (
            "against the limit: an echo, and the model alone",
            "requests/s",
            "of the limit",
            "by processor time",
        ),
        lambda row: (
            row["name"],
            f"{row['requests_per_second']:,.0f}",
            f"{row['share_of_limit']:.0%}",
            f"{row['share_of_limit_cpu']:.0%}",
        ),
    ),
    "workers": Table(
        ("workers, the client on one core", "requests/s", "processor time of a request", "99th percentile"),
        lambda row: (
            f"{row['name']}, {row['cores']} cores",
            f"{row['requests_per_second']:,.0f}",
            f"{row['cpu_microseconds']:.0f} µs",
            f"{row['p99_ms']:.0f} ms",
        ),
    ),
    "overload": Table(
        (
            "overload",
            "capacity",
            "sent",
            "answered",
            "429",
            "other",
            "99th percentile",
            "memory",
        ),
        lambda row: (
            row["name"],
            f"{row['capacity_per_second']:,.0f}/s",
            f"{row['sent_per_second']:,.0f}/s",
            f"{row['accepted']:,}",
            f"{row['refused_429']:,}",
            f"{row['late_504'] + row['other']:,}",
            f"{row['accepted_p99_ms']:.0f} ms",
            f"{row['memory_before_mb']:.0f} → {row['largest_memory_mb']:.0f} MB",
        ),
    ),
    "fuzz": Table(
        ("damaged requests", "sent", "statuses", "memory afterwards"),
        lambda row: (row["name"], f"{row['requests']:,}", row["statuses"], f"{row['memory_mb']:.0f} MB"),
    ),
    "mutants": Table(
        ("models loaded while serving", "number", "refused", "failed requests", "slowest answer"),
        lambda row: (
            row["name"],
            f"{row['mutants']:,}",
            f"{row['refused']:,}",
            f"{row['failed']:,} of {row['requests']:,}",
            f"{row['slowest_ms']:.0f} ms",
        ),
    ),
    "soak": Table(
        ("over a long time", "requests", "memory after warm-up", "at the end"),
        lambda row: (
            row["name"],
            f"{row['requests']:,}",
            f"{row['warm_mb']:.0f} MB",
            f"{row['last_mb']:.0f} MB",
        ),
    ),
    "startup": Table(
        ("from the command to the first response", "seconds", "memory"),
        lambda row: (row["name"], f"{row['median_seconds']:.2f}", f"{row['memory_mb']:.0f} MB"),
    ),
}


def benchmark_tables(benchmarks: dict[str, Any], tables: dict[str, Table]) -> str:
    """Return the machine, and one table per benchmark that has rows."""
    machine = benchmarks["machine"]
    texts = [f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}."]
    for name, (columns, cells) in tables.items():
        rows = [cells(row) for row in benchmarks["rows"] if row["benchmark"] == name and row["name"] != EMPTY]
        if rows:
            texts.append(markdown_table(columns, rows))
    return "\n\n".join(texts)
