"""The files of rows that a path, a folder or a pattern stands for."""

import json
import os
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path

from vaefeat.data._table import short
from vaefeat.data.tables import FORMATS
from vaefeat.exceptions import DatasetNotFoundError

Source = str | os.PathLike[str]
MANIFEST = "_manifest.json"


def find_files(source: Source | Sequence[Source]) -> list[Path]:
    """Return the files that a source stands for.

    Parameters
    ----------
    source : path, or sequence of paths
        A file; a folder that :func:`vaefeat.encode_files` wrote, whose manifest is trusted; another folder,
        which stands for all files of rows below it; or a pattern such as
        ``data/*.parquet``. Names that begin with a dot or an underscore are left out of folders and patterns.

    Returns
    -------
    list of Path
        Those of each folder and pattern in the order of their names.

    Raises
    ------
    DatasetNotFoundError
        If a folder or a pattern stands for no file.

    Examples
    --------
    >>> from vaefeat.data.files import find_files
    >>> find_files("rows.npy")
    [PosixPath('rows.npy')]
    """
    if isinstance(source, str | os.PathLike):
        return _found(os.fspath(source))
    return [path for each in source for path in _found(os.fspath(each))]


def is_many(source: Source) -> bool:
    """Return whether a path is a folder or a pattern, which may stand for several files."""
    return os.path.isdir(source) or (has_magic(os.fspath(source)) and not os.path.exists(source))


def read_parts(folder: Path) -> list[str]:
    """Return the names of the files in a folder that its manifest lists."""
    return [entry["part"] for entry in json.loads((folder / MANIFEST).read_text())["parts"]]


def _found(source: str) -> list[Path]:
    if os.path.isdir(source) and (Path(source) / MANIFEST).exists():
        return [Path(source) / name for name in read_parts(Path(source))]
    if os.path.isdir(source):
        paths = [path for path in Path(source).rglob("*") if path.name.endswith(tuple(FORMATS))]
    elif is_many(source):
        paths = [Path(path) for path in glob(source, recursive=True)]
    else:
        return [Path(source)]
    found = sorted(path for path in paths if path.is_file() and not path.name.startswith((".", "_")))
    if not found:
        raise DatasetNotFoundError(
            f"There is no file of rows at {short(source, 240)}, expected some that end in "
            f"{', '.join(FORMATS)}."
        )
    return found
