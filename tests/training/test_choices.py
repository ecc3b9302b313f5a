import keras
import pytest

from vaefeat.training.choices import Choice, choose

DICT = {"class_name": "SGD", "config": {"momentum": 0.5}}


def chosen(value):
    return choose("optimizer", value, keras.optimizers, "learning_rate")


@pytest.mark.parametrize("name", ["AdamW", "adamw"])
def test_a_name_is_that_of_the_class_in_any_case(name):
    assert chosen(name) == Choice(keras.optimizers.AdamW)


@pytest.mark.parametrize("name", ["he_uniform", "HeUniform"])
def test_initializers_have_the_names_with_underscores_too(name):
    choice = choose("kernel_initializer", name, keras.initializers, "seed")
    assert choice == Choice(keras.initializers.HeUniform)


def test_a_dict_has_settings_and_may_be_what_keras_serializes():
    assert chosen(DICT) == Choice(keras.optimizers.SGD, (("momentum", 0.5),))
    assert chosen({"class_name": "sgd"}) == Choice(keras.optimizers.SGD)
    serialized = keras.optimizers.serialize(keras.optimizers.SGD(0.1, momentum=0.5))
    assert chosen(serialized).make().get_config() == serialized["config"]


def test_a_choice_is_hashable_whatever_the_order_of_its_settings():
    first, other = (
        chosen({"class_name": "SGD", "config": config})
        for config in ({"momentum": 0.5, "nesterov": True}, {"nesterov": True, "momentum": 0.5})
    )
    assert len({first, other}) == 1


@pytest.mark.parametrize("name", ["LossScaleOptimizer", "Optimizer", "legacy", "get", ""])
def test_a_name_that_is_none_of_the_choices_is_refused_with_the_choices(name):
    with pytest.raises(ValueError, match=rf"optimizer must be one of keras.*Adam, .*SGD.*; got '{name}'"):
        chosen(name)


def test_a_class_of_another_module_is_not_taken_for_the_one_of_keras_with_its_name():
    class SGD(keras.optimizers.SGD):
        pass

    with pytest.raises(ValueError, match=r"optimizer must be one of keras.*SGD.*; got {'module': .*'SGD'"):
        chosen(keras.optimizers.serialize(SGD()))


@pytest.mark.parametrize("name", ["zeros", "Constant", "Initializer"])
def test_an_initializer_must_be_random(name):
    with pytest.raises(ValueError, match=r"kernel_initializer must be one of .*GlorotNormal, "):
        choose("kernel_initializer", name, keras.initializers, "seed")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"class_name": 3},
        {"name": "sgd"},
        {"class_name": "SGD", "config": None},
        {"class_name": "SGD", "config": {1: 2, "momentum": 0.5}},
        DICT | {"lr": 1},
        ["sgd"],
        None,
        keras.optimizers.SGD(),
        keras.optimizers.SGD,
    ],
)
def test_a_dict_of_another_form_is_refused(value):
    expected = (
        r'must be a name or {"class_name": name, "config": settings}, as keras.optimizers.serialize writes'
    )
    with pytest.raises(ValueError, match=expected):
        chosen(value)


@pytest.mark.parametrize("config", [{"momentum": 2.0}, {"speed": 1}])
def test_settings_that_the_class_does_not_take_are_refused(config):
    with pytest.raises(ValueError, match=r"Keras's SGD does not take {.*}: .*(momentum|speed)"):
        chosen({"class_name": "SGD", "config": config}).make()


def test_settings_with_which_it_cannot_be_used_are_refused_and_what_was_used_is_not_returned():
    choice = chosen(DICT)
    used = []
    assert choice.make(used.append) not in used
    with pytest.raises(ValueError, match=r"Keras's SGD does not take {'momentum': 0.5}: division by zero"):
        choice.make(lambda optimizer: 1 / 0)
