import io

import pytest
from rich.console import Console
from rich.text import Text

from vaefeat.cli._compare import _table
from vaefeat.cli._tables import fitting_table
from vaefeat.comparison import Comparison

HEADINGS = ["features", "labels", "accuracy", "rows/s"]
LINES = [["raw beside hidden", "100", "93.1", "1,234,567"], ["raw", "600", Text("95.0"), ""]]


def shown(width, **options):
    stream = io.StringIO()
    Console(file=stream, width=width).print(fitting_table(HEADINGS, LINES, width, **options))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_a_table_with_room_is_whole():
    first, second, _ = shown(80, numbers=HEADINGS[1:], optional=["rows/s"])
    assert first.split() == HEADINGS
    assert second == "raw beside hidden     100      93.1  1,234,567"


def test_columns_without_room_are_left_out():
    assert shown(45, optional=["rows/s", "labels"])[0].split() == ["features", "labels", "accuracy"]
    assert shown(30, optional=["rows/s", "labels"])[0].split() == ["features", "accuracy"]


@pytest.mark.parametrize("width", [20, 30, 45])
def test_no_line_wraps_and_the_widest_column_is_cut(width):
    lines = shown(width, optional=["rows/s", "labels"])
    assert len(lines) == 3
    assert max(map(len, lines)) <= width
    assert ("…" in lines[1]) == (width == 20)


def test_the_lines_of_a_comparison_stand_together_by_their_features():
    rows = [
        {"extractor": name, "classifier": "lr", "n_labeled": n, "draw": draw, "accuracy": 0.5 + draw / 10}
        | {"fit_seconds": 1.0, "rows_per_second": 1.0}
        for n in (50, 100)
        for name in ("raw", "majority")
        for draw in range(2)
    ]
    stream = io.StringIO()
    Console(file=stream, width=80).print(_table(Comparison(rows), "rows.csv"))
    lines = [line.split()[:2] for line in stream.getvalue().splitlines()]
    assert lines[2:] == [["raw", "50"], ["100", "55.0"], ["majority", "50"], ["100", "55.0"]]
