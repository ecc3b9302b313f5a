"""Samples as people have them: a table of any columns, arrays, or images, with few labels or many."""

import hashlib
import math
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat.data._checks import check_has_no_columns, check_is_finite
from vaefeat.data._dialect import Format
from vaefeat.data._table import Table, in_words, near, short
from vaefeat.data.arrays import image_shape_of, without_opacity
from vaefeat.data.datasets import Dataset, split_at_random
from vaefeat.data.frames import frame_columns
from vaefeat.data.images import decode_images, read_images
from vaefeat.data.labels import UNLABELED, mark_unlabeled
from vaefeat.data.plan import ColumnPlan, LeftOut, make_plan
from vaefeat.data.tables import column_names, find_target, open_table, read_matrix
from vaefeat.data.targets import CLASSIFICATION, as_quantities, choose_task, is_labeled
from vaefeat.exceptions import DatasetCorruptError
from vaefeat.values.images import ImageShape, full_shape, shape_text

FEW = 400  # labels: below this, a quarter of them is too few to test on


@dataclass(frozen=True)
class Samples:
    """Rows to learn from, some of them labeled.

    Attributes
    ----------
    name : str
    X : ndarray of shape (n_samples, n_features), float32
        As the plan encodes the columns; may hold NaN.
    y : ndarray of shape (n_samples,), or None
        Classes, with -1 for the unlabeled ones; or quantities, with NaN.
    plan : ColumnPlan or None
        None if the rows are arrays or images.
    left_out : tuple of LeftOut
        Columns that are not features.
    image_shape : (rows, columns) or (rows, columns, channels), or None
    sha256 : str
        Of the file; for a frame or a folder of images, of the samples.
    task : {"classification", "regression"}
        What is to be predicted: classes, or quantities.
    target : str or None
        Name of the column of the labels.
    """

    name: str
    X: np.ndarray
    y: np.ndarray | None
    plan: ColumnPlan | None = None
    left_out: tuple[LeftOut, ...] = ()
    image_shape: ImageShape | None = None
    sha256: str = ""
    task: str = CLASSIFICATION
    target: str | None = None

    def split(self) -> Dataset:
        """Return a data set with a quarter of the labeled samples set aside for testing.

        Where there are few labels, none are set aside, and :func:`vaefeat.compare` tests each draw on the
        labels that it leaves out.
        """
        samples = Dataset(
            **{name: getattr(self, name) for name in ("name", "X", "y", "sha256", "image_shape", "plan")},
            X_test=self.X[:0],
            y_test=None if self.y is None else self.y[:0],
            task=self.task,
            target=self.target,
        )
        has_few = self.y is not None and self.is_labeled.sum() < FEW
        return samples if has_few else split_at_random(samples)

    @property
    def is_labeled(self) -> np.ndarray:
        """Whether each sample has a label."""
        return np.zeros(len(self.X), bool) if self.y is None else is_labeled(self.y, self.task)


@dataclass(frozen=True)
class _Raw:
    """Columns, or a matrix, as they are read."""

    name: str
    columns: dict[str, np.ndarray]
    y: np.ndarray | None = None
    quantities: np.ndarray | None = None
    X: np.ndarray | None = None
    image_shape: ImageShape | None = None
    sha256: str = ""
    beside: tuple[str, ...] = ()  # columns other than that of the images


def read_samples(
    data: Any,
    target: Any = None,
    *,
    task: str | None = None,
    unlabeled: str | os.PathLike[str] | None = None,
    header: bool | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    image_shape: ImageShape | None = None,
    drop: Collection[str] = (),
    categorical: Collection[str] = (),
    numeric: Collection[str] = (),
) -> Samples:
    """Read samples, and plan how their columns become features.

    Parameters
    ----------
    data : path, frame, mapping of str to array, or ndarray
        A file as for :func:`vaefeat.load_dataset`, or a .parquet whose column holds images as bytes; a folder
        of images; a frame of pandas, Polars or pyarrow; or an array of shape (n_samples, n_features) or
        (n_samples, rows, columns[, channels]).
    target : str, or array of shape (n_samples,), optional
        The column of the labels. A sample has no label where it is empty or NaN, and no class where it
        is -1. The subfolders are the classes of images.
    task : {"classification", "regression"}, optional
        Whether to predict classes or quantities; by default :func:`vaefeat.data.targets.find_task` infers it
        from the labels.
    unlabeled : path, optional
        A further file of the same columns, without the labels.
    header : bool, optional
        Whether the first line of a .csv holds names; by default this is inferred from the line.
    separator, decimal, encoding : str, optional
        How a .csv is written; by default this is inferred from its first lines.
    image_shape : (rows, columns) or (rows, columns, channels), optional
        If each row of a table holds the pixels of an image, row by row.
    drop, categorical, numeric : collection of str
        As for :func:`vaefeat.data.plan.make_plan`.

    Returns
    -------
    Samples

    Raises
    ------
    DatasetNotFoundError, DatasetCorruptError
        If there is no such file, or it cannot be read.
    ValueError
        If a column is unknown, or nothing can be learned from the target.
    """
    known = Format(header, separator, decimal, encoding)
    raw = _from_array(data, target) if isinstance(data, np.ndarray) else _read(data, target, known)
    target = target if isinstance(target, str) else None
    if unlabeled is not None:
        raw = _extended(raw, _read(unlabeled, None, known))
    shape = image_shape or raw.image_shape
    y, task = (None, CLASSIFICATION) if raw.y is None else choose_task(raw.y, raw.quantities, task, target)
    left_out = [LeftOut(name, "stands beside images") for name in raw.beside]
    plan, X = None, raw.X
    if X is not None:
        check_has_no_columns(raw.name, (*drop, *categorical, *numeric))
    else:
        # In an image, every pixel counts, constant or not.
        plan, left_out = make_plan(
            raw.columns,
            drop=drop,
            categorical=categorical,
            numeric=[*numeric, *(raw.columns if shape else ())],
            keep_constant=shape is not None,
        )
        X = plan.encode(raw.columns)
    if shape is not None:
        if math.prod(full_shape(shape)) != X.shape[1]:
            raise ValueError(
                f"Got images of {shape_text(shape)} = {math.prod(shape)} pixels, but {short(raw.name)} has "
                f"{X.shape[1]} values in each row: give another --image-shape, or leave it out."
            )
    check_is_finite(raw.name, X, plan)
    sha256 = raw.sha256 or _digest(X, y)
    return Samples(raw.name, X, y, plan, tuple(left_out), shape, sha256, task, target)


def _digest(X: np.ndarray, y: np.ndarray | None) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(X).tobytes())
    digest.update(repr(None if y is None else y.tolist()).encode())
    return digest.hexdigest()


def _read(data: Any, target: str | None, known: Format) -> _Raw:
    if not isinstance(data, str | os.PathLike):
        return _from_frame(data, target)
    path = Path(data)
    if path.is_dir():
        if target is not None:
            raise ValueError(f"The classes of {short(path.name)} are its subfolders; leave the target out.")
        X, y, shape = read_images(path)
        return _Raw(path.name, {}, y, X=X, image_shape=shape)
    with open_table(path, known, () if target is None else (target,)) as table:
        read = _from_table if table.read_columns else _from_arrays
        raw = read(table, target)
    with path.open("rb") as file:
        return replace(raw, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _from_array(X: np.ndarray, labels: Any) -> _Raw:
    shape, n_channels = image_shape_of(X.shape)
    if X.dtype.kind not in "buif" or (X.ndim != 2 and shape is None) or 0 in X.shape:
        raise ValueError(
            f"Got an array of shape {X.shape} and dtype {X.dtype}, expected numbers with a row for each "
            "sample, or images (n, rows, columns[, channels])."
        )
    rows = without_opacity(X.reshape(len(X), -1), n_channels).astype(np.float32)
    raw = _Raw("the array", {}, X=rows, image_shape=shape)
    if labels is None:
        return raw
    y = np.asarray(labels)
    if y.shape != (len(X),):
        raise ValueError(f"Got labels of shape {y.shape} for {len(X)} samples, expected one for each.")
    return _with_target(raw, y, mark_unlabeled)


def _from_arrays(table: Table, target: str | None) -> _Raw:
    X, values = read_matrix(table, target)
    raw = _Raw(table.path.name, {}, X=X, image_shape=table.image_shape)
    return raw if values is None else _with_target(raw, values, table.to_labels, table.decimal)


def _with_target(
    raw: _Raw, values: np.ndarray, to_labels: Callable[[np.ndarray], np.ndarray], decimal: str = "."
) -> _Raw:
    return replace(raw, y=to_labels(values), quantities=as_quantities(values, decimal))


def _from_table(table: Table, target: str | None) -> _Raw:
    assert table.read_columns is not None
    names = column_names(table)
    with in_words(short(table.path.name)):
        label, _ = find_target(table, target)
        kinds: dict[int, str | None] = {i: None for i in table.columns() if i != label}
        if not kinds:
            raise DatasetCorruptError(f"{short(table.path.name)} has no columns besides the target.")
        if label is not None:
            kinds[label] = table.label_kind
        (arrays, _), *_ = table.read_columns(kinds)
    columns = dict(zip((names[i] for i in kinds), arrays, strict=True))
    if not len(arrays[0]):
        raise DatasetCorruptError(f"{short(table.path.name)} has no rows.")
    values = None if label is None else columns.pop(names[label])
    raw = _with_images(_Raw(table.path.name, columns))
    return raw if values is None else _with_target(raw, values, table.to_labels, table.decimal)


def _with_images(raw: _Raw) -> _Raw:
    """Return images in place of columns, if one of these holds images."""
    for name, values in raw.columns.items():
        if values.dtype == object and any(isinstance(value, bytes | dict) for value in values.tolist()):
            X, shape = decode_images(values.tolist(), raw.name)
            others = [other for other in raw.columns if other != name]
            return replace(raw, columns={}, X=X, image_shape=shape, beside=tuple(others))
    return raw


def _from_frame(frame: Any, target: str | None) -> _Raw:
    columns = frame_columns(frame)
    if target is not None and target not in columns:
        raise ValueError(f"The frame has no column {short(repr(target))}{near(target, columns)}")
    values = None if target is None else columns.pop(target)
    raw = _Raw("the frame", columns)
    return raw if values is None else _with_target(raw, values, mark_unlabeled)


def _extended(raw: _Raw, more: _Raw) -> _Raw:
    """Return the samples with those of a further file, whose labels do not count."""
    n = len(more.X if more.X is not None else next(iter(more.columns.values())))
    y = None if raw.y is None else np.concatenate([raw.y, np.full(n, UNLABELED).astype(raw.y.dtype)])
    if y is not None and raw.y is not None and raw.y.dtype.kind not in "iuO":
        y = np.concatenate([raw.y.astype(object), np.full(n, UNLABELED, object)])
    if raw.quantities is not None:
        raw = replace(raw, quantities=np.concatenate([raw.quantities, np.full(n, np.nan)]))
    if raw.X is not None:
        if more.X is None or more.X.shape[1] != raw.X.shape[1]:
            raise DatasetCorruptError(
                f"{short(more.name)} has not the {raw.X.shape[1]} features of {raw.name}."
            )
        return replace(raw, X=np.concatenate([raw.X, more.X]), y=y)
    missing = [name for name in raw.columns if name not in more.columns]
    if missing:
        raise DatasetCorruptError(
            f"{short(more.name)} has no column {short(repr(missing[0]))}{near(missing[0], more.columns)}"
        )
    columns = {name: _joined(values, more.columns[name]) for name, values in raw.columns.items()}
    return replace(raw, columns=columns, y=y)


def _joined(values: np.ndarray, more: np.ndarray) -> np.ndarray:
    same = values.dtype.kind == more.dtype.kind
    return np.concatenate([values, more] if same else [values.astype(object), more.astype(object)])
