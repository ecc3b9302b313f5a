import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, special, stats

from vaefeat.values import objectives

RNG = np.random.default_rng(0)
Z_MEAN = RNG.normal(size=(5, 3)).astype(np.float32)
Z_LOG_VAR = RNG.normal(size=(5, 3)).astype(np.float32)
X = RNG.uniform(size=(5, 4)).astype(np.float32)
LOCATION = RNG.normal(size=(5, 4)).astype(np.float32)
LOG_VARIANCE = RNG.normal(size=4).astype(np.float32)
NOISE = RNG.normal(size=(5, 3)).astype(np.float32)
LABELS = np.array([0, 3, 1, 2, 2], np.int32)


def test_kl_of_the_prior_itself_is_zero():
    assert_allclose(objectives.gaussian_kl(np.zeros((2, 3)), np.zeros((2, 3))), [0, 0])


def test_kl_of_a_shifted_unit_is_half_its_squared_shift():
    assert_allclose(objectives.gaussian_kl(np.array([[2.0, 0.0]]), np.zeros((1, 2))), [2.0])


def test_kl_equals_the_monte_carlo_mean_of_the_log_ratio():
    m, s = np.array([[0.7]]), np.array([[-0.4]])
    posterior = stats.norm(m[0, 0], np.exp(0.5 * s[0, 0]))
    z = posterior.rvs(400_000, random_state=0)
    assert_allclose(
        objectives.gaussian_kl(m, s)[0], np.mean(posterior.logpdf(z) - stats.norm.logpdf(z)), atol=3e-3
    )


def test_kl_per_unit_sums_to_the_kl():
    per_unit = objectives.gaussian_kl_per_unit(Z_MEAN, Z_LOG_VAR)
    assert (per_unit >= 0).all()
    assert_allclose(per_unit.sum(axis=1), objectives.gaussian_kl(Z_MEAN, Z_LOG_VAR), rtol=1e-6)


def test_reparameterized_noise_has_the_mean_and_variance_asked_for():
    noise = RNG.standard_normal((200_000, 1))
    z = objectives.reparameterize(np.full((1, 1), 3.0), np.full((1, 1), np.log(4.0)), noise)
    assert_allclose([z.mean(), z.var()], [3.0, 4.0], rtol=2e-2)


def test_views_that_are_alike_and_unlike_all_others_are_easy_to_find():
    views = np.eye(4)
    loss = objectives.contrastive_loss(views, views, temperature=0.5)
    assert_allclose(loss, np.full(4, np.log(1 + 6 * np.exp(-2.0))))  # cosines 1 and 0, times 1 / 0.5


def test_views_that_are_all_alike_can_only_be_guessed():
    views = np.ones((5, 3))
    assert_allclose(objectives.contrastive_loss(views, 7 * views), np.full(5, np.log(9.0)))


def test_the_contrastive_loss_matches_its_definition():
    first, second = Z_MEAN, Z_LOG_VAR
    unit = [v / np.linalg.norm(v) for v in np.concatenate([first, second])]

    def loss(i, partner):
        others = [np.exp(unit[i] @ unit[k] / 0.3) for k in range(10) if k != i]
        return -np.log(np.exp(unit[i] @ unit[partner] / 0.3) / np.sum(others))

    expected = [0.5 * (loss(i, i + 5) + loss(i + 5, i)) for i in range(5)]
    assert_allclose(objectives.contrastive_loss(first, second, 0.3), expected, rtol=1e-5)


def test_a_latent_that_is_zero_has_a_finite_contrastive_loss():
    views = np.zeros((3, 2), np.float32)
    assert np.isfinite(objectives.contrastive_loss(views, views)).all()


def test_bernoulli_log_prob_equals_that_of_scipy_for_black_and_white():
    x = (X > 0.5).astype(float)
    expected = stats.bernoulli.logpmf(x, 1 / (1 + np.exp(-LOCATION))).sum(axis=1)
    assert_allclose(objectives.bernoulli_log_prob(x, LOCATION), expected, rtol=1e-6)


def test_bernoulli_log_prob_is_finite_and_right_for_large_logits():
    x, logits = np.array([[1.0, 0.0, 0.0]]), np.array([[200.0, -200.0, 200.0]])
    assert_allclose(objectives.bernoulli_log_prob(x, logits), [-200.0])


def test_gaussian_log_prob_equals_that_of_scipy():
    expected = stats.norm.logpdf(X, LOCATION, np.exp(0.5 * LOG_VARIANCE)).sum(axis=1)
    assert_allclose(objectives.gaussian_log_prob(X, LOCATION, LOG_VARIANCE), expected, rtol=1e-5)


def test_the_squared_error_is_the_squared_distance():
    assert_allclose(objectives.squared_error(np.array([[1.0, 2.0]]), np.array([[4.0, -2.0]])), [25.0])


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (objectives.bernoulli_log_prob, ()),
        (objectives.gaussian_log_prob, (LOG_VARIANCE,)),
        (objectives.squared_error, ()),
    ],
)
def test_features_that_were_not_observed_are_left_out(function, arguments):
    observed = np.tile([1.0, 0.0, 1.0, 0.0], (5, 1)).astype(np.float32)
    of_some = function(X, LOCATION, *arguments, observed)
    fewer = [array[::2] for array in arguments]
    assert_allclose(of_some, function(X[:, ::2], LOCATION[:, ::2], *fewer), rtol=1e-6)
    assert_allclose(function(X, LOCATION, *arguments, np.ones_like(X)), function(X, LOCATION, *arguments))


def test_gaussian_density_integrates_to_one():
    grid = np.linspace(-30, 30, 20_001)[:, None]
    density = np.exp(objectives.gaussian_log_prob(grid, np.full((1, 1), 0.3), np.array([1.2])))
    assert_allclose(integrate.trapezoid(density, grid[:, 0]), 1.0, rtol=1e-6)


def test_cross_entropy_of_equal_logits_is_the_log_of_the_number_of_classes():
    logits = np.full((5, 4), 7.0)
    assert_allclose(objectives.categorical_cross_entropy(LABELS, logits), np.log(4.0))


def test_the_labeled_bound_of_a_sample_that_z_does_not_explain_is_its_log_density():
    # p(x|y,z) that ignores z, q(z|x,y) = p(z), so that the bound is exact
    log_prob, log_prior = np.array([-3.0, -5.0]), np.log([0.5, 0.25])
    assert_allclose(
        objectives.labeled_bound(log_prob, log_prior, np.zeros(2)), [3 + np.log(2), 5 + np.log(4)]
    )


BOUNDS = RNG.normal(scale=3, size=(5, 4))


def test_the_unlabeled_bound_of_a_certain_class_is_the_labeled_bound():
    certain = np.where(np.arange(4) == 2, 0.0, -800.0) * np.ones((5, 1))
    assert_allclose(objectives.unlabeled_bound(BOUNDS, certain), BOUNDS[:, 2])


def test_the_unlabeled_bound_of_equal_guesses_is_the_mean_less_the_entropy():
    equal = np.full((5, 4), -np.log(4.0))
    assert_allclose(objectives.unlabeled_bound(BOUNDS, equal), BOUNDS.mean(axis=1) - np.log(4.0))


def test_the_unlabeled_bound_is_smallest_at_the_posterior_and_there_it_is_the_log_evidence():
    best = objectives.log_softmax(-BOUNDS)
    evidence = -special.logsumexp(-BOUNDS, axis=1)
    assert_allclose(objectives.unlabeled_bound(BOUNDS, best), evidence)
    for other in RNG.normal(size=(20, 5, 4)):
        assert (objectives.unlabeled_bound(BOUNDS, objectives.log_softmax(other)) > evidence).all()


def test_the_gradient_of_the_unlabeled_bound_matches_finite_differences():
    import tensorflow as tf

    logits = tf.Variable(RNG.normal(size=(5, 4)))

    def mean_bound(values):
        return np.mean(objectives.unlabeled_bound(BOUNDS, objectives.log_softmax(values)))

    with tf.GradientTape() as tape:
        bound = objectives.unlabeled_bound(tf.constant(BOUNDS), objectives.log_softmax(logits))
        mean = tf.reduce_mean(bound)
    steps = 1e-6 * np.eye(20).reshape(20, 5, 4)
    expected = [(mean_bound(logits.numpy() + h) - mean_bound(logits.numpy() - h)) / 2e-6 for h in steps]
    assert_allclose(tape.gradient(mean, logits).numpy().ravel(), expected, atol=1e-7)


def test_log_softmax_matches_scipy_and_is_finite_for_large_logits():
    assert_allclose(objectives.log_softmax(BOUNDS), special.log_softmax(BOUNDS, axis=1))
    assert_allclose(objectives.log_softmax(np.array([[900.0, -900.0]])), [[0.0, -1800.0]])


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (objectives.gaussian_kl, (Z_MEAN, Z_LOG_VAR)),
        (objectives.gaussian_kl_per_unit, (Z_MEAN, Z_LOG_VAR)),
        (objectives.reparameterize, (Z_MEAN, Z_LOG_VAR, NOISE)),
        (objectives.bernoulli_log_prob, (X, LOCATION)),
        (objectives.gaussian_log_prob, (X, LOCATION, LOG_VARIANCE)),
        (objectives.squared_error, (X, LOCATION)),
        (objectives.categorical_cross_entropy, (LABELS, LOCATION)),
        (objectives.contrastive_loss, (Z_MEAN, Z_LOG_VAR)),
        (objectives.log_softmax, (LOCATION,)),
        (objectives.labeled_bound, (X, LOCATION, X)),
        (objectives.unlabeled_bound, (X, LOCATION)),
    ],
)
def test_numpy_and_tensorflow_give_the_same(function, arguments):
    tensors = [keras.ops.convert_to_tensor(array) for array in arguments]
    answer = function(*arguments)
    assert isinstance(answer, np.ndarray)
    assert_allclose(keras.ops.convert_to_numpy(function(*tensors)), answer, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("logits", [-30.0, -1.0, 0.5, 30.0])
def test_gradient_of_the_bernoulli_term_is_x_minus_its_probability(logits):
    import tensorflow as tf

    variable = tf.Variable([[logits]])
    with tf.GradientTape() as tape:
        value = objectives.bernoulli_log_prob(tf.constant([[0.25]]), variable)
    assert_allclose(tape.gradient(value, variable).numpy(), [[0.25 - 1 / (1 + np.exp(-logits))]], atol=1e-6)
