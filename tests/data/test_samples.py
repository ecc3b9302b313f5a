import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

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
    with pytest.raises(ValueError, match="3x2 = 6 pixels, but the frame has 4 features"):
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


def test_quantities_are_no_classes():
    frame = pd.DataFrame({"a": np.arange(60.0), "price": np.linspace(0, 1, 60)})
    with pytest.raises(ValueError, match="60 different values in 60 labeled rows, expected classes"):
        read_samples(frame, "price")


def test_a_wrong_target_is_answered_with_names_that_are_near(tmp_path):
    for data in (FRAME, write(tmp_path / "rows.csv")):
        with pytest.raises(ValueError, match=r"has no column 'Clas'; did you mean 'class'\?"):
            read_samples(data, "Clas")
