import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from vaefeat.data.samples import read_samples
from vaefeat.data.targets import as_quantities, choose_task, draw, explain, find_task, is_labeled

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("numbers", "task"),
    [
        (np.linspace(0, 1, 60), "regression"),
        (np.linspace(0, 1, 20), "classification"),
        (np.arange(60), "regression"),
        (np.arange(300) % 60, "classification"),
        (np.round(RNG.normal(size=300), 1), "regression"),
        (np.full(9, np.nan), "classification"),
    ],
)
def test_many_different_numbers_are_quantities(numbers, task):
    assert find_task(numbers.astype(float)) == task


@pytest.mark.parametrize(
    ("values", "decimal", "expected"),
    [
        (["1.5", None, "", "-1"], ".", [1.5, np.nan, np.nan, -1]),
        (["1,5", "2"], ",", [1.5, 2]),
        ([1, None, 2.5, np.int64(3)], ".", [1, np.nan, 2.5, 3]),
    ],
)
def test_quantities_may_be_written_as_text(values, decimal, expected):
    assert_array_equal(as_quantities(np.array(values, object), decimal), expected)


@pytest.mark.parametrize("values", [["a", "1"], [True, False], ["1,5", "2"]])
def test_other_values_are_no_quantities(values):
    assert as_quantities(np.array(values, object)) is None
    assert as_quantities(np.array([True])) is None


def test_minus_one_is_a_quantity_and_no_class():
    y = np.array([-1.0, 2.0, np.nan])
    assert is_labeled(y, "regression").tolist() == [True, True, False]
    assert is_labeled(y, "classification").tolist() == [False, True, False]


@pytest.mark.parametrize("stratify", [True, False])
def test_quantities_are_drawn_among_those_that_are_known(stratify):
    y = np.r_[np.full(20, np.nan), RNG.normal(size=80)]
    drawn = draw(y, "regression", 30, 1, stratify=stratify)
    assert drawn.sum() == 30
    assert not drawn[:20].any()
    assert_array_equal(drawn, draw(y, "regression", 30, 1, stratify=not stratify))


def test_it_is_said_what_numbers_are_taken_for():
    quantities = np.r_[-1.0, np.linspace(0, 1, 59)]
    assert explain(quantities, "regression").startswith(
        "The target has 60 different numbers, and is predicted"
    )
    assert "Its -1 is a quantity, too" in explain(quantities, "regression")
    assert "-1" not in explain(quantities[1:], "regression")
    assert "taken as 60 classes (--task regression" in explain(np.arange(300) % 60, "classification")
    assert explain(np.array(["a", "b"]), "classification") == ""


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        (
            ["a", "b"] * 20,
            "regression",
            "'price' holds 'a', expected numbers for the task regression",
        ),
        (np.arange(9.0), "regression", "has 9 labeled rows, expected at least 10"),
        (np.full(30, 2.5), "regression", "is 2.5 in all labeled rows"),
        (np.r_[np.arange(30.0), 1e39], "regression", "holds 1e\\+39, expected numbers that float32 can hold"),
        (np.full(30, np.nan), "regression", "has no labels"),
        (np.linspace(0, 1, 60), "classification", "60 different values in 60 labeled rows, expected classes"),
        (["a", "b"] * 20, "ranking", "Got the task 'ranking', expected classification or regression"),
    ],
)
def test_a_target_that_nothing_can_be_learned_from_is_refused(values, task, message):
    frame = pd.DataFrame({"a": np.arange(len(values)), "price": values})
    with pytest.raises(ValueError, match=message) as caught:
        read_samples(frame, "price", task=task)
    assert len(str(caught.value)) <= 300


def test_the_task_can_be_given():
    few = np.arange(40) % 8
    assert choose_task(few, few.astype(float), None, None)[1] == "classification"
    y, task = choose_task(few, few.astype(float), "regression", None)
    assert (y.dtype, task) == (np.float64, "regression")
