"""Tables that fit the terminal."""

from collections.abc import Collection, Sequence

from rich.table import Table
from rich.text import Text

from vaefeat.cli._console import printable

GAP = 2  # characters between columns
MIN_WIDTH = 4  # of a column that is cut

Cell = str | Text


def fitting_table(
    headings: Sequence[str],
    lines: Sequence[Sequence[Cell]],
    width: int,
    *,
    title: str | None = None,
    numbers: Collection[str] = (),
    optional: Sequence[str] = (),
    styles: Sequence[str | None] = (),
) -> Table:
    """Return a table of at most ``width`` characters, in which no line wraps.

    Parameters
    ----------
    headings : sequence of str
    lines : sequence of sequences of (str or Text)
        A cell for each heading.
    width : int
    title : str, optional
    numbers : collection of str
        Headings of the columns that are right-aligned.
    optional : sequence of str
        Headings of the columns to leave out, the least important first, while the table is too wide.
        If it still is, the widest column is cut.
    styles : sequence of (str or None)
        Of the lines; by default they have none.
    """
    cells = [[_as_text(cell) for cell in line] for line in lines]
    widths = {
        name: max(Text(name).cell_len, *(line[i].cell_len for line in cells), 0)
        for i, name in enumerate(headings)
    }
    for name in optional:
        if _excess(widths, width) > 0:
            del widths[name]
    widest = max(widths, key=lambda name: widths[name])
    widths[widest] -= min(max(0, _excess(widths, width)), max(0, widths[widest] - MIN_WIDTH))
    table = Table(title=title, box=None, padding=(0, GAP, 0, 0), pad_edge=False, title_justify="left")
    for name, cell_width in widths.items():
        table.add_column(
            name,
            justify="right" if name in numbers else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=cell_width,
        )
    for i, line in enumerate(cells):
        row = (cell for name, cell in zip(headings, line, strict=True) if name in widths)
        table.add_row(*row, style=styles[i] if styles else None)
    return table


def _excess(widths: dict[str, int], width: int) -> int:
    """Return by how many characters a table is too wide."""
    return sum(widths.values()) + GAP * (len(widths) - 1) - width


def _as_text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(printable(cell))
