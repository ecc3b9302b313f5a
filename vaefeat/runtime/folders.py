"""The layout of models on disk, known here and nowhere else.

::

    FOLDER/NAME/model.onnx           a model, served as version 1
    FOLDER/NAME/VERSION/model.onnx   or a model with numbered versions: 1, 2, ...
               /decoder.onnx         the decoder of an encoder
               /model.json           the card of model.onnx, for programs
               /model.md             the same card, for people

A file of another name may hold a model too; its cards lie next to it in the same way.
"""

import re
from pathlib import Path

MODEL = "model.onnx"
DECODER = "decoder.onnx"
SUFFIX = ".onnx"
FIRST_VERSION = "1"
PLACES = f"NAME/{MODEL} or NAME/VERSION/{MODEL}"  # for messages

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[1-9][0-9]*")

Key = tuple[str, str]  # name and version of a model


def is_model_name(name: str) -> bool:
    """Return whether a model may have this name: letters, digits and, except at the start, ``._-``."""
    return _NAME.fullmatch(name) is not None


def find_models(folder: Path) -> dict[Key, Path]:
    """Return the model files in a folder of models.

    Folders whose names are not those of models or versions are skipped.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    paths : dict
        The path of each model by name and version. Of NAME/model.onnx and NAME/1/model.onnx, the latter.

    Examples
    --------
    >>> from pathlib import Path
    >>> find_models(Path("exported"))["digits-vae", "1"].as_posix()
    'exported/digits-vae/model.onnx'
    """
    found = {}
    for path in (*sorted(folder.glob(f"*/{MODEL}")), *sorted(folder.glob(f"*/*/{MODEL}"))):
        name, version = (*path.relative_to(folder).parts[:-1], FIRST_VERSION)[:2]
        if is_model_name(name) and _VERSION.fullmatch(version):
            found[name, version] = path
    return found


def version_path(folder: Path, name: str, version: str = FIRST_VERSION) -> Path:
    """Return where a version of a model lies in a folder of models."""
    return folder / name / version / MODEL


def card_paths(path: Path) -> tuple[Path, Path]:
    """Return where the cards of a model file lie: the JSON and the Markdown."""
    return path.with_suffix(".json"), path.with_suffix(".md")
