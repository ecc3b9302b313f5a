"""``vaefeat explore``: models and the samples shown with them, as a static page."""

from functools import cache
from pathlib import Path

from rich.text import Text

from vaefeat.cli._console import console, printable
from vaefeat.data import datasets
from vaefeat.explorer.folder import Exhibit, write_explorer
from vaefeat.explorer.model import ExploredModel
from vaefeat.explorer.onnxruntime_web import find_runtime
from vaefeat.explorer.samples import Samples, choose_samples


def explore(
    folders: list[Path],
    out: Path,
    data: str | None,
    target: str | None,
    header: bool | None,
    image_shape: tuple[int, ...] | None,
    runtime: Path | None,
) -> None:
    """Write an explorer of the models in ``folders`` to the folder ``out``."""

    @cache
    def samples_of(name: str) -> Samples:  # loaded once for all models
        return choose_samples(datasets.load_dataset(name, target=target, header=header), image_shape)

    files = find_runtime(runtime)
    models = [ExploredModel.load(folder) for folder in folders]
    with console.status("encoding"):
        exhibits = [Exhibit(each, samples_of(data or _data_of(each))) for each in models]
        write_explorer(exhibits, out, files)
    names = ", ".join(each.name for each in models)
    where = printable(str(out))
    console.print(Text(f"Wrote an explorer of {printable(names)} to {where}. See it:"), soft_wrap=True)
    console.print(Text(f"\n  python -m http.server --bind 127.0.0.1 --directory {where}\n"), soft_wrap=True)


def _data_of(model: ExploredModel) -> str:
    """Return the known data set that a model's card names; a card may not make us read a file."""
    data = model.encoder.card.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    if name not in ("digits", *datasets.SOURCES):
        raise ValueError(f"The card of {model.name} names no known data set: choose the data with --data.")
    return str(name)
