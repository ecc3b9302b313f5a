"""Encoding many files: units in threads or by an engine, and a manifest that is written last."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from vaefeat._files import lock, replacing
from vaefeat.data._dialect import Format
from vaefeat.data.files import MANIFEST, Source, find_files
from vaefeat.exceptions import DatasetCorruptError
from vaefeat.runtime.arrow import ArrowEncoder
from vaefeat.runtime.model import OnnxModel
from vaefeat.runtime.units import REPORTS, Unit, UnitEncoder, find_units

Entry = dict[str, Any]
Engine = Callable[[UnitEncoder, Sequence[Unit]], Iterable[Entry]]


@dataclass(frozen=True)
class Encoded:
    """What :func:`encode_files` wrote.

    Attributes
    ----------
    n_rows : int
    n_bad_rows : int
    paths : list of Path
        The files of the outputs, in the order of the rows.
    """

    n_rows: int
    n_bad_rows: int
    paths: list[Path]


def encode_files(
    model: OnnxModel,
    source: Source | Sequence[Source],
    folder: Source,
    *,
    output_names: Sequence[str] | None = None,
    on_bad_row: str = "raise",
    header: bool | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    n_threads: int = 0,
    engine: Engine | None = None,
    progress: Callable[[int, float], object] | None = None,
) -> Encoded:
    """Run a model on many files of rows, and write its outputs to a folder of .parquet files.

    Each row group of a .parquet file, and each file of another format, becomes one file. These files are
    written completely or not at all, and a manifest is written last. If the process is killed, the same call
    goes on with the files that are missing; what has changed in the source is encoded anew.

    Parameters
    ----------
    model : OnnxModel
        As for :func:`vaefeat.encode`.
    source : path, or sequence of paths
        Files; folders, which stand for all files of rows below them; patterns such as ``data/*.parquet``.
    folder : path
        Made if it is missing. Readers of folders of Parquet files, such as ``pyarrow.dataset``, find the rows
        in the order of the source.
    output_names : sequence of str, optional
        The outputs to write; all by default.
    on_bad_row : {"raise", "null", "quarantine"}, default="raise"
        What to do about a row with a value that the model does not take: raise an error, write empty outputs,
        or leave it out. In the last two cases, files in ``_bad-rows`` name file, row group, row and column.
    header, separator, decimal, encoding : optional
        How .csv files are written, as for :func:`vaefeat.encode`.
    n_threads : int, default=0
        Units to encode at the same time; 0 means one per core.
    engine : callable, optional
        Takes a function and units, and returns the results of the function in their order:
        :class:`vaefeat.engines.DaskEngine`. By default, threads.
    progress : callable, optional
        Called after each unit with the number of rows done, and the share of the units.

    Returns
    -------
    Encoded

    Raises
    ------
    DatasetNotFoundError, DatasetCorruptError
        If there is no source, or it does not hold such rows.
    BlockingIOError
        If another process is writing to the folder.
    ValueError
        If there is no output of that name, or the folder holds other files.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vaefeat.runtime import OnnxModel, encode_files
    >>> model = OnnxModel.load("exported/digits-vae/model.onnx")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in range(3):
    ...         np.save(f"{folder}/{i}.npy", np.zeros((1_000, 64)))
    ...     encode_files(model, f"{folder}/*.npy", f"{folder}/features").n_rows
    3000
    """
    encode = ArrowEncoder(model, output_names, on_bad_row=on_bad_row)
    units, target = find_units(find_files(source)), Path(folder).resolve()
    known = Format(header, separator, decimal, encoding)
    target.mkdir(parents=True, exist_ok=True)
    with closing(FileIO(target / ".lock", "a")) as file:
        lock(file, target)
        (target / MANIFEST).unlink(missing_ok=True)
        encoder = UnitEncoder(encode, target, known)
        run = engine or (lambda function, units: _in_threads(function, units, n_threads))
        entries = list(_counted(run(encoder, units), len(units), progress))
        if not any(entry["rows"] + entry["bad_rows"] for entry in entries):
            raise DatasetCorruptError("The files have no rows.")
        _commit(target, entries, {"model": encoder.model_sha256, "outputs": encode.output_names})
    n_rows, n_bad_rows = (sum(entry[name] for entry in entries) for name in ("rows", "bad_rows"))
    return Encoded(n_rows, n_bad_rows, [target / entry["part"] for entry in entries])


def _in_threads(encoder: UnitEncoder, units: Sequence[Unit], n_threads: int) -> Iterator[Entry]:
    with ThreadPoolExecutor(n_threads or n_cores()) as pool:
        try:
            yield from pool.map(encoder, units)
        finally:
            pool.shutdown(cancel_futures=True)


def _counted(
    entries: Iterable[Entry], n_units: int, progress: Callable[[int, float], object] | None
) -> Iterator[Entry]:
    n_rows = 0
    for i, entry in enumerate(entries, start=1):
        n_rows += entry["rows"]
        if progress is not None:
            progress(n_rows, i / n_units)
        yield entry


def _commit(folder: Path, entries: list[Entry], about: dict[str, Any]) -> None:
    """Remove what other runs left behind, and write the manifest."""
    parts = {entry["part"] for entry in entries}
    for path in [
        *folder.glob("part-*.parquet"),
        *folder.glob(".part-*"),
        *(folder / REPORTS).glob("*part-*"),
    ]:
        if path.name not in parts and path.with_suffix(".parquet").name not in parts:
            path.unlink()
    with replacing(folder / MANIFEST) as path:
        path.write_text(json.dumps({**about, "parts": entries}, indent=1))


def n_cores() -> int:
    """Return how many cores this process may use; where the system does not say, how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
