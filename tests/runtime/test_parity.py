import numpy as np
import pytest

from vaefeat.exceptions import ParityError
from vaefeat.runtime.parity import TOLERANCE, check_labels, check_outputs, check_parity, check_run

ONES = np.ones((3, 2), np.float32)


def test_the_deviation_is_the_largest_over_all_outputs():
    expected = {"a": np.array([0.5]), "b": np.array([1.0, 2.0])}
    actual = {"a": np.array([0.5 - 5e-6]), "b": np.array([1.0, 2.0 + 2e-6])}
    assert check_parity(expected, actual) == pytest.approx(5e-6)


def test_equal_outputs_have_no_deviation():
    assert check_parity({"a": ONES}, {"a": ONES}) == 0.0


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e3, 1e6])
def test_the_tolerance_grows_with_outputs_above_one(size):
    expected = np.array([0.0, -size])
    allowed = TOLERANCE * max(1.0, size)
    check_parity({"a": expected}, {"a": expected + 0.9 * allowed})
    with pytest.raises(ParityError):
        check_parity({"a": expected}, {"a": expected + 1.1 * allowed})


@pytest.mark.parametrize("wrong", [1.1, np.nan, np.inf, -np.inf])
def test_one_wrong_value_is_an_error_that_names_the_output(wrong):
    actual = ONES.copy()
    actual[2, 1] = wrong
    message = "Output 'z_mean' of the ONNX model deviates by .* more than the 1e-05 allowed"
    with pytest.raises(ParityError, match=message):
        check_parity({"z_mean": ONES}, {"z_mean": actual})


def test_unexpected_outputs_are_not_compared():
    assert check_parity({"a": ONES}, {"a": ONES, "b": np.array([np.nan])}) == 0.0


def test_a_missing_output_is_an_error():
    with pytest.raises(KeyError, match="z_mean"):
        check_parity({"z_mean": ONES}, {})


def test_outputs_without_rows_agree():
    assert check_parity({"a": ONES[:0]}, {"a": ONES[:0]}) == 0.0


def test_outputs_of_another_shape_do_not_agree():
    with pytest.raises(Exception, match="shape"):
        check_parity({"a": np.ones((3, 2))}, {"a": np.ones((1, 2))})


def test_labels_of_text_are_compared_in_full():
    with pytest.raises(ParityError, match="2 of 2 labels"):
        check_labels(np.array(["no", "no"]), np.array(["not", "nope"], object), None)
    assert check_labels(np.array(["no", "yes"]), np.array(["no", "yes"], object), None) == 0


def test_values_that_are_not_finite_are_an_error():
    with pytest.raises(ParityError, match="not finite"):
        check_parity({"a": np.array([np.inf])}, {"a": np.array([0.0])})


@pytest.mark.parametrize(("score", "n_ties"), [(5e-6, 1), (2e-5, None)])
def test_outlier_labels_may_differ_at_scores_near_zero(score, n_ties):
    scores = np.array([[0.5], [score]])
    expected = {"label": np.array([[1], [1]]), "scores": scores}
    actual = {"label": np.array([[1], [-1]]), "scores": scores}
    if n_ties is None:
        with pytest.raises(ParityError, match="1 of 2 labels"):
            check_outputs(expected, actual)
    else:
        assert check_outputs(expected, actual)["labels_that_differ_at_ties"] == n_ties


ROWS = (1e4 + np.random.default_rng(0).normal(size=(20, 8))).astype(np.float32)
WEIGHTS = np.array([1.0, -1.0] * 4)


def far_from_zero(rows):
    """Return differences of large numbers, in the dtype of the rows."""
    return {"features": (rows * WEIGHTS.astype(rows.dtype)).sum(axis=1, keepdims=True)}


def test_features_far_from_zero_may_differ_by_what_their_last_digit_is_worth():
    expected = {"features": far_from_zero(ROWS.astype(np.float64))["features"] + 5e-4}
    with pytest.raises(ParityError):
        check_outputs(expected, far_from_zero(ROWS))
    assert check_run(expected, far_from_zero, ROWS)["largest_deviation"] > 1e-4


def test_by_more_they_may_not_differ():
    expected = {"features": far_from_zero(ROWS.astype(np.float64))["features"] + 0.1}
    with pytest.raises(ParityError, match=r"deviates by 0\.1, more than the 0\.00"):
        check_run(expected, far_from_zero, ROWS)
    with pytest.raises(ParityError, match="1e-05 allowed"):
        check_run({"features": np.zeros((20, 1))}, lambda rows: {"features": np.full((20, 1), 1e-3)}, ROWS)
