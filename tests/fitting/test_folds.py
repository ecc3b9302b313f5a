import numpy as np
import pytest

from vaefeat.fitting.folds import folds, is_testable

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
