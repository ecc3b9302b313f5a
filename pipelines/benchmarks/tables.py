"""The benchmarks' rows as tables, for the README and for ``docs/``."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pipelines.benchmarks.common import Row


class Table(NamedTuple):
    """The columns of a benchmark's table, and a row's cells."""

    columns: tuple[str, ...]
    cells: Callable[[Row], tuple[str, ...]]


OURS = "vaefeat"
EMPTY = "pass"  # the process that the imports are compared with
IN_README = {
    "training": Table(
        ("an epoch of 784-500-500-50 on 55 000 images", "batch", "seconds", "vaefeat is faster by"),
        lambda row: (
            row["name"],
            str(row["batch_size"]),
            f"{row['seconds_per_epoch']:.2f}",
            "" if row["name"] == OURS else f"{1 / row['vaefeat_ratio']:.2f} ×",
        ),
    ),
    "semi_supervised": Table(
        ("a step, 784-500-50, ten classes, batches of 100", "ms", "steps of the VAE"),
        lambda row: (row["name"], f"{row['milliseconds_per_step']:.1f}", f"{row['vae_steps']:.2f}"),
    ),
    "transform": Table(
        ("one call, the same encoder", "rows", "µs", "rows/s"),
        lambda row: (
            row["name"],
            str(row["batch_size"]),
            f"{row['microseconds_per_call']:,.0f}",
            f"{row['rows_per_second']:,.0f}",
        ),
    ),
    "imports": Table(
        ("import", "seconds over an empty process"),
        lambda row: (row["name"], f"{row['seconds_above_empty']:.2f}"),
    ),
    "memory": Table(
        ("memory, 60 000 × 784 float32", "data", "peak over the import"),
        lambda row: (row["name"], f"{row['data_mb']:,.0f} MB", f"{row['peak_above_import_mb']:,.0f} MB"),
    ),
    "encode": Table(
        ("1 000 000 × 784 float32", "rows/s", "peak of the process"),
        lambda row: (row["name"], f"{row['rows_per_second']:,.0f}", f"{row['peak_mb']:,.0f} MB"),
    ),
    "environment": Table(
        ("installed", "packages", "size"),
        lambda row: (row["name"], str(row["n_packages"]), f"{row['installed_mb']:,.0f} MB"),
    ),
    "explorer": Table(
        ("a move of a slider of the explorer, 500-500 decoder", "half drawn within", "95 % within"),
        lambda row: (row["name"], f"{row['median_ms']:.1f} ms", f"{row['p95_ms']:.1f} ms"),
    ),
}
IN_DOCS = {
    "serve": Table(
        ("one row a request, 32 connections", "requests/s", "half within", "99 % within"),
        lambda row: (
            f"{row['name']} ({row['version']})",
            f"{row['requests_per_second']:,.0f}",
            f"{row['p50_ms']:.0f} ms",
            f"{row['p99_ms']:.0f} ms",
        ),
    ),
    "overload": Table(
        (
            "asked for more than it can do",
            "can do",
            "asked",
            "answered",
            "429",
            "else",
            "99 % within",
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
    "soak": Table(
        ("over a long time", "requests", "memory after warming up", "at the end"),
        lambda row: (
            row["name"],
            f"{row['requests']:,}",
            f"{row['warm_mb']:.0f} MB",
            f"{row['last_mb']:.0f} MB",
        ),
    ),
    "startup": Table(
        ("from the command to the first answer", "seconds", "memory"),
        lambda row: (row["name"], f"{row['median_seconds']:.2f}", f"{row['memory_mb']:.0f} MB"),
    ),
}


def markdown(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, ("---",) * len(columns), *rows))


def benchmark_tables(benchmarks: dict[str, Any], tables: dict[str, Table]) -> str:
    """Return the machine, and a table of each benchmark that has rows."""
    machine = benchmarks["machine"]
    texts = [f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}."]
    for name, (columns, cells) in tables.items():
        rows = [cells(row) for row in benchmarks["rows"] if row["benchmark"] == name and row["name"] != EMPTY]
        if rows:
            texts.append(markdown(columns, rows))
    return "\n\n".join(texts)
