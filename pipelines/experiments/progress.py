"""What a comparison is doing, on a progress bar."""

from rich.progress import Progress

from vaefeat.comparison import Progress as Announce


def line_of(bar: Progress, description: str) -> Announce:
    """Return a function for ``compare(progress=...)`` that draws on a new line of ``bar``."""
    task = bar.add_task(description, total=None)

    def announce(what: str, done: int, total: int) -> None:
        bar.update(task, description=what, completed=done, total=total)

    return announce
