import math
import random

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vaefeat.training.networks import (
    ACTIVATIONS,
    ClassConditional,
    ClassConditionalMean,
    NetworkConfig,
    build_decoder,
    build_encoder,
    choose_initializer,
)


def config_of(n_inputs, n_outputs, hidden_layer_sizes=(500, 500), **options):
    return NetworkConfig(
        n_inputs=n_inputs, n_outputs=n_outputs, hidden_layer_sizes=hidden_layer_sizes, **options
    )


@pytest.mark.parametrize("hidden_layer_sizes", [(), (5,), (5, 4)])
def test_encoder_and_mirrored_decoder_have_the_widths_asked_for(hidden_layer_sizes):
    config = config_of(7, 2, hidden_layer_sizes)
    encoder, decoder = build_encoder(config, 0), build_decoder(config.mirrored(), 0)
    outputs = encoder(np.zeros((3, 7), np.float32))
    last_width = (7, *hidden_layer_sizes)[-1]
    assert encoder.input_shape == (None, 7)
    hidden = {"hidden": (3, last_width)} if hidden_layer_sizes else {}
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "z_mean": (3, 2),
        "z_log_var": (3, 2),
        **hidden,
    }
    assert encoder.get_layer("z_mean").kernel.shape == (last_width, 2)
    assert decoder.input_shape == (None, 2)
    assert decoder.output_shape == (None, 7)
    assert [layer.units for layer in decoder.layers[1:-1]] == list(hidden_layer_sizes[::-1])


@pytest.mark.parametrize(("image_shape", "n_left"), [((8, 8), 2 * 2), ((7, 5), 2 * 2), ((28, 20), 7 * 5)])
def test_each_convolution_halves_the_image_and_the_decoder_has_none(image_shape, n_left):
    n_pixels = image_shape[0] * image_shape[1]
    config = NetworkConfig(
        n_inputs=n_pixels, n_outputs=2, hidden_layer_sizes=(5,), filters=(3, 4), image_shape=image_shape
    )
    encoder = build_encoder(config, 0)
    assert encoder.get_layer("hidden_1").kernel.shape == (4 * n_left, 5)
    assert {layer.name for layer in build_decoder(config.mirrored(), 0).layers} == {
        "Z",
        "hidden_1",
        "x_location",
    }


@pytest.mark.parametrize("image_shape", [(8, 8), (7, 5, 3), (28, 20, 1), (25, 1)])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (5,)])
def test_a_convolutional_decoder_doubles_what_the_encoder_halved(image_shape, hidden_layer_sizes):
    config = config_of(
        math.prod(image_shape),
        2,
        hidden_layer_sizes,
        filters=(3, 4),
        image_shape=image_shape,
        convolutional_decoder=True,
    )
    encoder, decoder = build_encoder(config, 0), build_decoder(config.mirrored(), 0)
    assert decoder.output.shape == (None, math.prod(image_shape))
    channels = image_shape[2] if len(image_shape) == 3 else 1
    assert decoder.get_layer("coarse").output.shape == encoder.get_layer("pixels").output.shape
    kernels = [decoder.get_layer(name).kernel.shape for name in ("conv_1", "image")]
    assert kernels == [(3, 3, 3, 4), (3, 3, channels, 3)]
    assert decoder.layers[-1].bias.shape == (math.prod(image_shape),)


def test_a_transposed_convolution_is_the_transpose_of_a_convolution():
    config = config_of(15, 1, (), filters=(1,), image_shape=(5, 3), convolutional_decoder=True)
    convolve = keras.layers.Conv2D(1, 3, 2, "same", use_bias=False)
    decoder = build_decoder(config.mirrored(), 0)
    convolve.build((None, 6, 4, 1))
    convolve.kernel.assign(decoder.get_layer("image").kernel)
    pixels = np.eye(24, dtype=np.float32).reshape(24, 6, 4, 1)
    matrix = convolve(pixels).numpy().reshape(24, 6)  # of the convolution of 6x4 pixels to 3x2
    coarse = decoder.get_layer("coarse")
    hidden = np.maximum(np.float32(0.7) * coarse.kernel.numpy(), 0)
    expected = (hidden @ matrix.T).reshape(6, 4)[:5, :3]
    np.testing.assert_allclose(
        decoder(np.float32([[0.7]])).numpy().reshape(5, 3), expected, rtol=0, atol=1e-6
    )


def test_transposed_convolutions_keep_the_variance_of_what_they_double():
    config = config_of(
        32 * 32 * 8, 2, (), filters=(8, 8), image_shape=(32, 32, 8), convolutional_decoder=True
    )
    decoder = build_decoder(config.mirrored(), 0)
    layer = decoder.get_layer("image")
    hidden = np.random.default_rng(0).normal(size=(50, *layer.input.shape[1:])).astype(np.float32)
    assert layer(hidden).numpy()[:, 1:-1, 1:-1].var() == pytest.approx(1, rel=0.15)


def test_a_convolution_sees_the_features_as_the_rows_of_an_image():
    config = config_of(12, 2, (), filters=(1,), image_shape=(3, 4))
    encoder = build_encoder(config, 0)
    kernel = encoder.get_layer("conv_1").kernel.numpy()[:, :, 0, 0]
    image = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    padded = np.pad(image, [(1, 1), (0, 1)])  # as "same" pads 3 rows and 4 columns for steps of 2
    expected = [max(0.0, np.sum(padded[r : r + 3, c : c + 3] * kernel)) for r in (0, 2) for c in (0, 2)]
    np.testing.assert_allclose(encoder(image.reshape(1, 12))["hidden"].numpy()[0], expected, atol=1e-6)


@pytest.mark.parametrize("filters", [(), (3,)])
def test_the_seed_determines_the_weights(filters):
    config = NetworkConfig(
        n_inputs=6, n_outputs=2, hidden_layer_sizes=(5, 5), filters=filters, image_shape=(2, 3)
    )
    first, again, other = (build_encoder(config, seed).get_weights() for seed in (0, 0, 1))
    for a, b in zip(first, again, strict=True):
        assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


def test_layers_of_equal_shape_start_from_different_weights():
    encoder = build_encoder(config_of(5, 5, (5,)), 0)
    assert not np.array_equal(encoder.get_layer("z_mean").kernel, encoder.get_layer("z_log_var").kernel)


def test_building_touches_no_global_generator():
    numpy_before, python_before = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    build_encoder(config_of(7, 2), 0)
    assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    assert random.getstate() == python_before


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hidden_layers_have_the_activation(activation):
    layer = build_encoder(config_of(3, 2, (4,), activation=activation), 0).get_layer("hidden_1")
    x = np.array([[-2.0, 0.0, 3.0]], np.float32)
    pre_activation = x @ layer.kernel.numpy()
    expected = {
        "identity": pre_activation,
        "relu": np.maximum(pre_activation, 0),
        "sigmoid": 1 / (1 + np.exp(-pre_activation)),
        "softplus": np.logaddexp(0, pre_activation),
        "tanh": np.tanh(pre_activation),
    }[activation]
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("chosen", "variance"),
    [
        ("glorot_uniform", 2 / (400 + 300)),
        ("he_normal", 2 / 400),
        ("lecun_normal", 1 / 400),
        ("lecun_uniform", 1 / 400),
        ({"class_name": "RandomNormal", "config": {"stddev": 0.001}}, 1e-6),
        (keras.initializers.serialize(keras.initializers.RandomNormal(stddev=0.5)), 0.25),
    ],
    ids=str,
)
def test_initial_weights_have_the_variance_of_their_initializer(chosen, variance):
    config = config_of(400, 300, (300,), kernel_initializer=choose_initializer(chosen))
    encoder = build_encoder(config, 0)
    kernel = encoder.get_layer("hidden_1").kernel.numpy()
    np.testing.assert_allclose(kernel.var(), variance, rtol=0.03)
    heads = [encoder.get_layer(name).kernel.numpy() for name in ("z_mean", "z_log_var")]
    assert not np.array_equal(*heads)  # each layer has a seed of its own


def test_transposed_convolutions_scale_any_initializer():
    choice = choose_initializer({"class_name": "RandomNormal", "config": {"stddev": 0.1}})
    options = {"filters": (64, 64), "image_shape": (8, 8, 1), "convolutional_decoder": True}
    decoder = build_decoder(config_of(64, 2, (), kernel_initializer=choice, **options).mirrored(), 0)
    np.testing.assert_allclose(decoder.get_layer("conv_1").kernel.numpy().std(), 2 * 0.1, rtol=0.03)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"stddev": 0.1, "seed": 3}, "sets a seed, but random_state gives each layer its own: leave it out"),
        ({"width": 0.1}, "Keras's TruncatedNormal does not take {'width': 0.1, 'seed': 0}"),
        ({"stddev": "x"}, "Keras's TruncatedNormal does not take {'stddev': 'x', 'seed': 0}"),
        ({"stddev": [0.1]}, r"takes numbers and texts as settings, got {'stddev': \[0.1\]}"),
        ({"stddev": np.array(0.1)}, "takes numbers and texts as settings"),
    ],
)
def test_an_initializer_with_a_seed_or_settings_it_cannot_use_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        choose_initializer({"class_name": "TruncatedNormal", "config": config})


def test_choosing_an_initializer_draws_no_number_from_the_global_generator():
    before = random.getstate()
    choose_initializer("he_uniform")
    assert random.getstate() == before


@pytest.mark.parametrize("hidden_layer_sizes", [(5,), (5, 4)])
def test_a_class_conditional_network_is_a_perceptron_of_vector_and_class_side_by_side(hidden_layer_sizes):
    network = ClassConditional(
        config_of(3, 2, hidden_layer_sizes, activation="tanh"),
        4,
        ("a", "b"),
        0,
    )
    v = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    y = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 3, 0]]
    first = np.concatenate([network.from_v.kernel, network.from_y.kernel])
    hidden = np.tanh(np.hstack([v, y]) @ first)
    for layer in network.hidden:
        hidden = np.tanh(hidden @ layer.kernel.numpy())
    outputs = network(v, y)
    assert list(outputs) == ["a", "b"]
    for layer in network.heads:
        np.testing.assert_allclose(outputs[layer.name], hidden @ layer.kernel.numpy(), atol=1e-6)


def test_all_classes_at_once_are_what_each_is_alone():
    network = ClassConditional(config_of(3, 2, (5, 4)), 4, ("a",), 0)
    v = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    together = network(v[:, None], np.eye(4, dtype=np.float32))["a"]
    assert together.shape == (6, 4, 2)
    for k in range(4):
        alone = network(v, np.eye(4, dtype=np.float32)[[k] * 6])["a"]
        np.testing.assert_allclose(together[:, k], alone, atol=1e-6)


@pytest.mark.parametrize("hidden_layer_sizes", [(5,), (5, 4)])
def test_a_class_moves_the_mean_alone_where_the_variance_has_a_network_of_its_own(hidden_layer_sizes):
    config = config_of(3, 2, hidden_layer_sizes, activation="softplus")
    network = ClassConditionalMean(config, 4, 0)
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    network.center(x)
    together = network(x[:, None], np.eye(4, dtype=np.float32))
    assert together["z_mean"].shape == (6, 4, 2)
    assert together["z_log_var"].shape == (6, 1, 2)
    for k in range(4):
        alone = network(x, np.eye(4, dtype=np.float32)[[k] * 6])
        np.testing.assert_allclose(together["z_mean"][:, k], alone["z_mean"], atol=1e-6)
        np.testing.assert_allclose(together["z_log_var"][:, 0], alone["z_log_var"], atol=1e-6)
    assert np.ptp(together["z_mean"], axis=1).min() > 0
    hidden = x - x.mean(axis=0)
    for layer in network.log_var.layers[1:-1]:
        hidden = np.logaddexp(0, hidden @ layer.kernel.numpy())
    expected = hidden @ network.log_var.layers[-1].kernel.numpy()
    np.testing.assert_allclose(together["z_log_var"][:, 0], expected, atol=1e-5)
