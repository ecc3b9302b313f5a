import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vaefeat.training.optimizers import make_optimizer, settings, state


def with_settings(class_name, **config):
    return {"class_name": class_name, "config": config}


def steps(optimizer, n=3):
    """Return a kernel and a bias of ones after a few steps without a gradient to speak of."""
    variables = [keras.Variable(np.ones(2, np.float32), name=name) for name in ("kernel", "bias")]
    optimizer.build(variables)
    for _ in range(n):
        optimizer.apply([np.zeros(2, np.float32)] * 2, variables)
    return [variable.numpy() for variable in variables]


@pytest.mark.parametrize("name", ["adam", "adamw", "adagrad", "nadam", "rmsprop", "sgd"])
def test_a_name_makes_the_optimizer_of_keras_with_its_defaults(name):
    optimizer, expected = make_optimizer(name, 0.25), keras.optimizers.get(name)
    assert type(optimizer) is type(expected)
    assert settings(optimizer) == settings(expected)
    assert float(optimizer.learning_rate) == 0.25


def test_settings_are_those_of_the_optimizer():
    optimizer = make_optimizer(with_settings("SGD", momentum=0.5, nesterov=True), 0.1)
    assert (optimizer.momentum, optimizer.nesterov) == (0.5, True)


def test_weights_decay_and_biases_do_not():
    kernel, bias = steps(make_optimizer(with_settings("AdamW", weight_decay=0.5), 0.1))
    assert_allclose(kernel, 0.95**3, rtol=1e-6)
    assert_array_equal(bias, 1)


@pytest.mark.parametrize("name", ["adam", "sgd", "adamw"])
def test_the_weight_decay_of_the_estimator_is_that_of_any_optimizer(name):
    assert_allclose(steps(make_optimizer(name, 0.1, weight_decay=0.5))[0], 0.95**3, rtol=1e-6)


def test_a_learning_rate_that_agrees_is_accepted():
    serialized = keras.optimizers.serialize(keras.optimizers.Adam(1e-3))  # as float32
    assert float(make_optimizer(serialized, 1e-3).learning_rate) == np.float32(1e-3)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"learning_rate": 0.1}, "sets learning_rate to 0.1, but the estimator's own parameter is 0.01"),
        ({"learning_rate": with_settings("CosineDecay")}, "sets learning_rate to {'class_name'"),
        ({"weight_decay": 0.5}, "sets weight_decay to 0.5, but the estimator's own parameter is 0.1"),
    ],
)
def test_settings_that_contradict_the_estimator_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        make_optimizer(with_settings("AdamW", **config), 0.01, weight_decay=0.1)


@pytest.mark.parametrize(
    "config",
    [{"beta_1": "x"}, {"beta_1": None}, {"beta_1": [0.9]}, {"clipnorm": "x"}, {"weight_decay": "x"}],
    ids=str,
)
def test_settings_with_which_no_step_can_be_made_are_refused(config):
    with pytest.raises(ValueError, match=r"Keras's Adam does not take {'"):
        make_optimizer(with_settings("Adam", **config), 0.01)


def test_settings_are_all_but_the_name_and_the_learning_rate():
    assert settings(make_optimizer("adam", 0.1)) == settings(make_optimizer("adam", 0.2))
    others = ["adamw", with_settings("Adam", beta_1=0.8), with_settings("Adam", weight_decay=0.1)]
    assert len({settings(make_optimizer(other, 0.1)) for other in ["adam", *others]}) == 4


def test_the_state_has_what_nadam_does_not_list():
    optimizer = make_optimizer("nadam", 0.1)
    steps(optimizer)
    products = [each for each in state(optimizer) if each is optimizer._u_product]
    assert len(products) == 1
    assert len({id(each) for each in state(optimizer)}) == len(state(optimizer))
