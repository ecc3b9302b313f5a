from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from vaefeat.training.networks import NetworkConfig
from vaefeat.training.vae import VAE, VAEConfig
from vaefeat.values.corruptions import MaskingNoise
from vaefeat.values.likelihoods import LIKELIHOODS, MIN_SHARE, START_SHARE, Bernoulli, Gaussian

NETWORK = NetworkConfig(n_inputs=6, n_outputs=2, hidden_layer_sizes=(8,))
SEED = tf.constant([1, 2])
X = np.random.default_rng(0).uniform(size=(40, 6)).astype(np.float32)


def losses(config, X=X, seed=SEED):
    values = VAE(config, 0).example_losses((tf.constant(X),), seed)
    return {name: value.numpy() for name, value in values.items()}


@pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=LIKELIHOODS)
@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_the_loss_is_the_reconstruction_term_plus_beta_times_the_kl(likelihood, beta):
    terms = losses(VAEConfig(encoder=NETWORK, likelihood=likelihood, beta=beta))
    assert_allclose(terms["loss"], terms["reconstruction"] + beta * terms["kl"], rtol=1e-6)
    assert terms["loss"].shape == (40,)


def test_a_vae_without_weights_has_the_likelihood_of_its_noise_alone():
    vae = VAE(VAEConfig(encoder=NETWORK, likelihood=Gaussian(0.5)), 0)
    for variable in vae.decoder.variables:
        variable.assign(tf.zeros_like(variable))
    reconstruction = vae.example_losses((tf.constant(X),), SEED)["reconstruction"].numpy()
    expected = 0.5 * np.sum(np.log(2 * np.pi * 0.5) + X**2 / 0.5, axis=1)
    assert_allclose(reconstruction, expected, rtol=1e-5)


def test_a_fixed_noise_variance_is_not_trained():
    fixed = VAE(VAEConfig(encoder=NETWORK, likelihood=Gaussian(0.5)), 0)
    learned = VAE(VAEConfig(encoder=NETWORK, likelihood=Gaussian()), 0)
    assert len(learned.trainable_variables) == len(fixed.trainable_variables) + 1


def test_noise_differs_between_steps_and_is_the_same_for_the_same_step():
    config = VAEConfig(encoder=NETWORK, likelihood=Gaussian())
    first, again, next_step = (losses(config, seed=tf.constant([1, i])) for i in (2, 2, 4))
    assert_allclose(first["reconstruction"], again["reconstruction"])
    assert not np.allclose(first["reconstruction"], next_step["reconstruction"])
    assert_allclose(first["kl"], next_step["kl"])


@pytest.mark.parametrize("n_views", [1, 2])
def test_the_reconstruction_term_is_the_mean_over_draws(monkeypatch, n_views):
    config = VAEConfig(
        encoder=NETWORK,
        likelihood=Gaussian(0.5),
        contrastive_weight=n_views - 1.0,
        corruption=MaskingNoise(0.5),
    )
    draws = np.random.default_rng(0).normal(size=(3, n_views * len(X), 2)).astype(np.float32)

    def terms(draws):
        noise = draws.reshape(-1, 2)
        monkeypatch.setattr("vaefeat.training.vae.stateless_noise", lambda shape, seed: tf.constant(noise))
        return losses(replace(config, n_draws=len(draws)))

    together, alone = terms(draws), [terms(draws[[i]]) for i in range(3)]
    for name, values in together.items():
        assert_allclose(values, np.mean([each[name] for each in alone], axis=0), rtol=1e-5)
    assert not np.allclose(together["reconstruction"], alone[0]["reconstruction"])


def test_draws_leave_out_what_was_not_observed():
    vae = VAE(VAEConfig(encoder=NETWORK, likelihood=Gaussian(0.5), n_draws=3), 0)
    nothing = vae.example_losses((tf.constant(X), tf.zeros(X.shape)), SEED)["reconstruction"]
    assert_allclose(nothing, 0)


def test_dynamic_binarization_shows_the_encoder_black_and_white_with_the_gray_value_as_probability():
    seen = []
    vae = VAE(VAEConfig(encoder=NETWORK, likelihood=Bernoulli(), dynamic_binarization=True), 0)
    encoder, vae.__dict__["encoder"] = vae.encoder, lambda x: (seen.append(x.numpy()), encoder(x))[1]
    gray = tf.fill((4_000, 6), 0.3)
    vae.example_losses((gray,), SEED)
    assert set(np.unique(seen[0])) == {0.0, 1.0}
    assert_allclose(seen[0].mean(), 0.3, atol=0.01)


@pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=LIKELIHOODS)
def test_the_decoder_starts_at_the_mean_of_the_data(likelihood):
    vae = VAE(VAEConfig(encoder=NETWORK, likelihood=likelihood), 0)
    vae.start_from(X)
    for variable in vae.decoder.layers[-1].variables[:1]:
        variable.assign(tf.zeros_like(variable))  # no latents
    location = vae.decoder(tf.zeros((1, 2))).numpy()[0]
    assert_allclose(likelihood.mean(location), X.mean(axis=0), rtol=1e-4)


def test_the_noise_starts_below_the_variance_of_the_data():
    vae = VAE(VAEConfig(encoder=NETWORK, likelihood=Gaussian()), 0)
    vae.start_from(X)
    assert_allclose(vae.noise_variance(), START_SHARE * X.var(axis=0), rtol=1e-4)
    assert not vae.dispersion.saturated().any()


def test_a_learned_variance_has_a_floor_of_its_own_share():
    vae = VAE(VAEConfig(encoder=NETWORK, likelihood=Gaussian("learned")), 0)
    vae.start_from(X)
    vae.dispersion.level.assign([-100.0] + [0.0] * 5)
    assert_allclose(vae.noise_variance()[0], MIN_SHARE * X[:, 0].var(), rtol=1e-4)
    assert vae.dispersion.saturated().tolist() == [True] + [False] * 5


def test_the_first_hidden_layer_starts_centered():
    vae = VAE(VAEConfig(encoder=NETWORK, likelihood=Gaussian()), 0)
    vae.start_from(X + 100)
    first = vae.encoder.get_layer("hidden_1")
    pre_activation = (X + 100) @ first.kernel.numpy() + first.bias.numpy()
    assert_allclose(pre_activation.mean(axis=0), 0, atol=1e-3)
