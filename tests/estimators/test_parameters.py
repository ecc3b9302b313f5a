"""Parameters that all estimators share which train a network."""

import functools
import pickle
import re

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from vaefeat import (
    AutoencoderTransformer,
    GraphClassifier,
    M2Classifier,
    SupervisedEncoderTransformer,
    VAEEncoderTransformer,
)

pytestmark = pytest.mark.filterwarnings("ignore:The classifier .*it has not learned its classes")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
FEW = np.where(np.arange(60) < 30, Y, -1)
KINDS = {
    AutoencoderTransformer: {"n_components": 2, "max_iter": 2},
    GraphClassifier: {"n_steps": 3},
    M2Classifier: {"n_components": 2, "max_iter": 2},
    SupervisedEncoderTransformer: {"n_components": 2, "n_steps": 3},
    VAEEncoderTransformer: {"n_components": 2, "max_iter": 2},
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
MOMENTUM = {"class_name": "SGD", "config": {"momentum": 0.5}}
DECAY = {"class_name": "AdamW", "config": {"weight_decay": 0.01}}
TRUNCATED = {"class_name": "TruncatedNormal", "config": {"stddev": 0.001}}


def fit(kind, **params):
    estimator = kind(hidden_layer_sizes=(8,), random_state=0, **KINDS[kind]).set_params(**params)
    return estimator.fit(X, Y if kind is SupervisedEncoderTransformer else FEW)


fit_default = functools.cache(fit)


def first_network(estimator):
    return next(iter(estimator.networks().values())).to_bytes()


@EVERY_KIND
@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": MOMENTUM, "kernel_initializer": TRUNCATED},
        *(
            pytest.param(params, marks=pytest.mark.slow)
            for params in (
                {"optimizer": "nadam"},
                {"optimizer": "rmsprop"},
                {"optimizer": MOMENTUM},
                {"optimizer": DECAY},
                {"kernel_initializer": "he_normal"},
                {"kernel_initializer": "lecun_uniform"},
                {"kernel_initializer": TRUNCATED},
                {"activation": "sigmoid"},
            )
        ),
    ],
    ids=str,
)
def test_another_value_gives_other_weights_and_survives_clone_and_pickle(kind, params):
    fitted = fit(kind, **params)
    assert first_network(fitted) != first_network(fit_default(kind))
    assert pickle.loads(pickle.dumps(clone(fitted))).get_params() == fitted.get_params()
    assert first_network(pickle.loads(pickle.dumps(fitted))) == first_network(fitted)


@EVERY_KIND
def test_what_keras_serializes_of_the_default_is_the_default(kind):
    default = kind()
    optimizer = keras.optimizers.get(default.optimizer)
    optimizer.learning_rate = default.learning_rate_init
    fitted = fit(kind, optimizer=keras.optimizers.serialize(optimizer))
    assert first_network(fitted) == first_network(fit_default(kind))


@EVERY_KIND
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"optimizer": "adamm"}, r"optimizer must be one of .*Adam, .*; got 'adamm'"),
        (
            {"optimizer": {"name": "adam"}},
            'optimizer must be a name or {"class_name": name, "config": settings}',
        ),
        ({"optimizer": {"class_name": "SGD", "config": {"momentum": 2}}}, "SGD does not take .*momentum"),
        (
            {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.5}}},
            "optimizer sets learning_rate to 0.5, but the estimator's own parameter is",
        ),
        ({"optimizer": keras.optimizers.SGD()}, "optimizer must be a name or .*, got <keras.*SGD"),
        (
            {"optimizer": {"class_name": "SGD", "config": {"clipnorm": "x"}}},
            "Keras's SGD does not take {'clip",
        ),
        (
            {"kernel_initializer": keras.initializers.HeNormal()},
            "kernel_initializer must be a name or .*HeNo",
        ),
        ({"kernel_initializer": "zeros"}, "kernel_initializer must be one of .*; got 'zeros'"),
        ({"kernel_initializer": {"class_name": "HeNormal", "config": {"seed": 1}}}, "sets a seed, but"),
        ({"activation": "softmax"}, "activation"),
    ],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", str(value)),  # the same in each process
)
def test_a_value_that_is_none_is_refused_in_a_sentence(kind, params, message):
    with pytest.raises(ValueError, match=message):
        fit(kind, **params)


@EVERY_KIND
def test_a_network_of_sigmoids_predicts_as_it_was_trained(kind):
    """``fit`` itself compares network and file; this compares file and rows."""
    fitted = fit(kind, activation="sigmoid")
    model = next(iter(fitted.networks().values()))
    name = next(iter(model.n_outputs))
    rows = RNG.normal(size=(20, model.n_features))
    together = model.run(rows, [name])[name]
    alone = [model.run(row[None], [name])[name][0] for row in rows]
    assert_array_equal(together, alone)
    assert np.isfinite(together).all()


def test_the_weight_decay_of_m2_is_that_of_any_optimizer():
    decaying = {"class_name": "SGD", "config": {"weight_decay": 1e5}}
    plain, by_parameter, by_optimizer = (
        fit(M2Classifier, learning_rate_init=1e-6, **params).predict_proba(X)
        for params in (
            {"optimizer": "sgd"},
            {"optimizer": "sgd", "weight_decay": 1e5},
            {"optimizer": decaying},
        )
    )
    assert not np.allclose(plain, by_parameter)
    assert_array_equal(by_parameter, by_optimizer)
    with pytest.raises(ValueError, match=r"optimizer sets weight_decay to 100000\.0, but"):
        fit(M2Classifier, weight_decay=0.1, optimizer=decaying)
