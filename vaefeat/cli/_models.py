"""``vaefeat info | verify | encode | export --triton``: the commands that need no training packages."""

import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from vaefeat import runtime
from vaefeat.cli._console import console, errors, print_json, printable
from vaefeat.cli._tables import fitting_table
from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime import card as cards
from vaefeat.runtime import triton
from vaefeat.runtime.model import CHUNK_ROWS, read_model
from vaefeat.runtime.sandbox import try_once

STREAM = Path("-")
Progressed = Callable[[int, float], object]  # rows done, and the share of all
WIDE = 60  # characters: long values, which narrower terminals would wrap, are cut there
MARKS = {b"\x93NUMPY": ".npy", b"PK": ".npz", b"PAR1": ".parquet", b"\x1f\x8b": ".csv.gz"}


def info(path: Path, *, as_json: bool) -> None:
    """Print a model's card, or what the file itself says if it has none."""
    model = _load(path)
    known = _known_of(model, path)
    card = known | model.card
    if as_json:
        return print_json(card)
    try:
        sections = cards.sections(card)
    except RecursionError as exc:
        raise InvalidModelError("The model's card is nested too deeply to be shown.") from exc
    console.print(Text(printable(str(card["name"])), style="bold"))
    console.print(Text(printable(str(card["description"]))))
    for title, entries in sections:
        console.print(Text(f"\n{title}", style="bold"))
        console.print(Padding(_entries(entries), (0, 0, 0, 2)))
    console.print(Text("\nUse it", style="bold"))
    console.print(Padding(Syntax(cards.usage(known), "python", background_color="default"), (0, 0, 0, 2)))


def _entries(entries: list[tuple[str, str]]) -> Table:
    if console.width < WIDE:
        table = fitting_table(["", "value"], entries, console.width - 2)
        table.show_header = False
        return table
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    for name, text in entries:
        table.add_row(Text(printable(name)), Text(printable(text)))
    return table


def _load(path: Path, *, max_rows: int = 1, n_threads: int = 0) -> runtime.OnnxModel:
    """Load a model that others may have written, after a trial in a separate process."""
    content = read_model(path)
    try_once(content, max_rows=max_rows)
    return runtime.OnnxModel(content, n_threads=n_threads)


def _known_of(model: runtime.OnnxModel, path: Path) -> cards.Card:
    return {
        "name": path.stem,
        "description": "A model without a description of its own.",
        "file": {"name": printable(path.name)},
        "inputs": {"name": printable(model.input_name), "dtype": "float32", "n_features": model.n_features},
        "outputs": {name: f"{width} column{'s' * (width > 1)}" for name, width in model.n_outputs.items()},
    }


def verify(path: Path, *, as_json: bool) -> bool:
    """Print the outcome of each check; return whether none failed."""
    checks = runtime.verify(path)
    passed = all(check.passed is not False for check in checks)
    if as_json:
        print_json({"passed": passed, "checks": [asdict(check) for check in checks]})
        return passed
    marks = {True: ("ok    ", "bold green"), False: ("FAILED", "bold red"), None: ("absent", "yellow")}
    for check in checks:
        line = Text.assemble(marks[check.passed], f"  {check.name}: ", printable(check.detail))
        console.print(line, soft_wrap=True)
    return passed


def encode(
    path: Path,
    source: Path,
    target: Path,
    outputs: list[str] | None,
    written: dict[str, Any],
    n_threads: int,
) -> None:
    """Run a model on a file of rows, and print the speed.

    Parameters
    ----------
    path, source, target : Path
        A source or target of - is the standard input or output.
    outputs : list of str, optional
    written : dict
        How a .csv source is written, as options of :func:`vaefeat.runtime.encode`.
    n_threads : int
    """
    model = _load(path, max_rows=CHUNK_ROWS, n_threads=n_threads)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory())) if STREAM in (source, target) else Path()
        rows = _from_stdin(folder) if source == STREAM else source
        features = folder / "features.csv" if target == STREAM else target
        done = _encode(model, rows, features, {"output_names": outputs, **written})
        screen = errors if target == STREAM else console
        screen.print(Text(f"Wrote {done[0]} to {printable(str(target))} in {done[1]}."), soft_wrap=True)
        if target == STREAM:
            with features.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)


def _from_stdin(folder: Path) -> Path:
    """Write the standard input to a file with the suffix that its first bytes imply."""
    start = sys.stdin.buffer.read(8)
    suffix = next((suffix for mark, suffix in MARKS.items() if start.startswith(mark)), ".csv")
    path = folder / f"input{suffix}"
    with path.open("wb") as file:
        file.write(start)
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def encode_files(
    path: Path, source: Path, folder: Path, options: dict[str, Any], scheduler: str | None
) -> None:
    """Run a model on many files, and print the speed.

    Parameters
    ----------
    path, source, folder : Path
    options : dict
        Of :func:`vaefeat.runtime.encode_files`.
    scheduler : str, optional
        Of Dask; "local" starts one on this machine.
    """
    model = _load(path, max_rows=CHUNK_ROWS)
    if scheduler is not None:
        from vaefeat.engines import DaskEngine

        options = options | {"engine": DaskEngine(None if scheduler == "local" else scheduler)}
    n_bad_rows = 0

    def run(progress: Progressed) -> int:
        nonlocal n_bad_rows
        encoded = runtime.encode_files(model, source, folder, **options, progress=progress)
        n_bad_rows = encoded.n_bad_rows
        return encoded.n_rows

    rows, speed = _timed(run)
    console.print(Text(f"Wrote {rows} to {printable(str(folder))} in {speed}."), soft_wrap=True)
    if n_bad_rows:
        console.print(f"{n_bad_rows:,} rows have values that the model does not take; see _bad-rows there.")


def _encode(
    model: runtime.OnnxModel,
    source: Path,
    target: Path,
    options: dict[str, Any],
) -> tuple[str, str]:
    """Return how many rows were encoded, and how fast."""
    return _timed(lambda progress: runtime.encode(model, source, target, **options, progress=progress))


def _timed(run: Callable[[Progressed], int]) -> tuple[str, str]:
    """Show the progress of an encoding, and return how many rows it had, and how fast it was."""
    started = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("starting", total=1.0)
        n_rows = run(lambda n, share: bar.update(task, description=f"{n:,} rows", completed=share))
    seconds = time.perf_counter() - started
    return f"{n_rows:,} rows", f"{seconds:.1f} s, {n_rows / seconds:,.0f} rows/s"


def export_triton(path: Path, folder: Path) -> None:
    """Write a model into a Triton model repository."""
    written = triton.export_triton(_load(path), folder)
    console.print(Text(f"Wrote {printable(str(written))}: config.pbtxt and 1/model.onnx."), soft_wrap=True)
