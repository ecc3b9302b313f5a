import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vaefeat import load_dataset
from vaefeat.data import Dataset
from vaefeat.explorer.samples import MAX_SAMPLES, choose_samples


def dataset(X, y=None, n_test=0, image_shape=None):
    X = np.asarray(X, np.float32)
    n = len(X) - n_test
    parts = (None, None) if y is None else (np.asarray(y)[:n], np.asarray(y)[n:])
    return Dataset("toy", X[:n], parts[0], X[n:], parts[1], "", image_shape)


def shares(samples):
    return np.frombuffer(samples.to_bytes(), np.uint8).reshape(samples.X.shape) / 255


def test_samples_come_from_the_test_set():
    digits = load_dataset("digits")
    samples = choose_samples(digits)
    assert_array_equal(samples.X, digits.X_test)
    assert_array_equal(samples.y, digits.y_test)
    assert (samples.split, samples.image_shape, samples.is_ordered) == ("test", (8, 8), False)


def test_many_samples_are_thinned_out_evenly_in_order():
    X = np.arange(10_001, dtype=np.float32)[:, None]
    samples = choose_samples(dataset(X, y=X[:, 0] > 5000))
    assert len(samples.X) == len(samples.indices) == MAX_SAMPLES
    assert_array_equal(samples.X[:, 0], samples.indices)
    assert_array_equal(samples.y, samples.indices > 5000)
    assert samples.indices[[0, -1]].tolist() == [0, 10_000]
    assert set(np.diff(samples.indices)) == {5, 6}


def test_without_a_test_set_samples_come_from_training_and_are_ordered():
    samples = choose_samples(dataset(np.eye(4)))
    assert (samples.split, samples.is_ordered) == ("training", True)
    assert not choose_samples(dataset(np.eye(4), n_test=2)).is_ordered
    assert not choose_samples(dataset(np.eye(4), y=[0, 1, 0, 1])).is_ordered


def test_frey_face_is_a_film(load_or_skip):
    samples = choose_samples(load_or_skip("frey-face"))
    assert samples.is_ordered
    assert len(samples.X) == 1965
    assert_array_equal(samples.indices, np.arange(1965))


def test_pixels_are_bytes_between_black_and_white():
    samples = choose_samples(dataset([[0.2, 0.4], [0.6, 0.8]], image_shape=(1, 2)))
    assert_allclose(shares(samples), samples.X, rtol=0, atol=1 / 510 + 1e-6)
    assert (samples.describe()["low"], samples.describe()["high"]) == ([0], [1])


def test_pixels_beyond_black_and_white_share_one_range():
    samples = choose_samples(dataset([[-1.0, 0.0], [1.0, 3.0]], image_shape=(1, 2)))
    assert_allclose(shares(samples), (samples.X + 1) / 4, rtol=0, atol=1 / 510)
    assert (samples.describe()["low"], samples.describe()["high"]) == ([-1], [3])


def test_each_feature_of_a_table_has_its_own_range_and_constants_are_low():
    samples = choose_samples(dataset([[0, 10, 5], [1, 30, 5], [0.5, 20, 5]]))
    assert_allclose(shares(samples), [[0, 0, 0], [1, 1, 0], [0.5, 0.5, 0]], rtol=0, atol=1 / 510 + 1e-6)
    described = samples.describe()
    assert (described["low"], described["high"]) == ([0, 10, 5], [1, 30, 5])
    assert described["image_shape"] is None


@pytest.mark.parametrize(
    ("y", "classes", "labels"),
    [
        ([7, 3, 10], ["3", "7", "10"], [1, 0, 2]),
        (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
        (np.array(["b", 1, None], object), ["1", "None", "b"], [2, 0, 1]),
        (None, None, None),
    ],
)
def test_classes_have_names_and_numbers(y, classes, labels):
    described = choose_samples(dataset(np.eye(3), y)).describe()
    assert (described["classes"], described["labels"]) == (classes, labels)
    json.dumps(described, allow_nan=False)


def test_a_shape_may_be_given_for_a_file_of_images():
    assert choose_samples(dataset(np.eye(6)), (2, 3)).image_shape == (2, 3)
    with pytest.raises(ValueError, match=r"image_shape=\(2, 4\) does not fit 6 features"):
        choose_samples(dataset(np.eye(6)), (2, 4))


def test_color_images_have_three_values_for_each_pixel():
    assert choose_samples(dataset(np.eye(12)), (2, 2, 3)).describe()["image_shape"] == (2, 2, 3)
    with pytest.raises(ValueError, match="Images of 2 channels cannot be drawn"):
        choose_samples(dataset(np.eye(12)), (2, 3, 2))


def test_too_many_classes_to_tell_apart_are_refused():
    with pytest.raises(ValueError, match="Got 21 classes, expected at most 20"):
        choose_samples(dataset(np.eye(21), np.arange(21)))
