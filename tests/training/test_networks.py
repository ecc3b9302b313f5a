import random

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vaefeat.training.networks import (
    ACTIVATIONS,
    KERNEL_INITIALIZERS,
    NetworkConfig,
    build_decoder,
    build_encoder,
)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (5,), (5, 4)])
def test_encoder_and_mirrored_decoder_have_the_widths_asked_for(hidden_layer_sizes):
    config = NetworkConfig(7, 2, hidden_layer_sizes)
    encoder, decoder = build_encoder(config, 0), build_decoder(config.mirrored(), 0)
    outputs = encoder(np.zeros((3, 7), np.float32))
    last_width = (7, *hidden_layer_sizes)[-1]
    assert encoder.input_shape == (None, 7)
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "z_mean": (3, 2),
        "z_log_var": (3, 2),
    }
    assert encoder.get_layer("z_mean").kernel.shape == (last_width, 2)
    assert decoder.input_shape == (None, 2)
    assert decoder.output_shape == (None, 7)
    assert [layer.units for layer in decoder.layers[1:-1]] == list(hidden_layer_sizes[::-1])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    config = NetworkConfig(7, 2, (5, 5))
    first, again, other = (build_encoder(config, seed).get_weights() for seed in (0, 0, 1))
    for a, b in zip(first, again, strict=True):
        assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


def test_layers_of_equal_shape_start_from_different_weights():
    encoder = build_encoder(NetworkConfig(5, 5, (5,)), 0)
    assert not np.array_equal(encoder.get_layer("z_mean").kernel, encoder.get_layer("z_log_var").kernel)


def test_building_touches_no_global_generator():
    numpy_before, python_before = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    build_encoder(NetworkConfig(7, 2), 0)
    assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    assert random.getstate() == python_before


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hidden_layers_have_the_activation(activation):
    layer = build_encoder(NetworkConfig(3, 2, (4,), activation), 0).get_layer("hidden_1")
    x = np.array([[-2.0, 0.0, 3.0]], np.float32)
    pre_activation = x @ layer.kernel.numpy()
    expected = {
        "identity": pre_activation,
        "relu": np.maximum(pre_activation, 0),
        "softplus": np.logaddexp(0, pre_activation),
        "tanh": np.tanh(pre_activation),
    }[activation]
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "variance"),
    [("glorot_uniform", 2 / (400 + 300)), ("he_normal", 2 / 400), ("lecun_normal", 1 / 400)],
)
def test_initial_weights_have_the_variance_of_their_initializer(name, variance):
    assert name in KERNEL_INITIALIZERS
    config = NetworkConfig(400, 2, (300,), kernel_initializer=name)
    kernel = build_encoder(config, 0).get_layer("hidden_1").kernel.numpy()
    np.testing.assert_allclose(kernel.var(), variance, rtol=0.03)
