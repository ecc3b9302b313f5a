import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from vaefeat.training.autoencoder import Autoencoder, AutoencoderConfig
from vaefeat.training.networks import NetworkConfig
from vaefeat.values.likelihoods import LOSSES

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(40, 6)).astype(np.float32)
SEED = tf.constant([1, 2])
SHALLOW = NetworkConfig(n_inputs=6, n_outputs=3, hidden_layer_sizes=())
DEEP = NetworkConfig(n_inputs=6, n_outputs=3, hidden_layer_sizes=(8,), activation="tanh")


def autoencoder(encoder, loss="squared_error", **options):
    return Autoencoder(AutoencoderConfig(encoder=encoder, loss=LOSSES[loss], **options), 0)


def losses(model, *batch, seed=SEED):
    values = model.example_losses(tuple(map(tf.constant, batch)), seed)
    return {name: value.numpy() for name, value in values.items()}


def jacobians(model):
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        code = model.encoder(x)["code"]
    return tape.batch_jacobian(code, x).numpy()  # (40, 3, 6)


@pytest.mark.parametrize("activation", ["identity", "relu", "sigmoid", "tanh"])
def test_the_contractive_penalty_of_one_layer_is_exact(activation):
    model = autoencoder(SHALLOW, code_activation=activation, contractive_weight=1.0)
    expected = np.square(jacobians(model)).sum(axis=(1, 2))
    assert_allclose(losses(model, X)["contractive"], expected, rtol=1e-4)


def test_the_contractive_penalty_of_a_deep_encoder_is_right_in_the_mean():
    model = autoencoder(DEEP, code_activation="sigmoid", contractive_weight=1.0)
    expected = np.square(jacobians(model)).sum(axis=(1, 2))
    draws = np.stack([losses(model, X, seed=tf.constant([1, i]))["contractive"] for i in range(100)])
    standard_error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - expected) <= 5 * standard_error).all()


def test_the_penalty_reaches_the_weights_of_a_deep_encoder():
    model = autoencoder(DEEP, code_activation="sigmoid", contractive_weight=1.0)
    with tf.GradientTape() as tape:
        penalty = tf.reduce_mean(model.example_losses((tf.constant(X),), SEED)["contractive"])
    gradient = tape.gradient(penalty, model.encoder.get_layer("hidden_1").kernel)
    assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_it_starts_as_the_best_model_that_has_no_code(loss):
    model = autoencoder(SHALLOW, loss)
    model.start_from(X)
    location = model.decoder(tf.zeros((1, 3))).numpy()[0]
    assert_allclose(
        location if loss == "squared_error" else 1 / (1 + np.exp(-location)), X.mean(axis=0), rtol=1e-4
    )
    assert_allclose(model.encoder(X)["code"].numpy().mean(axis=0), 0, atol=1e-5)


def test_noise_on_the_code_is_for_the_decoder_alone():
    quiet, noisy = (autoencoder(DEEP, code_noise=s, l1_weight=1.0) for s in (0.0, 2.0))
    assert_allclose(losses(quiet, X)["l1"], losses(noisy, X)["l1"])
    assert not np.allclose(losses(quiet, X)["reconstruction"], losses(noisy, X)["reconstruction"])
