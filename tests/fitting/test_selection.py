from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, Ridge

from vaefeat.fitting.scores import RegressionScore, Score, balanced_mean
from vaefeat.fitting.selection import MAX_ROWS, choose_among, cross_validate, groups_of, rows_to_choose_by

Y = np.repeat(["a", "b"], [80, 20])


def score(share_a, share_b):
    right = np.zeros(100)
    right[: round(80 * share_a)] = 1
    right[80 : 80 + round(20 * share_b)] = 1
    return Score(Y, right[None] == 1, right, Y)


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers the rows that it learned from, and refuses to predict any of them."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.seen_ = dict(zip(X[:, 0].tolist(), y, strict=True))
        return self

    def predict_proba(self, X):
        assert not set(X[:, 0].tolist()) & set(self.seen_)
        return np.tile(np.eye(len(self.classes_))[0], (len(X), 1))


def test_no_row_is_predicted_by_a_classifier_that_saw_its_label():
    found = cross_validate(Recorder(), np.arange(100.0)[:, None], Y)
    assert found.accuracy == 0.8
    assert found.balanced_accuracy == 0.5


def test_what_can_be_learned_is_learned():
    X = np.r_[np.zeros(80), np.ones(20)][:, None]
    assert cross_validate(LogisticRegression(), X, Y).balanced_accuracy == 1


def test_the_only_row_of_a_class_is_learned_and_not_tested():
    y = np.array(["a"] * 4 + ["b"] * 4 + ["c"])
    X = np.arange(9.0)[:, None]
    found = cross_validate(LogisticRegression(C=100), X, y)
    assert found.y.tolist() == y[:8].tolist()
    assert found.right.shape[1] == len(found.p_true) == len(found.predicted) == 8


def test_a_score_holds_the_probability_of_the_true_class():
    found = cross_validate(Recorder(), np.arange(100.0)[:, None], Y)
    assert found.p_true.tolist() == [1.0] * 80 + [0.0] * 20


def test_the_standard_error_of_a_balanced_mean_is_that_of_independent_groups():
    rng = np.random.default_rng(0)
    means, errors = zip(*(balanced_mean(rng.normal(size=100), Y) for _ in range(2_000)), strict=True)
    assert np.std(means) == pytest.approx(np.mean(errors), rel=0.05)


def test_within_one_standard_error_the_lowest_log_loss_is_chosen():
    unsure = replace(score(0.9, 0.55), p_true=np.full(100, 0.6))
    sure = replace(score(0.9, 0.5), p_true=np.full(100, 0.8))
    assert choose_among([unsure, sure]) == 1
    assert choose_among([unsure, sure, sure]) == 1
    much_better = replace(score(0.9, 0.95), p_true=np.full(100, 0.5))
    assert choose_among([unsure, sure, much_better]) == 2


def test_the_log_loss_is_a_mean_over_classes_and_finite():
    found = replace(score(0.5, 0.5), p_true=np.where(Y == "a", 0.5, 0.0))
    assert found.log_loss == pytest.approx((np.log(2) + np.log(1_000)) / 2)


def test_many_rows_are_sampled_by_class():
    y = np.repeat(["a", "b"], [9_000, 1_000])
    rows = rows_to_choose_by(y)
    assert len(rows) == MAX_ROWS
    assert np.mean(y[rows] == "b") == pytest.approx(0.1)
    assert len(rows_to_choose_by(Y)) == len(Y)


def test_quantities_are_predicted_by_regressors_that_saw_other_rows():
    y = np.random.default_rng(0).normal(size=90)
    X = np.c_[np.eye(90), 2 * y]  # each row has a feature that gives it away to who has seen it
    found = cross_validate(Ridge(1e-6), X, y)
    assert isinstance(found, RegressionScore)
    assert found.predictions.shape == (1, 90)
    assert 0.99 < found.value < 1
    noise = cross_validate(Ridge(1e-6), np.eye(90), y)
    assert noise.value < 0


def test_many_quantities_are_sampled_alike():
    y = np.random.default_rng(0).normal(size=10_000)
    assert len(rows_to_choose_by(groups_of(Ridge(), y))) == MAX_ROWS
