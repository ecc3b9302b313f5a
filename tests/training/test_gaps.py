import numpy as np
import tensorflow as tf
from numpy.testing import assert_allclose

from vaefeat.training.gaps import GapAutoencoder, GapConfig, conditional_mean

RNG = np.random.default_rng(0)
MIXING = RNG.normal(size=(6, 6))
COVARIANCE = MIXING @ MIXING.T + 0.1 * np.eye(6)
ROWS = RNG.multivariate_normal(np.zeros(6), COVARIANCE, 50).astype(np.float32)
OBSERVED = (RNG.uniform(size=ROWS.shape) < 0.6).astype(np.float32)


def test_conjugate_gradients_find_the_conditional_mean():
    precision = np.linalg.inv(COVARIANCE)
    unit = 1 / np.sqrt(np.diag(precision))
    scaled = (precision * unit * unit[:, None]).astype(np.float32)
    found = conditional_mean(tf.constant(ROWS * OBSERVED / unit, tf.float32), OBSERVED, scaled) * unit
    for x, filled, observed in zip(ROWS, np.asarray(found), OBSERVED == 1, strict=True):
        weights = COVARIANCE[:, observed] @ np.linalg.inv(COVARIANCE[np.ix_(observed, observed)])
        assert_allclose(filled, np.where(observed, x, weights @ x[observed]), atol=2e-3)


def test_the_loss_is_that_of_hidden_values_and_the_network_starts_from_nothing():
    model = GapAutoencoder(GapConfig(n_features=6, hidden_layer_sizes=(8,)), 0)
    model.start_from(np.where(OBSERVED, ROWS, np.nan))
    batch = tf.constant(ROWS), tf.constant(OBSERVED)
    losses = model.example_losses(batch, tf.constant([0, 1]))
    assert_allclose(losses["loss"], losses["normal"])
    spoiled = tf.where(OBSERVED > 0, ROWS, 1e3), batch[1]  # what is in gaps does not count
    assert_allclose(model.example_losses(spoiled, tf.constant([0, 1]))["loss"], losses["loss"], rtol=1e-4)
    none = model.example_losses((batch[0], tf.zeros_like(OBSERVED)), tf.constant([0, 1]))
    assert_allclose(none["loss"], 0)
