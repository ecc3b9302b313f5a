"""Samples as people have them: a table of any columns, arrays, or images, with few labels or many."""

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat.data._dialect import Format
from vaefeat.data._table import Table, in_words, near, short
from vaefeat.data.datasets import Dataset, split_at_random
from vaefeat.data.frames import frame_columns
from vaefeat.data.images import read_images
from vaefeat.data.labels import UNLABELED, is_unlabeled, mark_unlabeled
from vaefeat.data.plan import ColumnPlan, LeftOut, make_plan
from vaefeat.data.tables import column_names, find_target, open_table, read_table
from vaefeat.exceptions import DatasetCorruptError

MAX_CLASSES = 20  # below this many, numbers may always be classes
FEW = 400  # labels: below, a quarter of them is too little to test on


@dataclass(frozen=True)
class Samples:
    """Rows to learn from, some of them labeled.

    Attributes
    ----------
    name : str
    X : ndarray of shape (n_samples, n_features), float32
        As the plan encodes the columns; may hold NaN.
    y : ndarray of shape (n_samples,), or None
        Classes; -1 marks the unlabeled ones.
    plan : ColumnPlan or None
        None if the rows are arrays or images.
    left_out : tuple of LeftOut
        Columns that are no features.
    image_shape : tuple of two int, or None
    sha256 : str or None
        Of the file.
    """

    name: str
    X: np.ndarray
    y: np.ndarray | None
    plan: ColumnPlan | None = None
    left_out: tuple[LeftOut, ...] = ()
    image_shape: tuple[int, int] | None = None
    sha256: str | None = None

    def split(self) -> Dataset:
        """Return a data set with a quarter of the labeled samples set aside for testing.

        Where there are few labels none are set aside, and :func:`vaefeat.compare` tests each draw on the
        labels that it leaves out.
        """
        if self.y is not None and self.is_labeled.sum() < FEW:
            none = self.X[:0], self.y[:0]
            return Dataset(self.name, self.X, self.y, *none, self.sha256 or "", self.image_shape, self.plan)
        return split_at_random(self.name, self.X, self.y, self.sha256 or "", self.image_shape, self.plan)

    @property
    def is_labeled(self) -> np.ndarray:
        """Whether each sample has a label."""
        return np.zeros(len(self.X), bool) if self.y is None else ~is_unlabeled(self.y)


@dataclass(frozen=True)
class _Raw:
    """Columns, or a matrix, as they are read."""

    name: str
    columns: dict[str, np.ndarray]
    y: np.ndarray | None
    X: np.ndarray | None = None
    image_shape: tuple[int, int] | None = None
    sha256: str | None = None


def read_samples(
    data: Any,
    target: str | None = None,
    *,
    unlabeled: str | os.PathLike[str] | None = None,
    header: bool | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    image_shape: tuple[int, int] | None = None,
    drop: Collection[str] = (),
    categorical: Collection[str] = (),
    numeric: Collection[str] = (),
) -> Samples:
    """Read samples, and plan how their columns become features.

    Parameters
    ----------
    data : path, frame, or mapping of str to array
        A file as for :func:`vaefeat.load_dataset`, a folder of images, or a frame of pandas, Polars or
        pyarrow.
    target : str, optional
        The column of the classes. A sample has no label where it is empty, NaN or -1. The subfolders
        are the classes of images.
    unlabeled : path, optional
        A further file of the same columns, without the classes.
    header : bool, optional
        Whether the first line of a .csv holds names; by default this is told from the line.
    separator, decimal, encoding : str, optional
        How a .csv is written; by default this is told from its first lines.
    image_shape : tuple of two int, optional
        Rows and columns, if each row of a table holds the pixels of an image, row by row.
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
        If a column is unknown, or the target does not hold classes.
    """
    known = Format(header, separator, decimal, encoding)
    raw = _read(data, target, known)
    if unlabeled is not None:
        raw = _extended(raw, _read(unlabeled, None, known))
    shape = image_shape or raw.image_shape
    if raw.X is not None:
        samples = Samples(raw.name, raw.X, raw.y, image_shape=shape, sha256=raw.sha256)
    else:
        # Of an image every pixel counts, constant or not.
        plan, left_out = make_plan(
            raw.columns,
            drop=drop,
            categorical=categorical,
            numeric=[*numeric, *(raw.columns if shape else ())],
            keep_constant=shape is not None,
        )
        X = plan.encode(raw.columns)
        samples = Samples(raw.name, X, raw.y, plan, tuple(left_out), shape, raw.sha256)
    _check_shape(samples)
    if samples.y is not None:
        check_classes(samples.y, target)
    return samples


def _read(data: Any, target: str | None, known: Format) -> _Raw:
    if not isinstance(data, str | os.PathLike):
        return _from_frame(data, target)
    path = Path(data)
    if path.is_dir():
        X, y, shape = read_images(path)
        return _Raw(path.name, {}, y, X, shape)
    with open_table(path, known, () if target is None else (target,)) as table:
        read = _from_table if table.read_columns else _from_arrays
        raw = read(table, target)
    with path.open("rb") as file:
        return replace(raw, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _from_arrays(table: Table, target: str | None) -> _Raw:
    X, y = read_table(table.path, target)
    return _Raw(table.path.name, {}, y, X, table.image_shape)


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
    y = None if label is None else table.to_labels(columns.pop(names[label]))
    return _Raw(table.path.name, columns, y)


def _from_frame(frame: Any, target: str | None) -> _Raw:
    columns = frame_columns(frame)
    if target is not None and target not in columns:
        raise ValueError(f"The frame has no column {short(repr(target))}{near(target, columns)}")
    y = None if target is None else mark_unlabeled(columns.pop(target))
    return _Raw("the frame", columns, y)


def _extended(raw: _Raw, more: _Raw) -> _Raw:
    """Return the samples with those of a further file, whose labels do not count."""
    n = len(more.X if more.X is not None else next(iter(more.columns.values())))
    y = None if raw.y is None else np.concatenate([raw.y, np.full(n, UNLABELED).astype(raw.y.dtype)])
    if y is not None and raw.y is not None and raw.y.dtype.kind not in "iuO":
        y = np.concatenate([raw.y.astype(object), np.full(n, UNLABELED, object)])
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


def _check_shape(samples: Samples) -> None:
    shape, n_features = samples.image_shape, samples.X.shape[1]
    if shape is not None and shape[0] * shape[1] != n_features:
        raise ValueError(
            f"Got images of {shape[0]}x{shape[1]} = {shape[0] * shape[1]} pixels, but {short(samples.name)} "
            f"has {n_features} features."
        )


def check_classes(y: np.ndarray, target: str | None = None) -> None:
    """Refuse labels that a classifier cannot learn from.

    Raises
    ------
    ValueError
        If fewer than two classes have two labels, or the labels are quantities rather than classes.
    """
    name = "The target" if target is None else f"The target {short(repr(target))}"
    labels = y[~is_unlabeled(y)]
    classes, counts = np.unique(labels.astype(str) if labels.dtype == object else labels, return_counts=True)
    if not len(classes):
        raise ValueError(f"{name} has no labels: all rows are empty or -1. Label some of each class.")
    if len(classes) > MAX_CLASSES and (labels.dtype.kind == "f" or len(classes) > len(labels) / 2):
        raise ValueError(
            f"{name} has {len(classes)} different values in {len(labels)} labeled rows, expected classes; "
            "quantities cannot be predicted yet, only classes such as low and high."
        )
    if len(classes) == 1:
        hint = "-1 means unlabeled; rename that class" if (y == UNLABELED).any() else "label another class"
        raise ValueError(f"{name} has the one class {short(repr(classes[0].item()))}: {hint}.")
    if np.sum(counts > 1) < 2:
        rare = short(repr(classes[counts.argmin()].item()))
        raise ValueError(
            f"{name} has a single labeled row of class {rare}, expected two classes with at least 2: label "
            "more rows of each class."
        )
