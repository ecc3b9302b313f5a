import io
import pickle
import random
import subprocess
import sys
import threading
from contextlib import redirect_stdout

import joblib
import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from vaefeat import Gaussian, VAEEncoderTransformer
from vaefeat.exceptions import TrainingDivergedError

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(60, 6)).astype(np.float32)
X.setflags(write=False)
METHODS = ["transform", "reconstruct", "score_samples", "score"]


def tiny(**params):
    return VAEEncoderTransformer(
        **{"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0} | params
    )


@pytest.fixture(scope="module", params=["bernoulli", "gaussian"])
def fitted(request):
    return tiny(likelihood=request.param, max_iter=20).fit(X)


# --- what the methods return ---


def test_features_are_float32_means_named_after_the_class(fitted):
    Z = fitted.transform(X)
    assert Z.dtype == np.float32
    assert Z.shape == (60, 2)
    assert_array_equal(fitted.encoder_.run(X)["z_mean"], Z)
    assert fitted.get_feature_names_out().tolist() == ["vaeencodertransformer0", "vaeencodertransformer1"]


def test_a_row_has_the_same_features_alone_and_in_company(fitted):
    Z = fitted.transform(X)
    assert_array_equal(np.concatenate([fitted.transform(X[i : i + 1]) for i in range(60)]), Z)
    assert_array_equal(fitted.transform(X[::-1]), Z[::-1])


def test_reconstruct_is_decoding_what_was_encoded(fitted):
    assert_array_equal(fitted.reconstruct(X), fitted.inverse_transform(fitted.transform(X)))
    assert fitted.reconstruct(X).shape == X.shape


def test_bernoulli_decodes_to_probabilities():
    x_mean = tiny(likelihood="bernoulli").fit(X).inverse_transform(RNG.normal(size=(9, 2)) * 100)
    assert ((x_mean >= 0) & (x_mean <= 1)).all()


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_score_samples_is_the_elbo_that_training_maximises(likelihood):
    vae = tiny(likelihood=likelihood, learning_rate_init=1e-2, max_iter=100, warm_start=True).fit(X)
    # At a rate of almost nothing the losses of further epochs are many estimates of one ELBO.
    vae.set_params(learning_rate_init=1e-12).fit(X)
    assert_allclose(-vae.score(X), np.mean(vae.loss_curve_[100:]), atol=0.1)  # nats
    assert vae.score_samples(X).shape == (60,)


def test_the_elbo_of_a_linear_gaussian_model_is_a_lower_bound_near_its_exact_log_likelihood():
    # With p(x|z) = N(Wz + b, v I), log p(x) has a closed form: that of N(b, W W' + v I).
    loadings = RNG.normal(size=(1, 4))
    data = RNG.normal(size=(3_000, 1)) @ loadings + 0.5 * RNG.normal(size=(3_000, 4))
    vae = VAEEncoderTransformer(
        1,
        hidden_layer_sizes=(),
        activation="identity",
        likelihood=Gaussian(0.25),
        learning_rate_init=1e-2,
        max_iter=60,
        random_state=0,
    ).fit(data)
    decoded = vae.inverse_transform([[0.0], [1.0]]).astype(float)
    w, b = decoded[1] - decoded[0], decoded[0]
    covariance = np.outer(w, w) + 0.25 * np.eye(4)
    deviation = data - b
    exact = -0.5 * (
        np.sum(deviation @ np.linalg.inv(covariance) * deviation, axis=1)
        + np.linalg.slogdet(covariance)[1]
        + 4 * np.log(2 * np.pi)
    )
    assert vae.score(data) <= exact.mean() + 1e-3
    assert_allclose(vae.score(data), exact.mean(), atol=0.04)


def test_score_samples_is_unweighted_whatever_beta():
    heavy = tiny(beta=5.0, max_iter=0).fit(X)
    assert_allclose(heavy.score_samples(X), tiny(beta=1.0, max_iter=0).fit(X).score_samples(X))


def test_samples_are_decoded_draws_from_the_prior(fitted):
    assert fitted.sample(5, random_state=0).shape == (5, 6)
    assert_array_equal(fitted.sample(5, random_state=0), fitted.sample(5, random_state=0))
    assert not np.array_equal(fitted.sample(5, random_state=0), fitted.sample(5, random_state=1))
    draws = np.random.RandomState(0).standard_normal((5, 2))
    assert_array_equal(fitted.sample(5, random_state=0), fitted.inverse_transform(draws))


# --- what fit learns ---


def test_fitted_attributes_have_their_shapes_and_meanings():
    vae = tiny(n_components=3, max_iter=4).fit(X)
    posterior = vae.encoder_.run(X)
    assert vae.n_iter_ == 4
    assert vae.loss_curve_ == vae.history_["loss"]
    assert set(vae.history_) == {"loss", "reconstruction", "kl"}
    assert vae.kl_per_unit_.shape == (3,)
    assert_allclose(vae.active_units_, posterior["z_mean"].var(axis=0) > 0.01)
    assert vae.noise_variance_.shape == (6,)
    assert vae.n_features_in_ == 6


def test_units_that_the_data_do_not_need_fall_silent_and_carry_no_kl():
    line = RNG.normal(size=(400, 1)) @ np.ones((1, 6)) + 0.1 * RNG.normal(size=(400, 6))
    vae = VAEEncoderTransformer(4, hidden_layer_sizes=(16,), max_iter=300, random_state=0).fit(line)
    assert vae.kl_per_unit_.max() > 1.0
    assert sorted(vae.kl_per_unit_)[-2] < 0.05


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:None of the 1 latent units:UserWarning")  # noise needs none
def test_the_learned_noise_variance_is_that_of_the_noise():
    scales = np.array([0.5, 1.0, 2.0, 3.0])
    data = scales * RNG.normal(size=(2_000, 4))
    vae = VAEEncoderTransformer(
        1, hidden_layer_sizes=(8,), likelihood=Gaussian("learned"), beta=9.0, max_iter=200, random_state=0
    ).fit(data)
    assert_allclose(vae.noise_variance_, scales**2, rtol=0.1)


def test_a_given_noise_variance_is_kept():
    assert_allclose(tiny(likelihood=Gaussian(0.3)).fit(X).noise_variance_, 0.3, rtol=1e-6)


def test_bernoulli_has_no_noise_variance():
    assert not hasattr(tiny(likelihood="bernoulli").fit(X), "noise_variance_")


def test_max_iter_zero_leaves_an_untrained_encoder():
    untrained = tiny(max_iter=0).fit(X)
    assert untrained.n_iter_ == 0
    assert untrained.loss_curve_ == []
    assert untrained.transform(X).shape == (60, 2)


def test_draws_change_what_is_learned_and_are_kept_by_a_clone():
    one, two = (clone(tiny(n_draws=n)).fit(X) for n in (1, 2))
    assert one.loss_curve_ != two.loss_curve_
    assert tiny().fit(X).loss_curve_ == one.loss_curve_
    assert np.isfinite(two.transform(X)).all()


def test_beta_lowers_the_kl():
    light, heavy = (tiny(beta=beta, max_iter=40).fit(X).history_["kl"][-1] for beta in (0.1, 4.0))
    assert heavy < light


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["identity", "relu", "sigmoid", "softplus", "tanh"])
@pytest.mark.parametrize("kernel_initializer", ["glorot_uniform", "he_normal", "lecun_uniform"])
def test_every_activation_and_initializer_trains(activation, kernel_initializer):
    vae = tiny(activation=activation, kernel_initializer=kernel_initializer, max_iter=1).fit(X)
    assert np.isfinite(vae.transform(X)).all()


@pytest.mark.slow
@pytest.mark.parametrize("dynamic_binarization", [False, True])
def test_dynamic_binarization_changes_what_is_learned(dynamic_binarization):
    vae = tiny(likelihood="bernoulli", dynamic_binarization=dynamic_binarization, max_iter=5).fit(X)
    plain = tiny(likelihood="bernoulli", max_iter=5).fit(X)
    assert (vae.loss_curve_ == plain.loss_curve_) != dynamic_binarization


def test_early_stopping_ends_before_max_iter_and_records_the_validation_loss():
    vae = tiny(
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=2,
        tol=0.01,
        learning_rate_init=0.1,
        max_iter=300,
    ).fit(X)
    assert vae.n_iter_ < 300
    assert len(vae.history_["val_loss"]) == vae.n_iter_
    assert min(vae.history_["val_loss"]) < vae.history_["val_loss"][-1]


def test_fit_reads_no_labels():
    y = RNG.integers(2, size=60)
    assert_array_equal(tiny().fit(X, y).transform(X), tiny().fit(X, 1 - y).transform(X))


def test_callbacks_are_called_and_the_fitted_estimator_can_be_pickled():
    epochs = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(logs["loss"]))
    vae = tiny(callbacks=[callback], max_iter=3).fit(X)
    assert epochs == vae.loss_curve_
    stopping = keras.callbacks.EarlyStopping(monitor="loss", patience=1)
    pickled = pickle.dumps(tiny(callbacks=[stopping]).fit(X))
    assert pickle.loads(pickled).transform(X).shape == (60, 2)


# --- going on ---


def test_warm_start_goes_on_where_fit_ended_and_a_cold_one_starts_again():
    warm = tiny(warm_start=True, max_iter=5).fit(X)
    first = list(warm.loss_curve_)
    warm.fit(X)
    assert warm.n_iter_ == 10
    assert warm.loss_curve_[:5] == first
    assert max(warm.loss_curve_[5:]) < first[0]
    cold = tiny(max_iter=5).fit(X)
    assert cold.fit(X).loss_curve_ == first


def test_warm_start_takes_a_new_learning_rate():
    vae = tiny(warm_start=True).fit(X)
    Z = vae.transform(X)
    assert_allclose(vae.set_params(learning_rate_init=1e-20).fit(X).transform(X), Z, atol=1e-6)


@pytest.mark.parametrize("params", [{"n_components": 3}, {"hidden_layer_sizes": (8, 8)}])
def test_warm_start_refuses_a_network_of_another_shape(params):
    vae = tiny(warm_start=True).fit(X)
    with pytest.raises(ValueError, match="trained with another shape than n_components="):
        vae.set_params(**params).fit(X)


def test_partial_fit_learns_from_pieces():
    vae = tiny(n_components=1)
    for _ in range(4):
        for piece in np.split(X, 3):
            vae.partial_fit(piece)
    assert vae.n_iter_ == 12
    assert np.mean(vae.loss_curve_[-3:]) < np.mean(vae.loss_curve_[:3])
    with pytest.raises(ValueError, match="X has 5 features, but VAEEncoderTransformer is expecting 6"):
        vae.partial_fit(X[:, :5])


def test_partial_fit_goes_on_after_pickling_as_without():
    one = tiny().partial_fit(X)
    other = pickle.loads(pickle.dumps(one))
    assert_array_equal(one.partial_fit(X).transform(X), other.partial_fit(X).transform(X))


# --- reproducibility ---


def test_the_seed_determines_the_features():
    Z = tiny().fit(X).transform(X)
    assert_array_equal(tiny().fit(X).transform(X), Z)
    assert not np.array_equal(tiny(random_state=1).fit(X).transform(X), Z)
    assert_array_equal(tiny(random_state=np.random.RandomState(0)).fit(X).transform(X), Z)


def test_no_global_generator_is_touched():
    import tensorflow as tf

    tf.random.set_seed(7)
    expected = tf.random.uniform((3,)).numpy()
    tf.random.set_seed(7)
    before = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    tiny(likelihood="bernoulli", dynamic_binarization=True, early_stopping=True).fit(X).sample(
        3, random_state=0
    )
    assert_array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert random.getstate() == before[1]
    assert_array_equal(tf.random.uniform((3,)).numpy(), expected)


def test_two_fits_in_two_threads_do_not_disturb_each_other():
    alone = [tiny(random_state=seed, max_iter=10).fit(X).transform(X) for seed in (0, 1)]
    together = {}

    def fit(seed):
        together[seed] = tiny(random_state=seed, max_iter=10).fit(X).transform(X)

    threads = [threading.Thread(target=fit, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (0, 1):
        assert_array_equal(together[seed], alone[seed])


def test_transform_from_many_threads_gives_the_same(fitted):
    Z = fitted.transform(X)
    answers = joblib.Parallel(n_jobs=4, prefer="threads")(
        joblib.delayed(fitted.transform)(X) for _ in range(20)
    )
    for answer in answers:
        assert_array_equal(answer, Z)


# --- scikit-learn's company ---


def test_set_output_gives_data_frames(fitted):
    names = list(fitted.get_feature_names_out())
    frame = clone(fitted).set_output(transform="pandas").fit(X).transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == names
    frame = clone(fitted).set_output(transform="polars").fit(X).transform(X)
    assert isinstance(frame, pl.DataFrame)
    assert frame.columns == names


def test_feature_names_are_remembered_and_checked():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    vae = tiny().fit(frame)
    assert vae.feature_names_in_.tolist() == list("abcdef")
    with pytest.raises(ValueError, match="feature names should match"):
        vae.transform(frame.rename(columns={"a": "z"}))


@pytest.mark.slow
def test_grid_search_in_two_processes_sets_the_parameters_of_the_step():
    pipe = make_pipeline(MinMaxScaler(), tiny(), LogisticRegression())
    grid = {"vaeencodertransformer__n_components": [1, 3]}
    search = GridSearchCV(pipe, grid, cv=2, n_jobs=2).fit(X, X[:, 0] > 0.5)
    widths = search.best_params_["vaeencodertransformer__n_components"]
    assert search.best_estimator_[:-1].transform(X).shape == (60, widths)
    assert (search.cv_results_["mean_test_score"] > 0).all()


def test_cross_val_score_runs_and_the_pipeline_shows_itself():
    pipe = make_pipeline(MinMaxScaler(), tiny(), LogisticRegression())
    assert cross_val_score(pipe, X, X[:, 0] > 0.5, cv=2).shape == (2,)
    assert "VAEEncoderTransformer" in pipe._repr_html_()


def test_feature_union_and_column_transformer_take_it():
    union = FeatureUnion([("vae", tiny()), ("pca", PCA(3))]).fit(X)
    assert union.transform(X).shape == (60, 5)
    assert union.get_feature_names_out()[0] == "vae__vaeencodertransformer0"
    columns = ColumnTransformer([("vae", tiny(), [0, 1, 2])], remainder="passthrough").fit(X)
    assert columns.transform(X).shape == (60, 5)


def test_clone_copies_every_parameter_and_no_state(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(X)


def test_a_fitted_pipeline_predicts_in_a_process_that_has_no_tensorflow(tmp_path):
    pipe = make_pipeline(MinMaxScaler(), tiny(), LogisticRegression()).fit(X, X[:, 0] > 0.5)
    joblib.dump((pipe, X), tmp_path / "pipe.joblib")
    script = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {{"tensorflow", "keras", "tf2onnx", "onnx", "skl2onnx"}}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import joblib
pipe, X = joblib.load({str(tmp_path / "pipe.joblib")!r})
assert pipe[1].score_samples(X).shape == (60,)
assert pipe[1].sample(2).shape == (2, 6)
print(pipe.predict_proba(X).tolist())
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert_array_equal(np.array(eval(answer.stdout)), pipe.predict_proba(X))


# --- bad input ---


def with_value(value):
    bad = X.copy()
    bad[3, 2] = value
    return bad


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (with_value(np.nan), ValueError, "Input X contains NaN"),
        (with_value(np.inf), ValueError, "Input X contains infinity"),
        (X.astype(float) * 1e39, ValueError, "infinity or a value too large for dtype"),
        (np.array([["a", "b"], ["c", "d"]]), ValueError, "could not convert string to float"),
        (X[0], ValueError, "Expected 2D array, got 1D array instead"),
        (X[:, :, None], ValueError, r"pass X\.reshape\(len\(X\), -1\), and for images set image_shape"),
        (X[:0], ValueError, r"Found array with 0 sample\(s\)"),
        (X[:, :0], ValueError, r"Found array with 0 feature\(s\)"),
        (X[:1], ValueError, "minimum of 2 is required by VAEEncoderTransformer"),
        (sparse.csr_matrix(with_value(np.nan)), ValueError, "Input X contains NaN"),
    ],
)
def test_bad_data_end_in_a_clear_error_and_leave_the_estimator_unfitted(bad, error, message):
    vae = tiny()
    with pytest.raises(error, match=message):
        vae.fit(bad)
    assert vars(vae) == vars(tiny())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("bad", "message"),
    [(X[:, :5], "X has 5 features, but VAEEncoderTransformer is expecting 6"), (with_value(np.nan), "NaN")],
)
def test_fitted_methods_refuse_bad_data(fitted, method, bad, message):
    with pytest.raises(ValueError, match=message):
        getattr(fitted, method)(bad)


@pytest.mark.parametrize("method", [*METHODS, "inverse_transform"])
def test_methods_of_an_unfitted_estimator_say_so(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(tiny(), method)(X)


def test_bytes_of_an_image_are_refused_by_bernoulli_with_advice():
    pixels = (X * 255).astype(np.uint8)
    message = (
        r"X must lie in \[0, 1\] for a Bernoulli likelihood, got \[\d+, \d+\]. Put MinMaxScaler\(clip=True\)"
    )
    with pytest.raises(ValueError, match=message):
        tiny(likelihood="bernoulli").fit(pixels)
    assert not np.isnan(tiny(likelihood="bernoulli").fit(X).score_samples(pixels)).any()


def test_inverse_transform_refuses_another_number_of_units(fitted):
    with pytest.raises(ValueError, match=r"Expected rows of 2 features, got an array of shape \(4, 3\)"):
        fitted.inverse_transform(np.zeros((4, 3)))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 0}, "n_components"),
        ({"hidden_layer_sizes": 8}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": (8, 0)}, "hidden_layer_sizes must hold positive integers, got"),
        ({"activation": "cube"}, "activation"),
        ({"kernel_initializer": "zeros"}, "kernel_initializer"),
        ({"likelihood": "gamma"}, "likelihood"),
        ({"beta": -1}, "beta"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate_init": 0}, "learning_rate_init"),
        ({"max_iter": -1}, "max_iter"),
        ({"n_draws": 0}, "n_draws"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"n_iter_no_change": 0}, "n_iter_no_change"),
        ({"tol": -1}, "tol"),
        ({"random_state": "today"}, "random_state"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        tiny(**params).fit(X)


def test_more_components_than_features_and_more_batch_than_samples_are_fine():
    assert tiny(n_components=9, batch_size=1_000).fit(X).transform(X).shape == (60, 9)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_constant_columns_give_finite_features_and_scores(likelihood):
    constant = X.copy()
    constant[:, :3] = [0.0, 0.5, 1.0]
    vae = tiny(likelihood=likelihood, max_iter=20).fit(constant)
    assert np.isfinite(vae.transform(constant)).all()
    assert np.isfinite(vae.score_samples(constant)).all()


def test_divergence_is_an_error_and_keeps_the_model_of_before():
    vae = tiny().fit(X)
    Z = vae.transform(X)
    vae.set_params(learning_rate_init=1e30)
    with pytest.raises(TrainingDivergedError, match="Lower learning_rate_init"):
        vae.fit(X * 1e18)
    assert_array_equal(vae.transform(X), Z)


@pytest.mark.parametrize("fitted_before", [False, True])
def test_an_interrupt_leaves_the_estimator_unchanged(fitted_before):
    def interrupt(epoch, logs):
        raise KeyboardInterrupt

    vae = tiny()
    if fitted_before:
        vae.fit(X)
    vae.set_params(callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=interrupt)])
    before = vars(vae).copy()
    with pytest.raises(KeyboardInterrupt):
        vae.fit(X[:, :4])
    assert vars(vae) == before


def test_verbose_shows_a_progress_bar_and_silence_is_the_default():
    output = io.StringIO()
    with redirect_stdout(output):
        tiny().fit(X)
        assert output.getvalue() == ""
        tiny(verbose=1).fit(X)
    assert "2/2" in output.getvalue()
    assert "elbo" in output.getvalue()
