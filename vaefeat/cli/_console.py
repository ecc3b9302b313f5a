"""Output and errors of the command line."""

import json
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from vaefeat._text import printable
from vaefeat.exceptions import VaefeatError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@contextmanager
def one_sentence() -> Iterator[None]:
    """Print an expected error as one sentence and exit with status 1; print warnings for users likewise.

    If the process is told to end, what it was writing is removed first.
    """
    try:
        with ending_by_exception(), warnings.catch_warnings():
            warnings.showwarning = partial(_show_warning, warnings.showwarning)
            yield
    except (VaefeatError, ValueError, OSError) as exc:
        errors.print(Text.assemble(("error ", "bold red"), printable(str(exc))), soft_wrap=True)
        raise typer.Exit(1) from exc


def say(sentence: str) -> None:
    """Print a sentence, if there is one, which the terminal may wrap."""
    if sentence:
        console.print(Text(sentence), soft_wrap=True)


@contextmanager
def progress_bar(screen: Console, *, transient: bool = False) -> Iterator[Callable[[str, float, int], None]]:
    """Show a bar and the time left; yield a function of a description, the steps done, and their total."""
    text = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
    bar = BarColumn(min(40, screen.width // 4))
    columns = (text, bar, TaskProgressColumn(), TimeRemainingColumn(compact=True, elapsed_when_finished=True))
    with Progress(*columns, console=screen, transient=transient) as shown:
        task = shown.add_task("starting", total=None)
        yield lambda what, done, total: shown.update(task, description=what, completed=done, total=total)


@contextmanager
def interruptible(sentence: str) -> Iterator[None]:
    """Print a sentence if the user interrupts, and exit with status 130."""
    try:
        yield
    except KeyboardInterrupt:
        errors.print(Text(sentence), soft_wrap=True)
        raise typer.Exit(130) from None


def print_json(value: Any) -> None:
    """Print a value as JSON, with null in place of numbers that are not finite."""
    finite = json.loads(json.dumps(value), parse_constant=lambda name: None)
    typer.echo(json.dumps(finite, indent=2))


@contextmanager
def ending_by_exception() -> Iterator[None]:
    """Let SIGTERM raise SystemExit, as Ctrl+C raises KeyboardInterrupt, so temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _show_warning(show: Callable, message: Warning | str, category: type[Warning], *where: Any) -> None:
    if not issubclass(category, UserWarning):
        return show(message, category, *where)
    errors.print(Text.assemble(("warning ", "bold yellow"), printable(str(message))), soft_wrap=True)
