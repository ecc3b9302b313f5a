import numpy as np
import pandas as pd
import pytest

from vaefeat.data.folds import LabeledKFold, folds, is_testable

Y = np.array(["a"] * 50 + ["b"] * 7 + ["c"] * 2 + ["d"])


@pytest.mark.parametrize("n_folds", [2, 5])
def test_each_row_is_tested_once_but_the_only_one_of_its_class(n_folds):
    tested = np.concatenate([test for _, test in folds(Y, n_folds, 0)])
    assert sorted(tested.tolist()) == list(range(59))


@pytest.mark.parametrize("n_folds", [2, 5])
def test_every_class_is_in_every_part_to_learn_from(n_folds):
    for train, test in folds(Y, n_folds, 0):
        assert set(Y[train]) == set("abcd")
        assert not set(train) & set(test)
        assert len(train) + len(test) == len(Y)


def test_folds_have_equally_many_rows_of_each_class():
    counts = [np.sum(Y[test] == "a") for _, test in folds(Y, 5, 0)]
    assert counts == [10] * 5


def test_the_seed_determines_the_folds():
    first, same, other = ([test.tolist() for _, test in folds(Y, 5, seed)] for seed in (0, 0, 1))
    assert first == same
    assert first != other


def test_few_rows_make_fewer_folds():
    y = np.array([0, 0, 1, 1])
    assert len(list(folds(y, 5, 0))) == 4


def test_a_row_can_be_tested_on_if_another_has_its_class():
    assert is_testable(Y).tolist() == [True] * 59 + [False]


MARKED = np.array([0, -1, 1, 0, -1, 1, 0, 1, 2, -1])


@pytest.mark.parametrize(
    "y",
    [
        MARKED,
        np.where(MARKED == -1, np.nan, MARKED),
        np.where(MARKED == -1, None, MARKED),
        np.where(MARKED == -1, None, np.array(["a", "b", "c"], dtype=object)[MARKED]),
        pd.Series(MARKED).astype("Int64").replace(-1, pd.NA),
        pd.DataFrame({"y": MARKED}),
    ],
    ids=["-1", "NaN", "None", "text", "NA", "frame"],
)
def test_unlabeled_samples_are_always_learned_from_and_never_tested_on(y):
    tested = []
    for train, test in LabeledKFold(2).split(None, y):
        assert set(np.flatnonzero(MARKED == -1)) <= set(train.tolist())
        assert sorted([*train, *test]) == list(range(10))
        assert set(MARKED[train]) == {-1, 0, 1, 2}
        tested.extend(test.tolist())
    assert sorted(tested) == [0, 2, 3, 5, 6, 7]


def test_the_number_of_splits_is_that_of_the_folds():
    assert LabeledKFold(3).get_n_splits() == 3
    assert LabeledKFold(3).get_n_splits(None, [0, 0, 1, 1, -1]) == 3
    assert LabeledKFold(3).get_n_splits(None, [0, 0, -1]) == 2


def test_labels_of_which_none_can_be_tested_are_refused():
    with pytest.raises(ValueError, match="No class has two labels"):
        next(LabeledKFold(2).split(None, [0, 1, -1]))
    with pytest.raises(ValueError, match="n_splits must be at least 2, got 1"):
        LabeledKFold(1)
