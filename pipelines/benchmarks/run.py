"""Run the benchmarks, show their tables, and write their rows: ``python -m pipelines.benchmarks.run``."""

import json
import os
import platform
import subprocess
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from pipelines.benchmarks import (
    encode,
    encode_dask,
    encode_threads,
    environment,
    explorer,
    imports,
    kills,
    large,
    limited,
    memory,
    semi_supervised,
    sorted_rows,
    streaming,
    training,
    transform,
    views,
)
from pipelines.benchmarks.common import Row
from pipelines.benchmarks.serving import (
    fairness,
    fuzz,
    limit,
    mutants,
    overload,
    soak,
    startup,
    throughput,
    workers,
)

BENCHMARKS: dict[str, ModuleType] = {
    "training": training,
    "semi_supervised": semi_supervised,
    "views": views,
    "transform": transform,
    "imports": imports,
    "memory": memory,
    "encode": encode,
    "environment": environment,
}
# Run by `make bench-large`, `make bench-serve` and `make bench-explore`: the first needs 25 GB of disk, the
# other services are installed elsewhere, the soak test takes long, and the explorer needs a browser.
ON_DEMAND: dict[str, ModuleType] = {
    "large": large,
    "limited": limited,
    "sorted_rows": sorted_rows,
    "streaming": streaming,
    "encode_threads": encode_threads,
    "encode_dask": encode_dask,
    "kills": kills,
    "serve": throughput,
    "limit": limit,
    "workers": workers,
    "fairness": fairness,
    "startup": startup,
    "overload": overload,
    "fuzz": fuzz,
    "mutants": mutants,
    "soak": soak,
    "explorer": explorer,
}
ALL = BENCHMARKS | ON_DEMAND
Name = StrEnum("Name", list(ALL))
RESULTS = Path(__file__).parents[1] / "results" / "benchmarks.json"
PACKAGES = (  # that of vaefeat is in each row: its commit
    "numpy",
    "onnxruntime",
    "scikit-learn",
    "tensorflow",
    "keras",
    "onnx",
    "tf2onnx",
    "torch",
)
NOT_SHOWN = ("benchmark", "commit", "n_samples", "n_processes", "n_calls", "epochs_seconds")
CAPTION = "vaefeat ratio: vaefeat's time over that of the row; below 1, vaefeat is faster"

console = Console()


def main(
    smoke: Annotated[bool, typer.Option("--smoke", help="Everything tiny: does it run?")] = False,
    only: Annotated[list[Name] | None, typer.Option(help="One benchmark; repeat it for more.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help=f"Where to write the rows; {RESULTS.name} by default, but for --smoke. Rows of other "
            "benchmarks that are there stay, if they are of this machine with these packages."
        ),
    ] = None,
) -> None:
    """Measure time and memory of vaefeat and of alternatives."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    names = list(only or map(Name, BENCHMARKS))
    if out is None and not smoke:
        out = RESULTS
    rows: list[Row] = []
    commit = _commit()
    for name in names:
        measured = _measure(name, smoke)
        console.print(_table(ALL[name].__doc__, measured))
        rows += [row | {"commit": commit} for row in measured]
    if out is not None:
        _write({"machine": _machine(), "rows": _others(out, names) + rows}, out)
        console.print(f"Wrote {len(rows)} rows to [bold]{out}[/]", highlight=False)


def _measure(name: str, smoke: bool) -> list[Row]:
    columns = TextColumn(f"{name}: {{task.description}}"), BarColumn(), MofNCompleteColumn()
    # Drawn only between measurements: a bar that refreshes itself would take time from what is measured.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task("starting")

        def progress(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total, refresh=True)

        return ALL[name].measure(smoke, progress)


def _table(title: str | None, rows: list[Row]) -> Table:
    keys = [key for key in (rows[0] if rows else {}) if key not in NOT_SHOWN]
    caption = CAPTION if "vaefeat_ratio" in keys else None
    table = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, pad_edge=False)
    for key in keys:
        is_name = key == "name"
        header = key.replace("_", " ").replace("microseconds", "µs")
        table.add_column(header, justify="left" if is_name else "right", no_wrap=is_name)
    for row in rows:
        table.add_row(*[escape(_text(row[key])) for key in keys])
    return table


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _machine() -> dict[str, Any]:
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Return the commit, with "-dirty" behind it if files differ; None without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        result = subprocess.run(command, cwd=RESULTS.parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def _others(path: Path, names: list[Name]) -> list[Row]:
    """Return the rows of the other benchmarks, if they are from this machine."""
    if not path.exists():
        return []
    known = json.loads(path.read_text())
    if known["machine"] != _machine():
        return []
    return [row for row in known["rows"] if row["benchmark"] not in names]


def _write(results: dict[str, Any], path: Path) -> None:
    """Write all or nothing: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(results, indent=2) + "\n")
    partial.replace(path)


if __name__ == "__main__":
    typer.run(main)
