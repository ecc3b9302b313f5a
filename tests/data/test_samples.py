import io
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from pyarrow import parquet

from vaefeat.data.samples import read_samples
from vaefeat.exceptions import DataWarning

FRAME = pd.DataFrame(
    {
        "age": [30.0, None, 50.0, 40.0, 20.0, 10.0],
        "home": ["rent", "own", None, "rent", "own", "own"],
        "member": [True, False, True, True, False, None],
        "since": pd.to_datetime(["2020-01-01", "2020-01-03", None, "2020-01-02", "2020-02-01", "2020-03-01"]),
        "class": ["a", "b", None, "a", "-1", "b"],
    }
)
FEATURES = FRAME.drop(columns="class")


def write(path, frame=FRAME):
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ".tsv" in path.name else ",")
    return path


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.tsv", "rows.parquet"])
def test_a_file_is_read_as_its_frame_is(name, tmp_path):
    of_file, of_frame = read_samples(write(tmp_path / name), "class"), read_samples(FRAME, "class")
    assert of_file.plan == of_frame.plan
    assert_array_equal(of_file.X, of_frame.X)
    assert of_file.y.tolist() == of_frame.y.tolist() == ["a", "b", -1, "a", -1, "b"]
    assert of_file.is_labeled.tolist() == [True, True, False, True, False, True]


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas, lambda f: f.convert_dtypes()])
def test_frames_of_other_libraries_are_read_alike(convert):
    frame = convert(FRAME)
    assert_array_equal(read_samples(frame, "class").X, read_samples(FRAME, "class").X)
    assert read_samples(frame, "class").y.tolist() == read_samples(FRAME, "class").y.tolist()


def test_an_index_is_left_out_and_said(tmp_path):
    FRAME.to_csv(tmp_path / "rows.csv")
    with pytest.warns(DataWarning, match="left out the column ''"):
        assert read_samples(tmp_path / "rows.csv", "class").plan.names == list(FEATURES)


def test_a_further_file_brings_unlabeled_rows(tmp_path):
    path, more = write(tmp_path / "rows.csv"), write(tmp_path / "more.csv", FEATURES[list(FEATURES)[::-1]])
    samples = read_samples(path, "class", unlabeled=more)
    assert_array_equal(samples.X[6:], samples.X[:6])
    assert not samples.is_labeled[6:].any()


@pytest.mark.parametrize("classes", [[3, 4], [0.5, 1.5], ["x", "y"]])
def test_labels_of_any_type_can_be_extended(classes, tmp_path):
    frame = pd.DataFrame({"a": np.arange(4.0), "class": classes * 2})
    samples = read_samples(frame, "class", unlabeled=write(tmp_path / "more.csv", frame[["a"]]))
    assert samples.y[:4].tolist() == classes * 2
    assert samples.is_labeled.sum() == 4


def test_a_further_file_without_a_column_is_refused(tmp_path):
    more = write(tmp_path / "more.csv", FEATURES.rename(columns={"age": "ages"}))
    with pytest.raises(ValueError, match=r"more\.csv has no column 'age'; did you mean 'ages'"):
        read_samples(FRAME, "class", unlabeled=more)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_of_images_keep_their_shape(suffix, tmp_path):
    X = np.arange(24).reshape(4, 2, 3)
    save = np.save if suffix == ".npy" else lambda path, X: np.savez(path, X=X)
    save(tmp_path / f"rows{suffix}", X)
    samples = read_samples(tmp_path / f"rows{suffix}")
    assert samples.image_shape == (2, 3)
    assert_array_equal(samples.X, X.reshape(4, 6))


def test_a_table_of_pixels_takes_the_shape_that_is_given():
    frame = pd.DataFrame(np.eye(4)).rename(columns=str)
    assert read_samples(frame, image_shape=(2, 2)).image_shape == (2, 2)
    with pytest.raises(ValueError, match="3x2 = 6 pixels, but the frame has 4 values"):
        read_samples(frame, image_shape=(3, 2))


def test_a_folder_of_images_is_read(tmp_path):
    for i, folder in enumerate(["a", "a", "b", "b", "."]):
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.fromarray(np.full((2, 3), i, np.uint8)).save(tmp_path / folder / f"{i}.png")
    samples = read_samples(tmp_path)
    assert samples.image_shape == (2, 3)
    assert samples.is_labeled.sum() == 4


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([None] * 6, "no labels"),
        ([-1, 1] * 3, "the one class 1: -1 means unlabeled"),
        (["a"] * 5 + ["b"], "a single labeled row of class 'b'"),
        ([*"abcdef"], "a single labeled row of class 'a', expected two classes"),
    ],
)
def test_labels_that_nothing_can_be_learned_from_are_refused(classes, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_samples(FEATURES.assign(kind=classes), "kind")
    assert len(str(caught.value)) <= 300


@pytest.mark.parametrize("text", [False, True])
def test_quantities_are_read_from_files_and_frames_with_nan_for_gaps(text, tmp_path):
    frame = pd.DataFrame({"a": np.arange(60.0), "price": np.linspace(-1, 1, 60)})
    frame.loc[::3, "price"] = None
    frame.to_csv(tmp_path / "rows.csv", index=False, sep=";", decimal=",")
    samples = read_samples(tmp_path / "rows.csv" if text else frame, "price")
    assert samples.task == "regression"
    assert_allclose(samples.y, frame["price"])
    assert samples.is_labeled.sum() == 40
    more = read_samples(frame, "price", unlabeled=write(tmp_path / "more.csv", frame[["a"]]))
    assert (len(more.y), more.is_labeled.sum()) == (120, 40)
    assert samples.split().is_labeled.sum() == 40


def test_of_many_quantities_a_quarter_is_set_aside():
    frame = pd.DataFrame({"a": np.arange(500.0), "price": np.linspace(-1, 1, 500)})
    dataset = read_samples(frame, "price").split()
    assert (len(dataset.X), len(dataset.X_test), dataset.task) == (375, 125, "regression")
    assert dataset.is_labeled.all()


@pytest.mark.parametrize("n_channels", [3, 4])
@pytest.mark.parametrize("kind", [".npy", ".npz", "array"])
def test_images_in_color_keep_their_colors_and_lose_their_opacity(n_channels, kind, tmp_path):
    X = np.random.default_rng(0).integers(0, 256, (6, 2, 3, n_channels)).astype(np.uint8)
    data = tmp_path / f"rows{kind}"
    if kind == "array":
        data = X
    else:
        (np.save if kind == ".npy" else lambda path, X: np.savez(path, X=X))(data, X)
    samples = read_samples(data)
    assert samples.image_shape == (2, 3, 3)
    assert_array_equal(samples.X, X[..., :3].reshape(6, 18))


def test_arrays_have_labels_beside_them():
    X, y = np.arange(24).reshape(4, 2, 3), ["a", "b", "a", "b"]
    samples = read_samples(X, y)
    assert (samples.X.shape, samples.image_shape, samples.y.tolist()) == ((4, 6), (2, 3), y)
    with pytest.raises(ValueError, match=r"labels of shape \(3,\) for 4 samples"):
        read_samples(X, y[:3])
    with pytest.raises(ValueError, match="expected numbers with a row for each sample"):
        read_samples(X[0, 0])


@pytest.mark.parametrize("as_structure", [False, True])
def test_a_parquet_of_images_is_read(as_structure, tmp_path):
    contents = []
    for i in range(4):
        stream = io.BytesIO()
        Image.fromarray(np.full((2, 3), 10 * i, np.uint8)).save(stream, "png")
        contents.append({"bytes": stream.getvalue(), "path": None} if as_structure else stream.getvalue())
    table = pa.table({"image": contents, "file": [*"wxyz"], "label": ["a", "a", "b", "b"]})
    parquet.write_table(table, tmp_path / "rows.parquet")
    samples = read_samples(tmp_path / "rows.parquet", "label")
    assert samples.image_shape == (2, 3)
    assert_allclose(samples.X[:, 0], np.arange(4) * 10 / 255)
    assert samples.y.tolist() == ["a", "a", "b", "b"]
    assert samples.left_out == (("file", "stands beside images"),)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([b"?"] * 4, "Image 1 of rows.parquet"),
        ([None, *[b"?"] * 3], "rows.parquet has no image in row 1"),
    ],
)
def test_bytes_that_are_no_image_are_refused(images, message, tmp_path):
    parquet.write_table(pa.table({"image": images, "label": [*"aabb"]}), tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=re.escape(message)):
        read_samples(tmp_path / "rows.parquet", "label")


def test_infinity_is_located(tmp_path):
    frame = FRAME.assign(age=[1.0, np.inf, 2, 3, 4, 5])
    with pytest.raises(ValueError, match="row 2, column 'age': got inf, expected a finite"):
        read_samples(frame, "class")


def test_images_have_no_columns_to_leave_out():
    with pytest.raises(ValueError, match="has no column 'a': it holds images or an array"):
        read_samples(np.zeros((4, 2, 3)), drop=["a"])


def test_subfolders_are_the_only_classes_of_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("L", (2, 3)).save(tmp_path / "a" / "0.png")
    with pytest.raises(ValueError, match="are its subfolders; leave the target out"):
        read_samples(tmp_path, "class", unlabeled=tmp_path)


def test_samples_without_a_file_have_a_digest_of_their_own():
    other = FRAME.assign(age=1.5 * FRAME["age"])
    assert read_samples(FRAME, "class").sha256 == read_samples(FRAME, "class").sha256
    assert read_samples(FRAME, "class").sha256 != read_samples(other, "class").sha256


def test_a_wrong_target_is_answered_with_names_that_are_near(tmp_path):
    for data in (FRAME, write(tmp_path / "rows.csv")):
        with pytest.raises(ValueError, match=r"has no column 'Clas'; did you mean 'class'\?"):
            read_samples(data, "Clas")
