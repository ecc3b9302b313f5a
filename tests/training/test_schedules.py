import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from vaefeat.training.schedules import cosine_schedule


def rates(n_epochs):
    schedule = cosine_schedule(2.0, n_epochs)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(5.0))
    schedule.set_model(model)
    found = []
    for epoch in range(n_epochs):
        schedule.on_epoch_begin(epoch, {})
        found.append(float(model.optimizer.learning_rate))
    return np.array(found)


def test_the_rate_rises_over_the_first_tenth_and_then_falls_to_nearly_zero():
    found = rates(100)
    assert (np.diff(found[:10]) > 0).all()
    assert (np.diff(found[10:]) < 0).all()
    assert 0.9 * 2.0 < found.max() <= 2.0
    assert 0 < found[-1] < 1e-3 * 2.0


def test_half_way_the_rate_is_half_of_the_highest():
    assert_allclose(rates(101)[50], 1.0, rtol=1e-6)


@pytest.mark.parametrize("n_epochs", [1, 2, 3])
def test_short_trainings_have_positive_rates(n_epochs):
    assert (rates(n_epochs) > 0).all()
