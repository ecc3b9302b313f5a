import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vaefeat.data.plan import Column, ColumnPlan, make_plan

TABLE = {
    "age": np.array([30.0, np.nan, 50.0, 40.0]),
    "home": np.array(["rent", "own", None, "rent"], object),
    "member": np.array([True, False, True, True]),
    "since": np.array(["2020-01-01", "2020-01-03", "NaT", "2020-01-02"], "M8[us]"),
    "one": np.ones(4),
    "none": np.full(4, np.nan),
    "comment": np.array(["so", "what", "is", "this"], object),
}


def plan_of(*, table=TABLE, **options):
    return make_plan(table, **options)[0]


def test_each_kind_of_column_has_its_encoding():
    plan = plan_of()
    assert plan.feature_names == [
        *["age", "age=missing", "home=own", "home=rent", "home=missing", "member", "since", "since=missing"]
    ]
    assert_array_equal(
        plan.encode(TABLE),
        [
            [30, 0, 0, 1, 0, 1, 0, 0],
            [np.nan, 1, 1, 0, 0, 0, 2, 0],
            [50, 0, 0, 0, 1, 1, np.nan, 1],
            [40, 0, 0, 1, 0, 1, 1, 0],
        ],
    )
    assert plan.encode(TABLE).dtype == np.float32


def test_columns_that_say_nothing_are_left_out_and_why_is_said():
    left_out = dict(make_plan(TABLE, drop=["age"])[1])
    assert left_out["age"] == "as asked"
    assert left_out["one"] == "is constant"
    assert left_out["none"] == "has no values"
    assert left_out["comment"].startswith("holds names or free text")


def test_pixels_are_kept_even_where_they_are_constant():
    assert plan_of(table={"a": np.zeros(3), "b": np.arange(3.0)}, keep_constant=True).names == ["a", "b"]


def test_an_unseen_category_is_zero_everywhere_and_a_new_gap_is_nan():
    plan = plan_of(table={"home": np.array(["rent", "own"] * 2), "age": np.arange(4.0)})
    assert_array_equal(plan.encode({"home": np.array(["boat"]), "age": np.array([None])}), [[0, 0, np.nan]])


def test_kinds_can_be_changed():
    table = {"code": np.array([1.0, 2, 1, np.nan]), "text": np.array(["1", "2.5", "3", "4"], object)}
    plan = plan_of(table=table, categorical=["code"], numeric=["text"])
    assert plan.feature_names == ["code=1", "code=2", "code=missing", "text"]
    assert_array_equal(plan.encode(table)[:, 3], [1, 2.5, 3, 4])


def test_of_many_categories_the_most_frequent_are_kept():
    values = np.array([f"v{i % 150}" for i in range(600)] + ["v149"] * 9, object)
    plan = plan_of(table={"a": values})
    assert len(plan.feature_names) == 100
    assert "a=v149" in plan.feature_names


@pytest.mark.parametrize("start", [1.7e12, 1e8])
def test_numbers_that_float32_cannot_tell_apart_are_taken_from_an_origin(start):
    table = {"at": start + np.arange(5.0)}
    assert_array_equal(plan_of(table=table).encode(table)[:, 0], np.arange(5))


def test_a_plan_survives_json():
    plan = plan_of()
    assert ColumnPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("entries", [3, [3], [{}], [{"name": "a"}], None])
def test_what_is_no_plan_is_refused(entries):
    with pytest.raises(ValueError, match="no column plan"):
        ColumnPlan.from_json(entries)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="unknown kinds"):
        ColumnPlan.from_json([{**Column("a", "number").__dict__, "kind": "smell"}])


@pytest.mark.parametrize("option", ["drop", "categorical", "numeric"])
def test_an_unknown_column_is_refused_with_names_that_are_near(option):
    with pytest.raises(ValueError, match=r"no column 'hom'; did you mean 'home'\?"):
        make_plan(TABLE, **{option: ["hom"]})


def test_a_value_of_another_kind_is_named():
    with pytest.raises(ValueError, match="Column 'age', row 2: got 'old', expected a number"):
        plan_of().encode(TABLE | {"age": np.array([1, "old"], object)})


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="has no column 'age'"):
        plan_of().encode({"home": TABLE["home"]})


def test_a_table_of_constants_is_refused():
    with pytest.raises(ValueError, match="No column is left"):
        make_plan({"one": np.ones(3)})


def test_dates_written_as_text_are_dates():
    dates = np.array(["2020-01-01", None, "2020-01-03 12:00"], object)
    plan, _ = make_plan({"since": dates})
    assert plan.columns[0].kind == "date"
    assert_allclose(plan.encode({"since": dates})[:, 0], [0, np.nan, 2.5])
    assert (
        make_plan({"since": np.array(["2020-01-01", "soon", "soon"], object)})[0].columns[0].kind
        == "category"
    )
