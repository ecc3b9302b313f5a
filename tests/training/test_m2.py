import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from vaefeat.training import m2 as m2_module
from vaefeat.training.m2 import M2, M2Config
from vaefeat.training.networks import NetworkConfig
from vaefeat.training.noise import draw_class
from vaefeat.values import objectives
from vaefeat.values.likelihoods import LIKELIHOODS, Gaussian

NETWORK = NetworkConfig(n_inputs=6, n_outputs=2, hidden_layer_sizes=(8,))
CLASSIFIER = NetworkConfig(n_inputs=6, n_outputs=3, hidden_layer_sizes=(5,))
SEED = tf.constant([1, 2])
NOISE = tf.random.stateless_normal((40, 1, 2), SEED, alg="philox")
X = np.random.default_rng(0).uniform(size=(40, 6)).astype(np.float32)
K = 3
GAUSSIAN = Gaussian()
LABELED = X[:5], np.array([0, 1, 2, 0, 1], np.int32)
UNKNOWN = np.full(40, -1, np.int32)


def m2(likelihood=GAUSSIAN, prior=(1 / 3, 1 / 3, 1 / 3), alpha=0.1, **options):
    networks = {"encoder": NETWORK, "classifier": CLASSIFIER}
    config = M2Config(
        **networks, log_prior=tuple(np.log(prior)), alpha=alpha, likelihood=likelihood, **options
    )
    return M2(config, *LABELED, labeled_batch_size=4, seed=0)


def bounds_of_all_classes(model, seed=SEED):
    """Return L(x, y) of each class alone, with the noise that a step draws, (40, K)."""
    noise = tf.random.stateless_normal((40, 1, 2), seed, alg="philox")
    classes = [tf.one_hot(tf.fill((40, 1), k), K) for k in range(K)]
    return tf.concat([model.labeled_bounds(tf.constant(X), X, y, noise) for y in classes], axis=1)


@pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=LIKELIHOODS)
@pytest.mark.parametrize("alpha", [0.0, 0.1, 50.0])
def test_the_loss_of_m2_is_its_bound_plus_alpha_times_the_cross_entropy(likelihood, alpha):
    terms = m2(likelihood, alpha=alpha).example_losses((tf.constant(X), UNKNOWN), SEED)
    assert_allclose(terms["loss"], terms["bound"] + alpha * terms["cross_entropy"], rtol=1e-6)
    assert terms["loss"].shape == (40,)


@pytest.mark.parametrize("posterior_variance", ["xy", "x"])
def test_a_sample_without_a_label_has_the_bound_over_all_classes_and_one_with_a_label_that_of_its_class(
    posterior_variance,
):
    model = m2(posterior_variance=posterior_variance)
    labels = UNKNOWN.copy()
    labels[:5] = LABELED[1]
    bound = model.example_losses((tf.constant(X), labels), SEED)["bound"].numpy()
    each = bounds_of_all_classes(model).numpy()
    q = tf.nn.softmax(model.classifier(X)).numpy()
    expected = np.sum(q * (each + np.log(q)), axis=1)
    expected[:5] = each[np.arange(5), LABELED[1]]
    assert_allclose(bound, expected, rtol=1e-5)


def test_the_labeled_bound_is_the_sum_of_its_three_terms():
    model = m2(prior=(0.2, 0.3, 0.5))
    noise = np.zeros((40, 1, 2), np.float32)
    y = np.eye(K, dtype=np.float32)[[2] * 40]
    posterior = {name: value.numpy() for name, value in model.encoder(X, y).items()}
    z = posterior["z_mean"]
    log_prob = objectives.gaussian_log_prob(X, model.decoder(z, y)["x_location"].numpy(), np.zeros(6))
    expected = objectives.gaussian_kl(**posterior) - log_prob - np.log(0.5)
    assert_allclose(model.labeled_bounds(X, X, y[:, None], noise)[:, 0], expected, rtol=1e-5)


def test_the_gradient_of_m2_is_exact_for_the_classifier_and_unbiased_for_the_generator():
    model = m2(alpha=0.0)

    def gradients(loss, networks):
        variables = [v for network in networks for v in network.trainable_variables]
        with tf.GradientTape() as tape:
            mean = tf.reduce_mean(loss())
        return tf.concat([tf.reshape(g, [-1]) for g in tape.gradient(mean, variables)], axis=0)

    def exact():
        return objectives.unlabeled_bound(
            bounds_of_all_classes(model), objectives.log_softmax(model.classifier(X))
        )

    def drawn(seed):
        # The noise of SEED at each seed of the drawn classes, so that nothing else differs.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(m2_module, "stateless_noise", lambda shape, _: NOISE)
            return model.example_losses((tf.constant(X), UNKNOWN), tf.stack([1, seed]))["loss"]

    generator = (model.encoder, model.decoder)
    assert_allclose(
        gradients(lambda: drawn(2), [model.classifier]), gradients(exact, [model.classifier]), atol=1e-5
    )
    of_generator = tf.function(lambda seed: gradients(lambda: drawn(seed), generator))
    draws = np.stack([of_generator(tf.constant(seed)) for seed in range(300)])
    standard_error = draws.std(axis=0) / np.sqrt(len(draws))
    deviation = np.abs(draws.mean(axis=0) - gradients(exact, generator))
    assert (deviation <= 5 * standard_error + 1e-6).all()
    assert standard_error.max() > 1e-3  # a class was drawn, and made a difference


def test_the_cross_entropy_is_over_labeled_samples_alone():
    model = m2()
    for variable in model.classifier.variables:
        variable.assign(tf.zeros_like(variable))
    model.classifier.layers[-1].bias.assign([0.0, 0.0, 100.0])
    # Of the labeled five, two are of class 0, two of class 1, one of class 2, which costs nothing.
    losses = tf.function(lambda seed: model.example_losses((tf.constant(X), UNKNOWN), tf.stack([1, seed])))
    means = [losses(tf.constant(seed))["cross_entropy"][0] for seed in range(200)]
    assert_allclose(np.mean(means), 80.0, rtol=0.05)
    assert set(np.round(np.unique(means))) <= {0.0, 25.0, 50.0, 75.0, 100.0}


def test_classes_are_drawn_as_often_as_they_are_probable():
    log_prob = tf.tile(tf.math.log([[0.7, 0.2, 0.1]]), (20_000, 1))
    counts = np.bincount(draw_class(log_prob, SEED).numpy(), minlength=3)
    assert_allclose(counts / 20_000, [0.7, 0.2, 0.1], atol=0.01)
