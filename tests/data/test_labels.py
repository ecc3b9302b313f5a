import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from vaefeat.data import mask_labels

Y = np.repeat([0, 1, 2], [50, 30, 20])


def kept(masked):
    return masked[masked != -1]


def counts_kept(y, n_labeled, **options):
    return np.bincount(kept(mask_labels(y, n_labeled, **options)), minlength=3)


@pytest.mark.parametrize("n_labeled", [1, 3, 30, 60])
def test_kept_labels_are_unchanged_and_balanced_over_the_classes(n_labeled):
    masked = mask_labels(Y, n_labeled, random_state=0)
    assert masked.shape == Y.shape
    assert len(kept(masked)) == n_labeled
    assert_array_equal(kept(masked), Y[masked != -1])
    counts = np.bincount(kept(masked), minlength=3)
    assert counts.max() - counts.min() <= (n_labeled % 3 > 0)


@pytest.mark.parametrize("n_labeled", [4, 5, 31, 32])
def test_a_remainder_falls_on_any_class_if_all_have_one_size(n_labeled):
    y = np.repeat([0, 1, 2], 40)
    draws = [counts_kept(y, n_labeled, random_state=seed) for seed in range(20)]
    share, remainder = divmod(n_labeled, 3)
    for counts in draws:
        assert sorted(counts) == sorted([share + (i < remainder) for i in range(3)])
    assert len({tuple(counts) for counts in draws}) == 3


@pytest.mark.parametrize(
    ("n_labeled", "expected"),
    [(60, [20, 20, 20]), (64, [22, 22, 20]), (90, [40, 30, 20]), (100, [50, 30, 20])],
)
def test_a_class_with_fewer_samples_keeps_all_and_the_others_share_the_rest(n_labeled, expected):
    assert counts_kept(Y, n_labeled, random_state=0).tolist() == expected


def test_without_stratification_all_samples_are_drawn_alike():
    counts = [counts_kept(Y, 10, random_state=seed, stratify=False) for seed in range(300)]
    assert {sum(row) for row in counts} == {10}
    # Means of 300 draws of 10 without replacement: standard errors below 0.09.
    assert np.abs(np.mean(counts, axis=0) - [5.0, 3.0, 2.0]).max() < 0.3


@pytest.mark.parametrize("stratify", [True, False])
def test_the_same_seed_keeps_the_same_labels_and_another_seed_others(stratify):
    masked = mask_labels(Y, 12, random_state=3, stratify=stratify)
    assert_array_equal(mask_labels(Y, 12, random_state=3, stratify=stratify), masked)
    assert_array_equal(mask_labels(Y, 12, random_state=np.random.RandomState(3), stratify=stratify), masked)
    assert not np.array_equal(mask_labels(Y, 12, random_state=4, stratify=stratify), masked)


def test_neither_the_labels_nor_the_global_generator_are_changed():
    y = Y.copy()
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    mask_labels(y, 5, random_state=0)
    assert_array_equal(y, Y)
    assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint64])
def test_integers_of_any_width_have_room_for_the_mark(dtype):
    masked = mask_labels(Y.astype(dtype), 6, random_state=0)
    assert masked.dtype == np.int64
    assert_array_equal(masked, mask_labels(Y, 6, random_state=0))


@pytest.mark.parametrize("as_type", [np.array, list, lambda y: np.array(y, dtype=object)])
def test_text_labels_become_objects_beside_the_mark(as_type):
    words = ["north"] * 5 + ["south"] * 5
    masked = mask_labels(as_type(words), 4, random_state=0)
    assert masked.dtype == object
    assert sorted(masked[masked != -1]) == ["north"] * 2 + ["south"] * 2
    assert [type(label) for label in masked].count(int) == 6


@pytest.mark.parametrize("n_labeled", [0, -1, 101])
@pytest.mark.parametrize("stratify", [True, False])
def test_an_impossible_number_of_labels_is_refused(n_labeled, stratify):
    with pytest.raises(ValueError, match=f"Got n_labeled={n_labeled}, expected 1 to 100, the number"):
        mask_labels(Y, n_labeled, random_state=0, stratify=stratify)


@pytest.mark.parametrize(
    "y",
    [
        [0, 1, -1],
        np.array([0.0, 1.0, -1.0]),
        np.array([0, 1, -1], dtype=object),
        np.array(["a", "b", "-1"]),
    ],
    ids=["integers", "floats", "objects", "text"],
)
def test_a_label_that_may_be_a_class_or_a_mark_is_refused_whatever_its_type(y):
    with pytest.raises(ValueError, match="y already holds the label -1, which means unlabeled"):
        mask_labels(y, 2, random_state=0)


@pytest.mark.parametrize("mark", [None, np.nan, pd.NA, ""], ids=["None", "NaN", "NA", "empty"])
def test_samples_without_a_label_stay_so(mark):
    y = np.array(["a", mark, "b", "b", mark, "a"], dtype=object)
    masked = mask_labels(y, 2, random_state=0)
    assert masked[[1, 4]].tolist() == [-1, -1]
    assert sorted(masked[masked != -1]) == ["a", "b"]
    with pytest.raises(ValueError, match="Got n_labeled=5, expected 1 to 4, the number of labels"):
        mask_labels(y, 5)


def test_numbers_with_gaps_become_integers():
    masked = mask_labels([0.0, 1.0, np.nan, 1.0], 3)
    assert masked.tolist() == [0, 1, -1, 1]
    assert masked.dtype == np.int64


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64", "category", "string", object])
def test_columns_of_frames_are_masked_like_their_values(dtype):
    y = pd.Series(Y).astype(str if dtype == "string" else dtype).astype(dtype)
    expected = mask_labels(Y, 6, random_state=0)
    for column in (y, y.to_frame()):
        masked = mask_labels(column, 6, random_state=0)
        assert_array_equal(masked == -1, expected == -1)
        assert_array_equal(masked[masked != -1].astype(int), expected[expected != -1])


def test_several_columns_are_refused():
    with pytest.raises(ValueError, match=r"y has shape \(2, 2\), expected one label per sample"):
        mask_labels([[0, 1], [1, 0]], 1)


def test_a_remainder_falls_on_any_class_even_if_one_is_larger():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    drawn = {tuple(np.bincount(m[m != -1])) for m in (mask_labels(y, 31, random_state=s) for s in range(20))}
    assert len(drawn) == 3
