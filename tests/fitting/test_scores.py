import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from vaefeat.fitting.scores import RegressionScore, Score

RNG = np.random.default_rng(0)
Y = RNG.normal(3, 2, size=400)
CLOSE = RegressionScore(Y, (Y + RNG.normal(size=400))[None])
FAR = RegressionScore(Y, (Y + 2 * RNG.normal(size=400))[None])
CLASSES = np.repeat(["a", "b"], [30, 10])
RIGHT = np.arange(40) % 4 > 0
SCORE = Score(CLASSES, RIGHT[None], np.where(RIGHT, 0.8, 0.2), CLASSES)


def test_errors_of_quantities_are_those_of_scikit_learn():
    (predicted,) = CLOSE.predictions
    assert_allclose(CLOSE.value, r2_score(Y, predicted))
    assert_allclose(CLOSE.rmse, root_mean_squared_error(Y, predicted))
    assert_allclose(CLOSE.mae, mean_absolute_error(Y, predicted))
    assert (CLOSE.chance, CLOSE.loss) == (0, 0)


def test_a_difference_of_r2_is_paired_by_rows():
    gain, error = CLOSE.minus(FAR)
    assert_allclose(gain, CLOSE.value - FAR.value)
    assert gain > 5 * error > 0
    assert CLOSE.minus(CLOSE) == (0, 0)
    assert error < 2 * (CLOSE.standard_error + FAR.standard_error)


@pytest.mark.parametrize(
    ("score", "guess", "text", "gain"),
    [(SCORE, "majority: a", "75.0%", "+10.0 ± 1.0 points"), (CLOSE, "mean: 2.9", "0.750", "+0.100 ± 0.010")],
)
def test_scores_are_told_to_people(score, guess, text, gain):
    assert score.guess()[0].startswith(guess)
    assert len(score.guess()[1]) == len(score.cells()) == len(score.headings)
    assert score.text(0.75) == text
    assert score.gain(0.1, 0.01) == gain
    assert score.heading in score.headings
    assert all(name.startswith("cross-validated ") for name in score.entries())


def test_chance_is_one_class_for_all():
    assert (SCORE.chance, SCORE.value) == (0.5, SCORE.balanced_accuracy)
