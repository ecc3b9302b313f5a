"""Options that several commands share, and their values."""

import re
from typing import Annotated, Any

import typer

Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether a .csv begins with column names; by default, decided from the first line.",
        show_default=False,
    ),
]

Separator = Annotated[str | None, typer.Option(help="Of a .csv, if the one that is detected is wrong.")]
Decimal = Annotated[str | None, typer.Option(help="Decimal sign of a .csv: . or ,")]
Encoding = Annotated[str | None, typer.Option(help="Of a .csv, such as utf-8 or latin-1.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Drop = Annotated[list[str] | None, typer.Option(help="A column to leave out; may be repeated.")]
Categorical = Annotated[list[str] | None, typer.Option(help="A column of categories; may be repeated.")]
Numeric = Annotated[list[str] | None, typer.Option(help="A column of numbers; may be repeated.")]
Task = Annotated[
    str | None,
    typer.Option(
        help="classification or regression, if what is told from the target is wrong.", show_default=False
    ),
]
ImageShape = Annotated[
    str | None,
    typer.Option(metavar="ROWSxCOLUMNS", help="If the columns are pixels, such as 8x8, or 32x32x3 in color."),
]


def written(
    header: bool | None, separator: str | None, decimal: str | None, encoding: str | None
) -> dict[str, Any]:
    """Return how a .csv is written, as options for its reader."""
    separator = "\t" if separator in ("tab", "\\t") else separator
    return {"header": header, "separator": separator, "decimal": decimal, "encoding": encoding}


def reading(
    as_written: dict[str, Any],
    drop: list[str] | None,
    categorical: list[str] | None,
    numeric: list[str] | None,
    image_shape: str | None,
    task: str | None,
) -> dict[str, Any]:
    """Return how a file is read, as options for read_samples."""
    return as_written | {
        "drop": drop or (),
        "categorical": categorical or (),
        "numeric": numeric or (),
        "image_shape": parse_shape(image_shape),
        "task": task,
    }


def parse_shape(text: str | None) -> tuple[int, ...] | None:
    """Return the shape of an image, written as 8x8 or 32x32x3.

    Raises
    ------
    ValueError
        If it is not such a shape.
    """
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d{0,4}(x[1-9]\d{0,4}){1,2}", text.strip()):
        raise ValueError(
            f"Got --image-shape {text}, expected rows and columns such as 8x8, and channels such as 32x32x3."
        )
    return tuple(map(int, text.split("x")))
