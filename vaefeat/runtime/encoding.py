"""Running a model on a file of rows, and writing its outputs to another file, in constant memory."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from vaefeat.data._dialect import Format
from vaefeat.data.tables import open_rows, open_writer
from vaefeat.exceptions import DatasetCorruptError
from vaefeat.runtime.model import OnnxModel


def encode(
    model: OnnxModel,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    output_names: Sequence[str] | None = None,
    header: bool | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    progress: Callable[[int, float], object] | None = None,
) -> int:
    """Run a model on a file of rows, chunk by chunk, and write its outputs to another file.

    Parameters
    ----------
    model : OnnxModel
        If its card has feature names, columns are found by them in files that name their columns; if it
        has a column plan, they are encoded by it. If the card says ``allow_nan``, values may be missing.
    source, target : path
        Each ends in .npy, .npz, .csv, .csv.gz or .parquet. Of an .npz source, the array ``X`` is read.
        The target is a different file, and is written completely or not at all.
    output_names : sequence of str, optional
        The outputs to write: by default all, or the first for an .npy target, which holds one array.
    header : bool, optional
        Whether the first line of a .csv source holds names; see :func:`vaefeat.data.load_dataset`.
    separator, decimal, encoding : str, optional
        How a .csv source is written; by default this is inferred from its first lines.
    progress : callable, optional
        Called after each chunk with the number of rows done and the share of the file read.

    Returns
    -------
    n_rows : int

    Raises
    ------
    DatasetNotFoundError, DatasetCorruptError
        If there is no source, or it does not hold such rows; a bad row is reported.
    ValueError
        If a file's name has another suffix, the target is the source, or there is no output of that
        name.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vaefeat.runtime import OnnxModel, encode
    >>> model = OnnxModel.load("exported/digits-vae/model.onnx")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/rows.npy", np.zeros((10_000, 64)))
    ...     n_rows = encode(model, f"{folder}/rows.npy", f"{folder}/features.npy")
    ...     features = np.load(f"{folder}/features.npy")
    >>> n_rows, features.shape
    (10000, (10000, 10))
    """
    source, target = Path(source), Path(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise ValueError(f"{target.name} is the file of the rows, which would be lost; name another output.")
    names = _chosen(model, target, output_names)
    column_names = {name: column_names_of(model, name) for name in names}
    n_rows = 0
    known = Format(header, separator, decimal, encoding)
    with (
        open_rows(
            source,
            model.n_features,
            model.feature_names,
            known=known,
            allow_nan=model.allows_nan,
            plan=model.plan,
        ) as chunks,
        open_writer(target, column_names) as write,
    ):
        for X, share_read in chunks:
            outputs = model.run(X, names)
            write({name: _typed(values, model, target) for name, values in outputs.items()})
            n_rows += len(X)
            if progress is not None:
                progress(n_rows, share_read)
        if not n_rows:
            raise DatasetCorruptError(f"{source.name} has no rows.")
    return n_rows


def _chosen(model: OnnxModel, target: Path, output_names: Sequence[str] | None) -> list[str]:
    holds_one = target.suffix == ".npy"
    if output_names is None:
        return model.output_names[:1] if holds_one else model.output_names
    if holds_one and len(output_names) > 1:
        raise ValueError(f"{target.name} can hold one output, got {list(output_names)}; write an .npz file.")
    return model.select_outputs(output_names)


def column_names_of(model: OnnxModel, name: str) -> list[str]:
    """Return the names of the columns of an output in a table."""
    width = model.n_outputs[name]
    classes = model.card.get("classes") or []
    labels = classes if name == "probabilities" and len(classes) == width else range(width)
    return [f"{name}_{label}" for label in labels]


def _typed(values: np.ndarray, model: OnnxModel, target: Path) -> np.ndarray:
    """Turn labels from objects into text; in arrays, as wide as the longest class."""
    if values.dtype != object:
        return values
    if target.suffix not in (".npy", ".npz"):
        return values.astype(str)
    classes = [label for label in model.card.get("classes") or [] if isinstance(label, str)]
    unknown = set(map(str, values)) - set(classes)
    if unknown:
        raise ValueError(
            f"The model returns the label {min(unknown)!r}, which is not among the classes of its card, so "
            f"that the width of labels in {target.name} is unknown. Write a .csv or .parquet file."
        )
    return values.astype(np.array(classes).dtype)
