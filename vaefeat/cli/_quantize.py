"""``vaefeat export --quantize``: its costs and gains, as a table."""

from pathlib import Path

from rich.table import Table

from vaefeat._optional import import_optional
from vaefeat.cli._console import console, printable


def quantize(
    path: Path, out: Path, data: str, target: str | None, header: bool | None, max_drop: float
) -> None:
    """Write the model with 8-bit weights, and print size, accuracy and speed before and after."""
    quantization = import_optional("vaefeat.export.quantization", "train")
    model = import_optional("vaefeat.runtime", None).OnnxModel.load(path)
    dataset = import_optional("vaefeat.data", "train").load_dataset(data, target=target, header=header)
    if dataset.y is None:
        raise ValueError(
            f"{data} has no classes to measure accuracy on; for a file, name their column with --target."
        )
    with console.status("measuring"):
        found = quantization.quantize(
            model, out, dataset.X, dataset.y, dataset.X_test, dataset.y_test, max_drop=max_drop
        )
    table = Table(title="Weights as 8-bit integers")
    for column in ("", "before", "after"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("file", *(f"{n / 1e6:.2f} MB" for n in found.n_bytes))
    table.add_row("accuracy", *(f"{share:.2%}" for share in found.accuracy))
    table.add_row("rows/s", *(f"{speed:,.0f}" for speed in found.rows_per_second))
    console.print(table)
    console.print(printable(f"Wrote {out} and its card."), markup=False, soft_wrap=True)
