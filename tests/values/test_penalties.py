import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from vaefeat.values import penalties

RNG = np.random.default_rng(0)
CODE = RNG.uniform(0.05, 0.95, size=(5, 3)).astype(np.float32)
KERNEL = RNG.normal(size=(4, 3)).astype(np.float32)
ACTIVATIONS = {
    "identity": lambda a: a,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "tanh": np.tanh,
}


def test_the_l1_norm_is_the_sum_of_the_sizes():
    assert_allclose(penalties.l1_norm(np.array([[1.0, -2.0], [0.0, 0.5]])), [3.0, 0.5])


def test_the_sparsity_penalty_is_zero_at_the_target_and_there_it_is_smallest():
    at_target = np.array([[0.0, 0.3], [0.4, 0.1]])  # means of 0.2
    assert_allclose(penalties.sparsity_kl(at_target, 0.2), [0.0, 0.0], atol=1e-12)
    for off in (-0.05, 0.05):
        assert (penalties.sparsity_kl(at_target + off, 0.2) > 1e-3).all()


def test_the_sparsity_penalty_is_the_sum_of_the_units_kl_divergences():
    mean = CODE.mean(axis=0)
    expected = np.sum(0.1 * np.log(0.1 / mean) + 0.9 * np.log(0.9 / (1 - mean)))
    assert_allclose(penalties.sparsity_kl(CODE, 0.1), np.full(5, expected), rtol=1e-5)


def test_units_that_are_off_or_on_for_all_cost_much_and_not_infinitely():
    assert np.isfinite(penalties.sparsity_kl(np.array([[0.0, 1.0]]), 0.05)).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_norm_of_the_jacobian_of_a_layer_matches_finite_differences(activation):
    x, step = RNG.normal(size=(5, 4)), 1e-6
    s = ACTIVATIONS[activation]
    columns = [(s((x + h) @ KERNEL) - s((x - h) @ KERNEL)) / (2 * step) for h in step * np.eye(4)]
    expected = np.sum(np.square(columns), axis=(0, 2))
    assert_allclose(penalties.layer_jacobian_norm(s(x @ KERNEL), KERNEL, activation), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("function", "arrays", "others"),
    [
        (penalties.l1_norm, (CODE,), ()),
        (penalties.sparsity_kl, (CODE,), (0.1,)),
        (penalties.layer_jacobian_norm, (CODE, KERNEL), ("sigmoid",)),
    ],
)
def test_numpy_and_tensorflow_give_the_same(function, arrays, others):
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    expected = function(*arrays, *others)
    assert isinstance(expected, np.ndarray)
    assert_allclose(keras.ops.convert_to_numpy(function(*tensors, *others)), expected, rtol=1e-5)
