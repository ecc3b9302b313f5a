"""Data sets by name, and tables of the user's own.

The files of a named data set are searched for in this order: the folder ``data_home``, the folder that
the environment variable ``VAEFEAT_DATA`` names, the user's cache (``~/.cache/vaefeat``), and last,
for MNIST and Fashion-MNIST, the public source, through :func:`sklearn.datasets.fetch_openml`.
Whatever the source, the content must have the sha256 that is recorded here.
"""

import gzip
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.data._table import in_words, short
from vaefeat.data.photos import CIFAR_FILES, OLIVETTI_FILES, read_cifar, read_olivetti
from vaefeat.data.plan import ColumnPlan
from vaefeat.data.tables import FORMATS, read_table
from vaefeat.data.targets import CLASSIFICATION, is_labeled
from vaefeat.exceptions import DatasetCorruptError, DatasetNotFoundError
from vaefeat.values.images import ImageShape

Samples = tuple[np.ndarray, np.ndarray | None]  # X and y
TEST_FRACTION = 0.25  # of data that come without their own test set


@dataclass(frozen=True)
class Dataset:
    """Samples for training and for testing.

    Attributes
    ----------
    name : str
    X, X_test : ndarrays of shape (n_samples, n_features), float32
        There may be no samples for testing, where labels are few.
        Images have their pixels in [0, 1], row by row, channels last; tables are as they are in their file.
    y, y_test : ndarrays of shape (n_samples,), or None
        Classes or quantities; None if the data have none.
    sha256 : str
        Of the samples and classes before any scaling and splitting; for a user's file, of the file
        itself.
    image_shape : (rows, columns) or (rows, columns, channels) of an image, or None
    plan : ColumnPlan or None
        How the columns of a user's table became features.
    task : {"classification", "regression"}
        What is to be predicted: classes, or quantities.
    target : str or None
        Name of the column of the labels in a user's table.
    """

    name: str
    X: np.ndarray
    y: np.ndarray | None
    X_test: np.ndarray
    y_test: np.ndarray | None
    sha256: str
    image_shape: ImageShape | None = None
    plan: ColumnPlan | None = None
    task: str = CLASSIFICATION
    target: str | None = None

    @property
    def is_labeled(self) -> np.ndarray:
        """Whether each sample for training has a label."""
        return np.zeros(len(self.X), bool) if self.y is None else is_labeled(self.y, self.task)

    def head(self, n_samples: int) -> "Dataset":
        """Return a data set of only the first samples for training and for testing, for a quick trial."""
        n = n_samples
        y, y_test = (None, None) if self.y is None or self.y_test is None else (self.y[:n], self.y_test[:n])
        return replace(self, X=self.X[:n], y=y, X_test=self.X_test[:n], y_test=y_test)


@dataclass(frozen=True)
class _Source:
    """Where a named data set is found, what it must contain, and how it is split."""

    read: Callable[[Path], Samples]
    files: tuple[str, ...]
    sha256: str
    n_train: int
    image_shape: ImageShape | None = None
    openml: tuple[str, int] | None = None


def load_dataset(
    name: str | os.PathLike[str],
    *,
    target: str | None = None,
    data_home: str | os.PathLike[str] | None = None,
    header: bool | None = None,
) -> Dataset:
    """Load a data set by its name, or a table from a file.

    Parameters
    ----------
    name : str or path
        "digits" (embedded: 1 797 images of 8x8), "mnist", "fashion-mnist" (70 000 of 28x28, the last
        10 000 for testing), "frey-face" (1 965 of 28x20, no classes), "cifar-10" (60 000 of 32x32 in
        color, the last 10 000 for testing), "olivetti" (400 of 64x64, none for testing), "satimage" (6 435
        rows of 36 features, the last 2 000 for testing); or a file that ends in .csv, .csv.gz, .npy, .npz or
        .parquet. Data without their own test set have a quarter of their rows set aside,
        stratified by class.
    target : str, optional
        For a file: the column, or the array of an .npz, that holds the classes; where the columns have
        no names, as in an .npy, the index of the column, which may be negative. Without it the data have
        no classes. A sample whose class is empty, or "-1" as text, gets -1 (unlabeled), and is never set
        aside for testing.
    data_home : path, optional
        A folder to search first.
    header : bool, optional
        Whether the first line of a .csv holds the names of the columns. By default it does if none of
        its cells is a number, if one of them is ``target``, or if it counts 0, 1, 2, ... or 1, 2, 3, ....

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetNotFoundError
        If the data are in none of the known places.
    DatasetCorruptError
        If a file's content is not that of its name, or is not numeric.
    ValueError
        If the name or the target is unknown.

    Warns
    -----
    DataWarning
        If a .csv begins with numbers that were taken as names, or with the index that pandas writes,
        which is left out.

    Examples
    --------
    >>> from vaefeat.data import load_dataset
    >>> load_dataset("digits").X.shape
    (1347, 64)
    """
    if name in ("digits", *SOURCES) and target is not None:
        raise ValueError(f"Got target={target!r}, but {name} knows its own classes; leave target out.")
    if name == "digits":
        return _load_digits()
    if name in SOURCES:
        return _load_named(str(name), data_home)
    path = Path(name)
    if path.name.endswith(tuple(FORMATS)):
        return _load_file(path, target, header)
    raise ValueError(
        f"Unknown data {short(repr(str(name)))}: expected one of {', '.join(['digits', *SOURCES])}, "
        f"or a file that ends in one of {', '.join(FORMATS)}."
    )


# --- named data sets ---


def _load_digits() -> Dataset:
    X, y = import_optional("sklearn.datasets", "train").load_digits(return_X_y=True)
    digest = _sha256(X.astype(np.uint8), y)
    X = X.astype(np.float32) / 16
    return split_at_random(Dataset("digits", X, y, X[:0], y[:0], digest, (8, 8)))


def _load_named(name: str, data_home: str | os.PathLike[str] | None) -> Dataset:
    source = SOURCES[name]
    X, y = _find(name, source, data_home)
    digest = _sha256(X, y)
    if digest != source.sha256:
        raise DatasetCorruptError(
            f"The content of {name} has sha256 {digest[:12]}..., expected {source.sha256[:12]}...: "
            "the files are damaged or of another version. Replace them."
        )
    X = X.astype(np.float32)
    if source.image_shape:
        X /= 255
    if y is not None and np.issubdtype(y.dtype, np.integer):
        y = y.astype(np.int64)  # unsigned bytes have no room for -1
    n = source.n_train
    y_train, y_test = (None, None) if y is None else (y[:n], y[n:])
    return Dataset(name, X[:n], y_train, X[n:], y_test, digest, source.image_shape)


def _find(name: str, source: _Source, data_home: str | os.PathLike[str] | None) -> Samples:
    places = [data_home, os.environ.get("VAEFEAT_DATA"), Path.home() / ".cache" / "vaefeat"]
    folders = [Path(place) / name for place in places if place]
    for folder in folders:
        if all((folder / file).exists() for file in source.files):
            with in_words(f"{name} in {folder}"):
                return source.read(folder)
    looked = ", ".join(map(str, folders))
    advice = f"Put {', '.join(source.files)} into one of: {looked}; or set VAEFEAT_DATA to the folder above."
    if source.openml is None:
        raise DatasetNotFoundError(f"{name} was not found. {advice}")
    try:
        return _fetch(*source.openml)
    except OSError as exc:
        raise DatasetNotFoundError(
            f"{name} was not found and could not be fetched ({exc}). {advice}"
        ) from exc


def _fetch(openml_name: str, version: int) -> Samples:
    fetch_openml = import_optional("sklearn.datasets", "train").fetch_openml
    X, y = fetch_openml(openml_name, version=version, as_frame=False, parser="liac-arff", return_X_y=True)
    y = np.asarray(y, dtype=str)
    return X.astype(np.uint8), y.astype(np.uint8) if y[0].isdigit() else y


def _read_idx(folder: Path) -> Samples:
    def read(kind: str) -> np.ndarray:
        parts = [_idx_array(folder / file) for file in IDX_FILES if kind in file]
        return np.concatenate(parts)

    images = read("images")
    return images.reshape(len(images), -1), read("labels")


def _idx_array(path: Path) -> np.ndarray:
    """Return the array in a gzipped IDX file of unsigned bytes."""
    content = gzip.decompress(path.read_bytes())
    if content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path.name} is not an IDX file of unsigned bytes")
    n_dims = content[3]
    shape = np.frombuffer(content, ">i4", n_dims, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_dims).reshape(shape)


def _read_frey_face(folder: Path) -> Samples:
    loadmat = import_optional("scipy.io", "train").loadmat
    return np.ascontiguousarray(loadmat(folder / "frey_rawface.mat")["ff"].T), None


def _read_satimage(folder: Path) -> Samples:
    with gzip.open(folder / "satimage.csv.gz", "rt") as file:
        table = np.loadtxt(file, dtype=str, delimiter=",", skiprows=1)
    return table[:, :-1].astype(np.uint8), table[:, -1]


IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
SOURCES = {
    "mnist": _Source(
        _read_idx,
        IDX_FILES,
        "c2069063c1105f2bf96266aef1ff68c6e13bdda7a54e37bf19c16f1db24efc83",
        60_000,
        (28, 28),
        ("mnist_784", 1),
    ),
    "fashion-mnist": _Source(
        _read_idx,
        IDX_FILES,
        "2cbc59191665e1ba3f2494648f17edac5974f748ab89fb2ae05597d658161f54",
        60_000,
        (28, 28),
        ("Fashion-MNIST", 1),
    ),
    "frey-face": _Source(
        _read_frey_face,
        ("frey_rawface.mat",),
        "2438ba4f0d2a6bd8bac43de756141eaa33c8d248dd613d464bdb1210d9b7af78",
        1_965,
        (28, 20),
    ),
    "cifar-10": _Source(
        read_cifar,
        CIFAR_FILES,
        "a9397b52a22c7eb28f62961c406746c795ce1af9800f0505e16faaec8e29b210",
        50_000,
        (32, 32, 3),
    ),
    "olivetti": _Source(
        read_olivetti,
        OLIVETTI_FILES,
        "87fde6e7e0dff9701f9ace62e19359854009c03e8915fb859365d39e95cbc70a",
        400,
        (64, 64),
    ),
    "satimage": _Source(
        _read_satimage,
        ("satimage.csv.gz",),
        "4b1ca3b56c1cb652fb62cb7d27dde4f90958b6c28a5454962d2b0438d89821fb",
        4_435,
    ),
}


# --- a user's own files ---


def _load_file(path: Path, target: str | None, header: bool | None) -> Dataset:
    X, y = read_table(path, target, header=header)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    none = X[:0], None if y is None else y[:0]
    return split_at_random(Dataset(path.name, X, y, *none, digest))


def split_at_random(dataset: Dataset) -> Dataset:
    """Return a data set with a quarter of the labeled samples set aside, stratified by class.

    The only sample of a class is not set aside. Where there are more classes than samples to set aside, or
    the labels are quantities, samples are drawn from all alike.
    """
    train_test_split = import_optional("sklearn.model_selection", "train").train_test_split
    y = dataset.y
    hidden = np.zeros(len(dataset.X), bool) if y is None else ~dataset.is_labeled
    classes = np.zeros(len(hidden))
    if has_classes := y is not None and dataset.task == CLASSIFICATION:
        classes = y.astype(str if hidden.any() else y.dtype)
    _, positions, counts = np.unique(classes, return_inverse=True, return_counts=True)
    indices = np.flatnonzero(~hidden & (counts[positions] > 1))
    enough = len(np.unique(classes[indices])) <= TEST_FRACTION * len(indices)
    stratify = classes[indices] if has_classes and enough else None
    train, test = train_test_split(indices, test_size=TEST_FRACTION, random_state=0, stratify=stratify)
    # Nothing can be tested without its class, or with a class that nothing else has.
    train = np.concatenate([train, np.setdiff1d(np.arange(len(hidden)), indices)])
    y_train, y_test = (None, None) if y is None else (y[train], y[test])
    return replace(dataset, X=dataset.X[train], y=y_train, X_test=dataset.X[test], y_test=y_test)


def _sha256(*arrays: np.ndarray | None) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            text = np.issubdtype(array.dtype, np.str_)
            digest.update("\n".join(array).encode() if text else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
