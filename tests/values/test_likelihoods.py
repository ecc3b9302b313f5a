import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from onnx.reference import ReferenceEvaluator
from scipy import stats
from scipy.special import expit, gammaln, softmax

from vaefeat import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ColumnLikelihood,
    LossCurveDisplay,
    M2Classifier,
    OnnxModel,
    ReconstructionDisplay,
    SamplesDisplay,
    VAEEncoderTransformer,
    export_decoder,
    export_onnx,
    mask_labels,
)
from vaefeat.export.composition import Graph, Output
from vaefeat.plotting import summary_html
from vaefeat.values.likelihoods import (
    LIKELIHOODS,
    LOSSES,
    START_SHARE,
    Bernoulli,
    Categorical,
    Gaussian,
    Poisson,
    SquaredError,
    resolve,
)
from vaefeat.values.objectives import log_factorial

RNG = np.random.default_rng(0)
LOCATION = RNG.normal(size=(20, 3))
VARIANCE = np.array([0.5, 1.0, 4.0])
BINARY = RNG.integers(0, 2, size=(20, 3)).astype(float)
COUNTS = RNG.poisson(3.0, size=(20, 3)).astype(float)
ALL = [
    Bernoulli(),
    Categorical(),
    Gaussian(),
    Gaussian("shared"),
    Gaussian(0.5),
    Poisson(),
    SquaredError(),
    ColumnLikelihood([(Gaussian("learned"), 1), (Bernoulli(), 2)]),
]


# --- against independent values ---


def test_bernoulli_matches_scipy():
    expected = stats.bernoulli.logpmf(BINARY, expit(LOCATION)).sum(axis=1)
    assert_allclose(Bernoulli().log_prob(BINARY, LOCATION), expected, rtol=1e-10)
    assert_allclose(Bernoulli().mean(LOCATION), expit(LOCATION), rtol=1e-12)


def test_gaussian_matches_scipy():
    expected = stats.norm.logpdf(BINARY, LOCATION, np.sqrt(VARIANCE)).sum(axis=1)
    assert_allclose(Gaussian().log_prob(BINARY, LOCATION, np.log(VARIANCE)), expected, rtol=1e-10)
    assert_allclose(Gaussian().mean(LOCATION), LOCATION)


def test_a_shared_level_is_one_share_of_the_variance_of_each_channel():
    colors = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 4.0]])  # a pixel each; variances 1/4, 1 and 4
    likelihood = Gaussian("shared")
    log_variance = likelihood.base_log_dispersion(3, colors)
    assert likelihood.n_levels(3) == 1
    assert_allclose(log_variance, np.log([0.025, 0.1, 0.4]), rtol=1e-6)
    log_prob = likelihood.log_prob(colors, likelihood.start(colors), log_variance)
    assert_allclose(log_prob, -0.5 * (3 * np.log(2 * np.pi) + np.log(0.001) + 30), rtol=1e-6)


def test_poisson_matches_scipy():
    expected = stats.poisson.logpmf(COUNTS, np.exp(LOCATION)).sum(axis=1)
    assert_allclose(Poisson().log_prob(COUNTS, LOCATION), expected, atol=3e-6)
    assert_allclose(Poisson().mean(LOCATION), np.exp(LOCATION))


def test_categorical_matches_scipy():
    one_hot = np.eye(3)[RNG.integers(0, 3, 20)]
    probabilities = softmax(LOCATION, axis=1)
    expected = [stats.multinomial.logpmf(x, 1, p) for x, p in zip(one_hot, probabilities, strict=True)]
    assert_allclose(Categorical().log_prob(one_hot, LOCATION), expected, rtol=1e-10)
    assert_allclose(Categorical().mean(LOCATION), probabilities, rtol=1e-12)


def test_a_category_that_is_not_known_adds_nothing():
    assert_array_equal(Categorical().log_prob(np.zeros((2, 3)), LOCATION[:2]), 0.0)


def test_a_category_starts_at_the_shares_of_its_known_values():
    X = np.repeat(np.vstack([np.eye(3), np.zeros(3)]), [6, 3, 1, 10], axis=0)
    start = Categorical().start(X)
    assert (start.dtype, start.shape) == (np.float32, (3,))
    assert_allclose(Categorical().mean(start), [0.6, 0.3, 0.1], rtol=1e-5)


def test_the_squared_error_is_a_gaussian_of_variance_one_half_without_its_constant():
    constant = stats.norm.logpdf(0, 0, np.sqrt(0.5)) * 3
    expected = stats.norm.logpdf(BINARY, LOCATION, np.sqrt(0.5)).sum(axis=1) - constant
    assert_allclose(SquaredError().log_prob(BINARY, LOCATION), expected, rtol=1e-10)


def test_log_factorials_match_scipy():
    x = np.concatenate([np.linspace(0, 30, 301), 10.0 ** np.arange(2, 9)])
    assert_allclose(log_factorial(x), gammaln(x + 1), rtol=1e-6, atol=1e-6)


# --- what all have ---


@pytest.mark.parametrize("likelihood", ALL, ids=repr)
def test_tensors_give_what_arrays_give(likelihood):
    import tensorflow as tf

    dispersion = likelihood.base_log_dispersion(3)
    x, location = BINARY.astype(np.float32), LOCATION.astype(np.float32)
    tensors = tf.constant(x), tf.constant(location), None if dispersion is None else tf.constant(dispersion)
    assert_allclose(likelihood.log_prob(*tensors), likelihood.log_prob(x, location, dispersion), rtol=1e-5)
    assert_allclose(likelihood.mean(tensors[1]), likelihood.mean(location), rtol=1e-6)


@pytest.mark.parametrize("likelihood", ALL, ids=repr)
def test_onnx_nodes_give_what_arrays_give(likelihood):
    log_dispersion = likelihood.base_log_dispersion(3)
    dispersion = None if log_dispersion is None else np.broadcast_to(np.exp(log_dispersion), 3)
    graph = Graph(3)
    score = likelihood.log_prob_nodes(graph, "X", graph.op("Identity", LOCATION), dispersion)
    (result,) = ReferenceEvaluator(graph.model(Output("score", score))).run(
        None, {"X": COUNTS.clip(0, 1).astype(np.float32)}
    )
    expected = likelihood.log_prob(COUNTS.clip(0, 1), LOCATION, log_dispersion)
    assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("likelihood", [each for each in ALL if each != Categorical()], ids=repr)
def test_the_start_is_the_location_of_the_mean(likelihood):
    X = RNG.uniform(0.2, 0.8, size=(100, 3))
    start = likelihood.start(X)
    assert (start.dtype, start.shape) == (np.float32, (3,))
    assert_allclose(likelihood.mean(start), X.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize("likelihood", ALL[:1] + ALL[2:-1], ids=repr)
def test_unobserved_features_are_left_out_of_the_sum(likelihood):
    dispersion = likelihood.base_log_dispersion(3)
    if dispersion is not None:
        dispersion = np.broadcast_to(dispersion, 3)
    observed = np.tile([1.0, 0.0, 1.0], (20, 1))
    some = [0, 2]
    expected = likelihood.log_prob(
        BINARY[:, some], LOCATION[:, some], None if dispersion is None else dispersion[some]
    )
    assert_allclose(likelihood.log_prob(BINARY, LOCATION, dispersion, observed), expected, rtol=1e-10)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Categorical(), Poisson()], ids=repr)
def test_a_feature_that_is_never_seen_is_not_impossible(likelihood):
    assert np.isfinite(likelihood.start(np.zeros((5, 2)))).all()


# --- ranges and dispersions ---


@pytest.mark.parametrize(
    ("likelihood", "X", "message"),
    [
        (Bernoulli(), [[0.0, 255.0]], r"must lie in \[0, 1\] for a Bernoulli likelihood, got \[0, 255\]"),
        (Bernoulli(), [[-0.5, 1.0]], r"got \[-0\.5, 1\]\. Put MinMaxScaler\(clip=True\)"),
        (Categorical(), [[0.0, 2.0]], r"must lie in \[0, 1\] for a Categorical .* Put OneHotEncoder"),
        (Categorical(), [[1.0, 1.0]], "a single 1 in each row, or none, got a sum of 2 on average"),
        (Poisson(), [[-1.0, 3.0]], r"must lie in \[0, inf\] for a Poisson likelihood, got \[-1, 3\]"),
    ],
)
def test_features_beyond_the_support_are_refused(likelihood, X, message):
    with pytest.raises(ValueError, match=message):
        likelihood.check(np.array(X))


def test_a_gaussian_accepts_any_real_features():
    Gaussian().check(np.array([[-1e30, 1e30]]))
    assert Gaussian().input_range is None
    assert Bernoulli().input_range == (0.0, 1.0)


def test_the_variance_is_learned_for_each_feature_or_for_all_or_given():
    levels = [each.n_levels(3) for each in (Gaussian(), Gaussian("learned"), Gaussian(0.25))]
    assert levels == [1, 3, 0]


@pytest.mark.parametrize("variance", ["shared", "learned"])
def test_a_learned_variance_starts_at_a_share_of_that_of_the_data(variance):
    X = np.random.default_rng(1).normal(size=(500, 3)) * np.sqrt(VARIANCE)
    base = Gaussian(variance).base_log_dispersion(3, X)
    assert_allclose(np.exp(base), START_SHARE * X.var(axis=0), rtol=1e-5)


def test_a_given_variance_is_that_whatever_the_data():
    for X in (None, BINARY):
        assert_allclose(np.exp(Gaussian(0.25).base_log_dispersion(3, X)), [0.25] * 3, rtol=1e-6)


@pytest.mark.parametrize("constant", [0.0, 3.0, 1e6 + 0.1], ids=str)
def test_a_constant_feature_has_the_variance_of_an_average_one(constant):
    X = np.c_[np.random.default_rng(1).normal(size=(500, 2)), np.full(500, constant)].astype(np.float32)
    base = np.exp(Gaussian().base_log_dispersion(3, X))
    assert_allclose(base[2], base[:2].mean(), rtol=1e-5)


def test_features_that_are_all_constant_have_a_variance():
    assert np.isfinite(Gaussian().base_log_dispersion(2, np.ones((5, 2)))).all()


@pytest.mark.parametrize("variance", [0, -1.0, np.nan, np.inf, "per_feature"])
def test_an_invalid_variance_is_refused(variance):
    with pytest.raises(ValueError, match="variance must be"):
        Gaussian(variance)


# --- names ---


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_a_likelihood_is_taken_by_name_or_as_an_object(name):
    assert resolve(name).name == name
    assert resolve(resolve(name)) is resolve(name)


def test_losses_have_names_of_their_own():
    assert resolve("log_loss", LOSSES) == Bernoulli()
    with pytest.raises(ValueError, match="Got the likelihood 'log_loss', expected an object, or one of"):
        resolve("log_loss")


# --- in every place: a likelihood that is entered in the table is covered ---

CLASSES = np.repeat([0, 1], 40)
RATES = np.array([[0.2, 3.0, 0.2, 3.0, 0.2, 3.0], [3.0, 0.2, 3.0, 0.2, 3.0, 0.2]])[CLASSES]
COLUMNS = ColumnLikelihood([(Gaussian(), 2), (Poisson(), 1), (Categorical(), 2), (Bernoulli(), 1)])
SETTINGS = {
    "n_components": 2,
    "hidden_layer_sizes": (8,),
    "image_shape": (2, 3),
    "batch_size": 20,
    "learning_rate_init": 1e-2,
    "max_iter": 10,
    "random_state": 0,
}


def samples_for(likelihood):
    """Return two groups of counts, within the range of the likelihood."""
    X = np.random.default_rng(2).poisson(RATES).clip(*likelihood.support).astype(np.float32)
    if likelihood == COLUMNS:
        X[:, :2] /= 3  # as if standardized
        X[:, 3:5] = np.eye(2)[(X[:, 3] > X[:, 4]).astype(int)]
        X[:, 5] = X[:, 5] > 1
    return X


def assert_within_support(values, likelihood):
    lowest, highest = likelihood.support
    assert np.isfinite(values).all()
    assert lowest <= values.min()
    assert values.max() <= highest


@pytest.fixture(scope="module", params=[*LIKELIHOODS.values(), COLUMNS], ids=lambda each: each.name)
def likelihood(request):
    return request.param


@pytest.fixture(scope="module")
def X(likelihood):
    return samples_for(likelihood)


@pytest.fixture(scope="module")
def detector(likelihood, X):
    """Return an outlier detector; its ``estimator_`` is the VAE of all the tests below."""
    return AutoencoderOutlierDetector(VAEEncoderTransformer(likelihood=likelihood, **SETTINGS)).fit(X)


@pytest.fixture(scope="module")
def vae(detector):
    return detector.estimator_


@pytest.fixture(scope="module")
def m2(likelihood, X):
    classifier = M2Classifier(likelihood=likelihood, **SETTINGS | {"max_iter": 40})
    return classifier.fit(X, mask_labels(CLASSES, 10, random_state=0))


def test_a_vae_decodes_into_the_range_of_its_likelihood(vae, likelihood, X):
    codes = vae.transform(X)
    assert codes.shape == (80, 2)
    for decoded in (vae.inverse_transform(codes), vae.sample(20, random_state=0)):
        assert decoded.shape[1:] == (6,)
        assert_within_support(decoded, likelihood)


def test_scores_are_the_evidence_lower_bounds_of_training(likelihood, X):
    barely = SETTINGS | {"learning_rate_init": 1e-9, "max_iter": 20}  # so that all epochs have the same loss
    vae = VAEEncoderTransformer(likelihood=likelihood, **barely).fit(X)
    # The scores are means over 16 draws, too few for the tail of exp(z): 3 % too high for "poisson" here.
    assert_allclose(vae.score(X), -np.mean(vae.loss_curve_), rtol=0.06)  # nats per sample


def test_scores_are_exported_with_an_outlier_detector(detector, vae, X, tmp_path):
    outputs = OnnxModel.load(export_onnx(detector, tmp_path / "detector.onnx", X=X)).run(X)
    assert_allclose(outputs["scores"].ravel(), detector.decision_function(X), rtol=1e-4, atol=1e-4)
    score_graph = OnnxModel(vae.onnx_score_graph().SerializeToString())
    (scores,) = score_graph.run(X).values()
    assert_allclose(scores.ravel(), vae.score_samples(X), rtol=1e-4, atol=1e-4)


def test_an_exported_vae_gives_the_features_of_the_estimator(vae, X, tmp_path):
    model = OnnxModel.load(export_onnx(vae, tmp_path / "vae.onnx", X=X))
    assert_allclose(model.run(X)["z_mean"], vae.transform(X), rtol=1e-5, atol=1e-6)


def test_an_exported_decoder_gives_the_mean_and_the_location(vae, likelihood, X, tmp_path):
    decoder = OnnxModel.load(export_decoder(vae, tmp_path / "decoder.onnx"))
    assert set(decoder.output_names) == {"x_mean", likelihood.location_output}
    codes = vae.transform(X)
    outputs = decoder.run(codes)
    assert_allclose(outputs["x_mean"], vae.inverse_transform(codes), rtol=1e-5)
    assert_allclose(outputs["x_mean"], likelihood.mean(outputs[likelihood.location_output]), rtol=1e-5)


def test_an_imputer_fills_gaps_with_means_in_the_range_of_the_likelihood(likelihood, X):
    missing = np.random.default_rng(3).uniform(size=X.shape) < 0.2
    incomplete = np.where(missing, np.nan, X)
    imputer = AutoencoderImputer(VAEEncoderTransformer(likelihood=likelihood, **SETTINGS), n_iter=2)
    filled = imputer.fit_transform(incomplete)
    assert_array_equal(filled[~missing], X[~missing])
    assert_within_support(filled, likelihood)
    assert len(np.unique(filled[missing][:, None])) > 6  # not only the mean of each feature


@pytest.mark.slow
def test_a_semi_supervised_classifier_learns_classes_and_draws_samples(m2, likelihood, X):
    assert m2.score(X, CLASSES) > 0.9
    assert_within_support(m2.sample([0, 1], random_state=0), likelihood)


def test_an_autoencoder_takes_a_likelihood_as_its_loss(likelihood, X):
    autoencoder = AutoencoderTransformer(loss=likelihood, **SETTINGS).fit(X)
    assert_within_support(autoencoder.reconstruct(X), likelihood)
    assert autoencoder.loss_curve_[-1] < autoencoder.loss_curve_[0]
    assert np.isfinite(autoencoder.score_samples(X)).all()


def test_displays_and_the_notebook_show_any_likelihood(vae, m2, X):
    import matplotlib

    matplotlib.use("agg")
    for estimator in (vae, m2):
        assert LossCurveDisplay.from_estimator(estimator).lines_
        assert SamplesDisplay.from_estimator(estimator, n_columns=3, random_state=0).images.shape[-1] == 6
        assert "data:image/png" in summary_html(estimator)
    assert ReconstructionDisplay.from_estimator(vae, X, n_samples=4).images.shape[-1] == 6
