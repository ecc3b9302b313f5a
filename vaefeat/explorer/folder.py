"""Write the folder of an explorer: the page, its runtime, and the decoder and latent means of each model."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat import __version__
from vaefeat._files import new_folder
from vaefeat.explorer.model import ExploredModel, Latents
from vaefeat.explorer.samples import Samples
from vaefeat.runtime.folders import DECODER

INDEX = "explorer.json"


@dataclass(frozen=True)
class Exhibit:
    """A model, and the samples that are shown with it."""

    model: ExploredModel
    samples: Samples

    def __post_init__(self) -> None:
        n_expected, n_got = self.model.encoder.n_features, self.samples.X.shape[1]
        if n_expected != n_got:
            raise ValueError(
                f"{self.model.name} reads rows of {n_expected} features, "
                f"but those of {self.samples.name} have {n_got}. Choose its training data with --data."
            )


def write_explorer(exhibits: Sequence[Exhibit], out: Path, runtime: Sequence[Path]) -> Path:
    """Write a folder that any file server can serve.

    Parameters
    ----------
    exhibits : sequence of Exhibit
        Their models have different names.
    out : Path
        Must be empty, or not exist yet.
    runtime : sequence of Path
        Files of ONNX Runtime Web, see :func:`vaefeat.explorer.onnxruntime_web.find_runtime`.

    Returns
    -------
    out : Path

    Raises
    ------
    FileExistsError
        If ``out`` is not empty.
    ValueError
        If two models have the same name.
    """
    names = [exhibit.model.name for exhibit in exhibits]
    if len(set(names)) < len(names):
        raise ValueError(f"Got models named {names}, expected different names: rename a folder.")
    shown = dict.fromkeys(exhibit.samples for exhibit in exhibits)  # once, even if models share them
    places = {samples: f"data/{number}.u8" for number, samples in enumerate(shown)}
    with new_folder(out) as folder:
        _copy_page(folder)
        _copy_runtime(runtime, folder / "onnxruntime-web")
        (folder / "data").mkdir()
        for samples, place in places.items():
            (folder / place).write_bytes(samples.to_bytes())
        index = {
            "vaefeat_version": __version__,
            "data": {place: samples.describe() for samples, place in places.items()},
            "models": [_write_model(each, folder, places[each.samples]) for each in exhibits],
        }
        (folder / INDEX).write_text(json.dumps(index, allow_nan=False))
    return out


def _copy_page(folder: Path) -> None:
    shared = files("vaefeat").joinpath("pages")
    for source in (files("vaefeat").joinpath("explorer", "page"), shared):
        for file in source.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())


def _copy_runtime(runtime: Sequence[Path], folder: Path) -> None:
    folder.mkdir()
    for file in runtime:
        shutil.copyfile(file, folder / file.name)


def _write_model(exhibit: Exhibit, folder: Path, data: str) -> dict[str, Any]:
    """Write the decoder and latent means of a model; return its entry in the index."""
    model = exhibit.model
    latents = model.encode(exhibit.samples.X)
    place = folder / "models" / model.name
    place.mkdir(parents=True)
    (place / DECODER).write_bytes(model.decoder.to_bytes())
    (place / "z_mean.f32").write_bytes(latents.z_mean.astype("<f4").tobytes())
    card = model.encoder.card
    return {
        "name": model.name,
        "description": str(card.get("description", "")),
        "data": data,
        "input": model.decoder.input_name,
        "n_components": model.n_components,
        "feature_names": None if exhibit.samples.image_shape else model.feature_names,
        **_describe_units(latents),
    }


def _describe_units(latents: Latents) -> dict[str, Any]:
    """Return the order in which units are shown: active ones first, by KL; two units keep their order."""
    order = np.lexsort((-latents.kl_per_unit, ~latents.active_units))
    if len(order) == 2:
        order = np.arange(2)
    return {
        "units": order.tolist(),
        "n_active": int(latents.active_units.sum()),
        "kl_per_unit": latents.kl_per_unit.astype(float).round(4).tolist(),
    }
