"""Output and errors of the command line."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from vaefeat._text import printable
from vaefeat.exceptions import DataWarning, VaefeatError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@contextmanager
def one_sentence() -> Iterator[None]:
    """Print an expected error as one sentence and exit with status 1; print warnings about data likewise."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = partial(_show_warning, warnings.showwarning)
            yield
    except (VaefeatError, ValueError, OSError) as exc:
        errors.print(Text.assemble(("error ", "bold red"), printable(str(exc))), soft_wrap=True)
        raise typer.Exit(1) from exc


def _show_warning(show: Callable, message: Warning | str, category: type[Warning], *where: Any) -> None:
    if not issubclass(category, DataWarning):
        return show(message, category, *where)
    errors.print(Text.assemble(("warning ", "bold yellow"), printable(str(message))), soft_wrap=True)
