"""Where the command line writes, and how it says what went wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

from vaefeat.exceptions import VaefeatError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@contextmanager
def one_sentence() -> Iterator[None]:
    """Say an expected error in one sentence, and end with status 1."""
    try:
        yield
    except (VaefeatError, ValueError, OSError) as exc:
        errors.print(Text.assemble(("error ", "bold red"), printable(str(exc))), soft_wrap=True)
        raise typer.Exit(1) from exc


def printable(text: str) -> str:
    """Return the text in one line, without the control characters that could command the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text.replace("\n", " "))
