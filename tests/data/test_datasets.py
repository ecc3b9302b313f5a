import gzip
import hashlib
import os
import pickle
import struct
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from numpy.testing import assert_array_equal

from vaefeat.data import Dataset, datasets, load_dataset
from vaefeat.data.datasets import SOURCES
from vaefeat.exceptions import DatasetCorruptError, DatasetNotFoundError, MissingExtraError


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def assert_same(one, other):
    for part in ("X", "y", "X_test", "y_test"):
        assert_array_equal(getattr(one, part), getattr(other, part))
        assert getattr(one, part).dtype == getattr(other, part).dtype


# --- the real data ---


@pytest.mark.parametrize(
    ("name", "n_train", "n_test", "n_features", "n_classes", "image_shape", "limits"),
    [
        ("digits", 1_347, 450, 64, 10, (8, 8), (0, 1)),
        ("mnist", 60_000, 10_000, 784, 10, (28, 28), (0, 1)),
        ("fashion-mnist", 60_000, 10_000, 784, 10, (28, 28), (0, 1)),
        ("frey-face", 1_965, 0, 560, 0, (28, 20), (0, 1)),
        pytest.param("cifar-10", 50_000, 10_000, 3_072, 10, (32, 32, 3), (0, 1), marks=pytest.mark.slow),
        ("olivetti", 400, 0, 4_096, 40, (64, 64), (0, 1)),
        ("satimage", 4_435, 2_000, 36, 6, None, (27, 157)),
    ],
)
def test_a_named_data_set_has_its_shape_and_its_range(
    name, n_train, n_test, n_features, n_classes, image_shape, limits, load_or_skip
):
    data = load_or_skip(name)
    assert data.name == name
    assert data.X.shape == (n_train, n_features)
    assert data.X_test.shape == (n_test, n_features)
    assert data.X.dtype == data.X_test.dtype == np.float32
    assert data.image_shape == image_shape
    assert limits[0] <= data.X.min() < data.X.max() <= limits[1]
    if n_classes:
        assert len(np.unique(data.y)) == n_classes
        assert len(np.unique(data.y_test)) == (n_classes if n_test else 0)
        assert (len(data.y), len(data.y_test)) == (n_train, n_test)
    else:
        assert data.y is data.y_test is None


def classes_as_stored(data):
    if data.y is None:
        return b""
    y = np.concatenate([data.y, data.y_test])
    return "\n".join(y).encode() if y.dtype.kind == "U" else y.astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "cifar-10" else name for name in SOURCES]
)
def test_the_sha256_is_that_of_the_content_before_scaling(name, load_or_skip):
    data = load_or_skip(name)
    scale = 255 if data.image_shape else 1
    pixels = [np.rint(X * scale).astype(np.uint8).tobytes() for X in (data.X, data.X_test)]
    assert data.sha256 == SOURCES[name].sha256 == sha256(*pixels, classes_as_stored(data))


def test_mnist_is_in_its_usual_order(mnist):
    assert mnist.y[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    assert mnist.y_test[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]
    assert mnist.y.dtype == np.int64
    middle = mnist.X[0].reshape(28, 28)
    assert middle[:, :4].max() == middle[:, 26:].max() == 0.0
    assert middle.max() == 1.0


def test_digits_are_those_of_scikit_learn_split_by_class_in_the_same_way_each_time():
    data = load_dataset("digits")
    X, y = sklearn.datasets.load_digits(return_X_y=True)
    assert_array_equal(np.unique(np.concatenate([data.X, data.X_test]), axis=0), np.unique(X / 16, axis=0))
    assert_array_equal(np.abs(np.bincount(data.y) / 3 - np.bincount(data.y_test)) < 1, [True] * 10)
    assert_same(load_dataset("digits"), data)
    assert data.sha256 == sha256(X.astype(np.uint8).tobytes(), y.tobytes())


# --- where the files are looked for ---


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Return the folders that are searched, in this order; all are empty, and there is no network."""
    folders = [tmp_path / "home", tmp_path / "environment", tmp_path / "user" / ".cache" / "vaefeat"]
    monkeypatch.setenv("VAEFEAT_DATA", str(folders[1]))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))

    def no_network(*args):
        raise OSError("no route to host")

    monkeypatch.setattr(datasets, "_fetch", no_network)
    return folders


def put(folder, name, content):
    """Write the same content into every file of a data set."""
    (folder / name).mkdir(parents=True)
    for file in SOURCES[name].files:
        (folder / name / file).write_bytes(content)


@pytest.mark.parametrize("present", [[0, 1, 2], [1, 2], [2], [0, 2], [0]])
def test_data_home_takes_precedence_over_the_environment_and_that_over_the_cache(present, places):
    for i in present:
        put(places[i], "mnist", b"not gzip")
    with pytest.raises(DatasetCorruptError) as caught:
        load_dataset("mnist", data_home=places[0])
    assert str(caught.value).startswith(f"Cannot read mnist in {places[present[0]]}/mnist: ")


def test_a_folder_that_lacks_one_file_is_passed_over(places):
    put(places[0], "mnist", b"not gzip")
    put(places[1], "mnist", b"not gzip")
    (places[0] / "mnist" / SOURCES["mnist"].files[3]).unlink()
    with pytest.raises(DatasetCorruptError, match=f"Cannot read mnist in {places[1]}"):
        load_dataset("mnist", data_home=places[0])


@pytest.mark.parametrize("name", SOURCES)
def test_missing_files_end_in_one_sentence_that_says_what_to_do(name, places):
    with pytest.raises(DatasetNotFoundError) as caught:
        load_dataset(name, data_home=places[0])
    message = str(caught.value)
    fetched = " and could not be fetched (no route to host)" if SOURCES[name].openml else ""
    assert message.startswith(
        f"{name} was not found{fetched}. Put {', '.join(SOURCES[name].files)} into one of: "
    )
    for folder in places:
        assert str(folder / name) in message
    assert message.endswith("or set VAEFEAT_DATA to the folder above.")


def test_an_unset_environment_is_not_a_place(places, monkeypatch):
    monkeypatch.delenv("VAEFEAT_DATA")
    with pytest.raises(DatasetNotFoundError) as caught:
        load_dataset("satimage")
    assert str(places[2] / "satimage") in str(caught.value)
    assert str(places[1]) not in str(caught.value)


# --- what the files hold ---

PIXELS = np.arange(20, dtype=np.uint8).reshape(5, 4) * 12
IMAGES = PIXELS.reshape(5, 2, 2)
LABELS = np.array([3, 1, 2, 1, 3], np.uint8)


def idx(array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes())


@pytest.fixture
def small_mnist(places, monkeypatch):
    """Let MNIST have three images for training and two for testing, and put its files in place."""
    source = replace(SOURCES["mnist"], sha256=sha256(PIXELS.tobytes(), LABELS.tobytes()), n_train=3)
    monkeypatch.setitem(SOURCES, "mnist", source)
    folder = places[0] / "mnist"
    folder.mkdir(parents=True)
    for file, array in zip(source.files, (IMAGES[:3], LABELS[:3], IMAGES[3:], LABELS[3:]), strict=True):
        (folder / file).write_bytes(idx(array))
    return places[0]


def assert_is_small_mnist(data):
    assert_array_equal(data.X, PIXELS[:3].astype(np.float32) / 255)
    assert_array_equal(data.X_test, PIXELS[3:].astype(np.float32) / 255)
    assert data.y.tolist() == [3, 1, 2]
    assert data.y_test.tolist() == [1, 3]
    assert data.y.dtype == np.int64


def test_idx_files_are_read_row_by_row(small_mnist):
    assert_is_small_mnist(load_dataset("mnist", data_home=small_mnist))


@pytest.mark.parametrize("labels", [LABELS, np.array(["a", "b", "a", "c", "b"])], ids=["digits", "words"])
def test_fetched_data_have_the_dtypes_of_data_that_are_read_from_files(labels, monkeypatch):
    calls = []

    def fetch_openml(name, *, version, **options):
        calls.append((name, version))
        return PIXELS.astype(float), labels.astype(str).astype(object)

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)
    X, y = datasets._fetch("mnist_784", 1)
    assert calls == [("mnist_784", 1)]
    assert_array_equal(X, PIXELS)
    assert_array_equal(y, labels)
    assert (X.dtype, y.dtype) == (np.uint8, labels.dtype)


@pytest.mark.usefixtures("small_mnist")
def test_fetched_data_are_used_if_there_are_no_files_and_are_checked_too(places, monkeypatch):
    monkeypatch.setattr(datasets, "_fetch", lambda name, version: (PIXELS, LABELS))
    assert_is_small_mnist(load_dataset("mnist", data_home=places[2]))
    monkeypatch.setattr(datasets, "_fetch", lambda name, version: (PIXELS + 1, LABELS))
    with pytest.raises(DatasetCorruptError, match="The content of mnist has sha256"):
        load_dataset("mnist", data_home=places[2])


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (0, idx(IMAGES[:3] + 1), r"The content of mnist has sha256 \w{12}\.{3}, expected \w{12}\.{3}: the"),
        (1, idx(LABELS[:3][::-1]), "are damaged or of another version. Replace them"),
        (0, idx(IMAGES[:3])[:-9], "Cannot read mnist in .*ended before the end-of-stream marker"),
        (2, b"", "Cannot read mnist in"),
        (2, b"<html>not found</html>", "Cannot read mnist in .*Not a gzipped file"),
        (1, gzip.compress(b"\x00\x00\x0d\x01" + bytes(20)), "is not an IDX file of unsigned bytes"),
        (1, gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x09abc"), "Cannot read mnist in .*reshape"),
    ],
    ids=["other pixels", "other labels", "truncated", "empty", "a web page", "another type", "too few"],
)
def test_a_damaged_file_is_refused(file, content, message, small_mnist):
    (small_mnist / "mnist" / SOURCES["mnist"].files[file]).write_bytes(content)
    with pytest.raises(DatasetCorruptError, match=message):
        load_dataset("mnist", data_home=small_mnist)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("satimage", gzip.compress(b"a,b,class\n1,2,x\n3,4,y\n"), "The content of satimage has sha256"),
        ("satimage", gzip.compress(b"a,b,class\n1,2,x\n3,z,y\n"), "Cannot read satimage in .*'z'"),
        ("satimage", b"a,b,class\n1,2,x\n", "Cannot read satimage in .*Not a gzipped file"),
        ("frey-face", bytes(range(256)) * 2, "Cannot read frey-face in .*Mat 4 mopt wrong format"),
    ],
    # Names, not contents: gzip writes the time of day, and parallel workers must find the same tests.
    ids=["other values", "a letter", "no archive", "no matrix"],
)
def test_damaged_tables_and_matrices_are_refused(name, content, message, places):
    put(places[0], name, content)
    with pytest.raises(DatasetCorruptError, match=message):
        load_dataset(name, data_home=places[0])


# --- a user's own file ---

# Eighths, which every format and float32 keep as they are.
FEATURES = np.random.default_rng(0).integers(-40, 40, size=(40, 3)) / 8
CLASSES = np.repeat([0, 1, 2, 3], 10)
FRAME = pd.DataFrame(FEATURES, columns=["a", "b", "c"]).assign(label=CLASSES)
TABLE = FRAME.to_numpy()
WRITERS = {
    "table.csv": (lambda path: FRAME.to_csv(path, index=False), "label"),
    "table.csv.gz": (lambda path: FRAME.to_csv(path, index=False), "label"),
    "table.parquet": (lambda path: FRAME.to_parquet(path), "label"),
    "table.npz": (lambda path: np.savez(path, X=FEATURES, classes=CLASSES), "classes"),
    "table.npy": (lambda path: np.save(path, TABLE), "-1"),
}


@pytest.fixture(params=WRITERS)
def table(request, tmp_path):
    """Return the path of a table in one of the formats, and the name of its classes."""
    write, target = WRITERS[request.param]
    write(tmp_path / request.param)
    return tmp_path / request.param, target


def test_the_same_content_gives_the_same_data_from_every_format(table, tmp_path):
    path, target = table
    reference = tmp_path / "reference.npz"
    np.savez(reference, X=FEATURES, y=CLASSES)
    data = load_dataset(path, target=target)
    assert_same(data, load_dataset(reference, target="y"))
    assert data.name == path.name
    assert data.sha256 == sha256(path.read_bytes())
    assert data.image_shape is None


def test_a_quarter_of_the_rows_is_set_aside_for_testing_stratified_by_class(table):
    data = load_dataset(*table[:1], target=table[1])
    assert data.X.shape == (30, 3)
    assert data.X_test.shape == (10, 3)
    assert sorted(np.bincount(data.y_test)) == [2, 2, 3, 3]
    rows = np.concatenate([np.c_[data.X, data.y], np.c_[data.X_test, data.y_test]])
    assert_array_equal(np.sort(rows, axis=0), np.sort(TABLE, axis=0))
    assert {tuple(row) for row in rows} == {tuple(row) for row in TABLE}


def test_without_a_target_there_are_no_classes(table):
    path, _ = table
    data = load_dataset(str(path))
    assert data.y is data.y_test is None
    assert data.X.shape[1] == (3 if path.suffix == ".npz" else 4)


def test_an_unknown_target_is_named(table):
    path, _ = table
    message = {
        ".npz": "table.npz has no array 'age'; it has X, classes",
        ".npy": "Got target='age' for table.npy, expected the index of one of its columns",
    }.get(path.suffix, f"{path.name} has no column 'age'; it has a, b, c, label")
    with pytest.raises(ValueError, match=message):
        load_dataset(path, target="age")


@pytest.mark.parametrize(("target", "column"), [("0", 0), ("3", 3), ("-4", 0)])
def test_any_column_of_an_array_may_hold_the_classes(target, column, tmp_path):
    np.save(tmp_path / "table.npy", np.roll(TABLE, column - 3, axis=1))
    data = load_dataset(tmp_path / "table.npy", target=target)
    assert np.bincount(data.y).sum() == 30
    assert np.unique(data.y).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("target", ["4", "-5", "1.0", "", "one"])
def test_an_index_out_of_the_array_is_refused(target, tmp_path):
    np.save(tmp_path / "table.npy", TABLE)
    with pytest.raises(ValueError, match=f"Got target='{target}' for table.npy, expected the index"):
        load_dataset(tmp_path / "table.npy", target=target)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_classes_may_be_text_but_features_may_not(ending, tmp_path):
    words = FRAME.assign(label=np.array(["north", "south"])[CLASSES % 2])
    path = tmp_path / f"table.{ending}"
    words.to_parquet(path) if ending == "parquet" else words.to_csv(path, index=False)
    data = load_dataset(path, target="label")
    assert set(data.y) == {"north", "south"}
    assert data.X.shape == (30, 3)
    found = {"parquet": "Column 'label' of table.parquet is .*, expected numbers"}
    with pytest.raises(DatasetCorruptError, match=found.get(ending, "column 'label': got 'north', expected")):
        load_dataset(path)


@pytest.mark.parametrize("ending", ["npy", "npz"])
@pytest.mark.parametrize("kind", ["an array of objects", "a bare pickle"])
def test_pickled_objects_are_refused_and_not_unpickled(ending, kind, trap, tmp_path):
    path = tmp_path / f"table.{ending}"
    if kind == "a bare pickle":
        path.write_bytes(pickle.dumps(trap))
    elif ending == "npy":
        np.save(path, np.array([[trap]], dtype=object))
    else:
        np.savez(path, X=np.array([[trap]], dtype=object))
    with pytest.raises(DatasetCorruptError, match=f"table.{ending}"):
        load_dataset(path)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            np.arange(10.0),
            r"table.npz holds an array of shape \(10,\) and dtype float64, expected a",
        ),
        (np.zeros((10, 2, 2, 5)), r"shape \(10, 2, 2, 5\)"),
        (np.array([["a", "b"]] * 10), "dtype <U1, expected a numeric matrix"),
    ],
)
def test_an_array_that_is_not_a_numeric_matrix_is_refused(X, message, tmp_path):
    np.savez(tmp_path / "table.npz", X=X)
    with pytest.raises(DatasetCorruptError, match=message):
        load_dataset(tmp_path / "table.npz")


def test_an_archive_without_x_is_refused(tmp_path):
    np.savez(tmp_path / "table.npz", features=FEATURES)
    with pytest.raises(ValueError, match=r"table\.npz has no array 'X'; it has features"):
        load_dataset(tmp_path / "table.npz")


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_file_is_reported(name, tmp_path):
    with pytest.raises(DatasetNotFoundError, match=f"There is no file .*{name}"):
        load_dataset(tmp_path / name)


@pytest.mark.parametrize("name", ["cifar10", "MNIST", "table.xlsx", "digits.tar.gz", ""])
def test_an_unknown_name_is_refused_with_the_list_of_known_ones(name):
    known = "digits, mnist, fashion-mnist, frey-face, cifar-10, olivetti, satimage"
    with pytest.raises(ValueError, match=f"Unknown data '{name}': expected one of {known}, or a file"):
        load_dataset(name)


def test_without_pyarrow_the_error_gives_the_command_that_installs_it(tmp_path, monkeypatch):
    FRAME.to_csv(tmp_path / "table.csv", index=False)
    monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    with pytest.raises(
        MissingExtraError, match=r'pyarrow.* is not installed. .*pip install "vaefeat\[tables\]"'
    ):
        load_dataset(tmp_path / "table.csv")


GZ = gzip.compress(bytes(1000) + b"abcdefgh" * 500)
DAMAGE = {
    "a damaged stream": ("mnist", GZ[:14] + b"\xff" * 8 + GZ[22:]),
    "three bytes": ("mnist", gzip.compress(b"\x00\x00\x08")),
    "an empty matrix": ("frey-face", b""),
    "no matrix": ("frey-face", b"garbage"),
    "an empty table": ("satimage", gzip.compress(b"a,b\n")),
    "a table of one row": ("satimage", gzip.compress(b"a,b\n1,2\n")),
    "a value that is no byte": ("satimage", gzip.compress(b"a,b\n300,x\n1,y\n")),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_any_damage_is_reported_as_such(case, places):
    name, content = DAMAGE[case]
    put(places[0], name, content)
    with pytest.raises(DatasetCorruptError, match=f"Cannot read {name}"):
        load_dataset(name, data_home=places[0])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.npz", b"PK\x03\x04garbage"),
        ("t.npz", b""),
        ("t.npy", b""),
        ("t.npy", b"garbage"),
        ("t.parquet", b"garbage"),
        ("t.csv", b""),
        ("t.csv", b"\xff\xfe\x00"),
        ("t.csv.gz", b"abc"),
    ],
)
def test_a_file_that_cannot_be_read_is_corrupt(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetCorruptError, match=name):
        load_dataset(tmp_path / name)


def test_a_vector_has_no_column_of_classes(tmp_path):
    np.save(tmp_path / "t.npy", np.arange(10.0))
    with pytest.raises(ValueError, match=r"t\.npy"):
        load_dataset(tmp_path / "t.npy", target="0")


def test_classes_of_an_array_are_not_rounded(tmp_path):
    np.save(tmp_path / "t.npy", np.repeat([[1.0, 0.25], [2.0, 0.75]], 10, axis=0))
    assert set(load_dataset(tmp_path / "t.npy", target="-1").y) == {0.25, 0.75}


def test_values_too_large_for_float32_are_refused(tmp_path):
    np.save(tmp_path / "t.npy", np.full((20, 2), 1e300))
    with pytest.raises(ValueError, match=r"t\.npy"):
        load_dataset(tmp_path / "t.npy")


def test_a_table_without_rows_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n")
    with pytest.raises(DatasetCorruptError, match="rows"):
        load_dataset(tmp_path / "t.csv")


def test_the_head_of_a_data_set_is_its_first_samples_with_classes_or_without():
    digits = load_dataset("digits")
    head = digits.head(7)
    assert_array_equal(head.X, digits.X[:7])
    assert_array_equal(head.y_test, digits.y_test[:7])
    assert replace(digits, y=None, y_test=None).head(7).y is None


# --- labels in files ---


@pytest.mark.parametrize("y", [CLASSES[:, None], CLASSES.astype(float), CLASSES.astype(np.uint8)[:, None]])
def test_classes_of_an_archive_may_stand_in_a_column(y, tmp_path):
    np.savez(tmp_path / "column.npz", X=FEATURES, y=y)
    np.savez(tmp_path / "vector.npz", X=FEATURES, y=CLASSES)
    assert_same(
        load_dataset(tmp_path / "column.npz", target="y"), load_dataset(tmp_path / "vector.npz", target="y")
    )


@pytest.mark.parametrize("shape", [(40, 2), (40, 1, 1), (39,), (1, 40), ()])
def test_an_array_that_is_not_one_class_for_each_row_is_refused(shape, tmp_path):
    np.savez(tmp_path / "table.npz", X=FEATURES, y=np.zeros(shape))
    with pytest.raises(DatasetCorruptError, match=r"classes of shape \(.*\) for 40 rows, expected one"):
        load_dataset(tmp_path / "table.npz", target="y")


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "npz"])
@pytest.mark.parametrize("mark", ["-1", ""])
@pytest.mark.parametrize("names", [None, np.array(["north", "south", "east", "west"])])
def test_rows_without_a_class_are_unlabeled_and_for_training_alone(names, mark, ending, tmp_path):
    labels = (CLASSES if names is None else names[CLASSES]).astype(object)
    labels[::4] = mark if ending.startswith("csv") else "-1" if names is not None else -1
    path = tmp_path / f"table.{ending}"
    frame = FRAME.assign(label=labels)
    if ending == "npz":
        np.savez(path, X=FEATURES, label=labels.astype(int if names is None else str))
    elif ending == "parquet":
        frame.astype({"label": int if names is None else str}).to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    data = load_dataset(path, target="label")
    assert (len(data.X), len(data.X_test)) == (32, 8)
    assert [label for label in data.y if label in ("-1", -1)] == [-1] * 10
    assert set(data.y_test) == ({0, 1, 2, 3} if names is None else set(names))
    assert data.y.dtype == (np.int64 if names is None else object)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_classes_of_a_parquet_file_are_unlabeled(missing, tmp_path):
    labels = CLASSES.astype(float)
    labels[::4] = np.nan
    words = [missing if i % 4 == 0 else "ab"[i % 2] for i in range(40)]
    FRAME.assign(label=labels, word=pd.Categorical(words)).to_parquet(tmp_path / "table.parquet")
    for columns, dtype in ((["label"], np.int64), (["word"], object)):
        pd.read_parquet(tmp_path / "table.parquet")[["a", "b", *columns]].to_parquet(tmp_path / "one.parquet")
        data = load_dataset(tmp_path / "one.parquet", target=columns[0])
        assert data.y.dtype == dtype
        assert sum(label == -1 for label in data.y) == 10


def test_text_that_looks_like_numbers_stays_text_where_the_file_says_so(tmp_path):
    np.savez(tmp_path / "table.npz", X=FEATURES, y=np.array(["007", "010"])[CLASSES % 2])
    assert set(load_dataset(tmp_path / "table.npz", target="y").y) == {"007", "010"}


def test_a_column_of_a_table_without_names_is_found_by_its_index(tmp_path):
    FRAME.to_csv(tmp_path / "table.csv", index=False, header=False)
    FRAME.to_csv(tmp_path / "named.csv", index=False)
    data = load_dataset(tmp_path / "table.csv", target="-1")
    assert_same(data, load_dataset(tmp_path / "named.csv", target="label"))


@pytest.mark.parametrize("n_rows", [20, 400])
def test_rare_classes_can_be_set_aside_and_the_only_row_of_a_class_is_not(n_rows):
    y = np.array(["only", *(f"class {i % 8}" for i in range(n_rows - 1))])
    X = np.zeros((n_rows, 2), np.float32)
    dataset = datasets.split_at_random(Dataset("rows", X, y, X[:0], y[:0], ""))
    assert len(dataset.y_test) == n_rows // 4
    assert "only" in dataset.y
