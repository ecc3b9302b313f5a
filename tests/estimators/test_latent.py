"""What AutoencoderTransformer and VAEEncoderTransformer share, where test_vae.py has not shown it."""

import pickle

import joblib
import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vaefeat import AutoencoderTransformer, VAEEncoderTransformer
from vaefeat.exceptions import TrainingDivergedError

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(60, 6)).astype(np.float32)
X.setflags(write=False)
SETTINGS = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
BOTH = pytest.mark.parametrize("kind", [AutoencoderTransformer, VAEEncoderTransformer])


def autoencoder(**params):
    return AutoencoderTransformer(**SETTINGS | params)


@pytest.fixture(scope="module")
def fitted():
    return autoencoder().fit(X)


# --- the contract, for the autoencoder ---


def test_the_seed_determines_every_byte(fitted):
    assert autoencoder().fit(X).encoder_.to_bytes() == fitted.encoder_.to_bytes()
    assert autoencoder(random_state=1).fit(X).encoder_.to_bytes() != fitted.encoder_.to_bytes()


def test_reconstruct_is_decoding_what_was_encoded_and_a_row_alone_is_the_row_among_others(fitted):
    assert_array_equal(fitted.reconstruct(X), fitted.inverse_transform(fitted.transform(X)))
    assert_array_equal(
        np.concatenate([fitted.transform(X[i : i + 1]) for i in range(60)]), fitted.transform(X)
    )
    assert fitted.score(X) == pytest.approx(fitted.score_samples(X).mean())


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        "nadam",
        pytest.param(
            "schedulefreeadamw",
            marks=pytest.mark.skipif(
                not hasattr(keras.optimizers, "ScheduleFreeAdamW"), reason="Keras is too old"
            ),
        ),
    ],
)
def test_partial_fit_goes_on_after_pickling_as_without(optimizer):
    one = autoencoder(optimizer=optimizer).partial_fit(X)
    other = pickle.loads(pickle.dumps(one))
    assert_array_equal(one.partial_fit(X).transform(X), other.partial_fit(X).transform(X))
    assert one.n_iter_ == 2


def test_warm_start_goes_on_where_fit_ended():
    warm = autoencoder(warm_start=True).fit(X)
    first = list(warm.loss_curve_)
    assert warm.fit(X).loss_curve_[:3] == first
    assert max(warm.loss_curve_[3:]) < first[0]


@pytest.mark.parametrize("exported", [True, False])
def test_another_optimizer_goes_on_from_the_weights_and_not_from_the_state_of_the_last(exported):
    """Their states have the same shapes, and other meanings."""
    model = autoencoder(optimizer="adagrad").partial_fit(X)
    if exported:
        model = pickle.loads(pickle.dumps(model))
    before = model.encode(X)
    model.set_params(optimizer="rmsprop", learning_rate_init=1e-12).partial_fit(X)
    assert_allclose(model.encode(X), before, atol=1e-5)
    fresh = autoencoder(optimizer="rmsprop", learning_rate_init=1e-12).partial_fit(X)
    for found, expected in zip(
        model._training_state["optimizer"], fresh._training_state["optimizer"], strict=True
    ):
        assert found.shape == expected.shape
        assert found.max() < 2 * expected.max() + 1e-3  # Adagrad's begins at 0.1


def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path):
    autoencoder(max_iter=1).fit(X, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="holds a training with optimizer='adam', got optimizer='sgd'"):
        autoencoder(max_iter=1, optimizer="sgd").fit(X, checkpoint=tmp_path)


def test_a_term_that_comes_and_goes_is_nan_in_epochs_without_it():
    warm = autoencoder(max_iter=1, warm_start=True).fit(X)
    warm.set_params(l1_weight=0.1).fit(X)
    warm.set_params(l1_weight=0.0).fit(X)
    assert np.isnan(warm.history_["l1"]).tolist() == [True, False, True]
    assert np.isfinite(warm.loss_curve_).all()
    assert warm.n_iter_ == 3


def test_early_stopping_ends_before_max_iter_and_records_the_validation_loss():
    stopped = autoencoder(
        early_stopping=True, n_iter_no_change=2, tol=0.01, learning_rate_init=0.1, max_iter=300
    ).fit(X)
    assert len(stopped.history_["val_loss"]) == stopped.n_iter_ < 300


def test_divergence_is_an_error_and_keeps_the_model_of_before(fitted):
    diverging = pickle.loads(pickle.dumps(fitted)).set_params(learning_rate_init=1e30)
    with pytest.raises(TrainingDivergedError, match="Lower learning_rate_init"):
        diverging.fit(X * 1e18)
    assert_array_equal(diverging.transform(X), fitted.transform(X))


def test_it_unpickles_and_works_without_tensorflow(fitted, tmp_path, run_fresh):
    joblib.dump((fitted, X), tmp_path / "autoencoder.joblib")
    printed = run_fresh(
        f"""
        import joblib
        autoencoder, X = joblib.load({str(tmp_path / "autoencoder.joblib")!r})
        print([autoencoder.transform(X).tolist(), autoencoder.reconstruct(X).tolist(), autoencoder.score(X)])
        """,
        absent=["tensorflow", "keras", "tf2onnx", "skl2onnx", "onnx"],
    )
    assert printed == str([fitted.transform(X).tolist(), fitted.reconstruct(X).tolist(), fitted.score(X)])


# --- incomplete rows, for both ---


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_where_all_was_observed_it_makes_no_difference(kind, early_stopping):
    settings = SETTINGS | {"early_stopping": early_stopping}
    everything = kind(**settings).fit(X, observed=np.ones(X.shape, bool))
    assert_allclose(everything.transform(X), kind(**settings).fit(X).transform(X), rtol=1e-5)


@BOTH
def test_a_value_that_was_not_observed_is_not_what_is_learned(kind):
    """One feature is 0 where it is known; the guesses at its missing values, 1, are left out."""
    guessed = X.copy()
    observed = np.ones(X.shape, bool)
    observed[::2, 0] = False
    guessed[:, 0] = np.where(observed[:, 0], 0.0, 1.0)
    settings = SETTINGS | {"learning_rate_init": 1e-2, "max_iter": 150}
    masked = kind(**settings).fit(guessed, observed=observed).reconstruct(guessed)[:, 0]
    assert_allclose(masked, 0.0, atol=0.25)
    copied = kind(**settings).fit(guessed).reconstruct(guessed)[:, 0]
    assert copied.mean() > 0.4


@BOTH
@pytest.mark.parametrize("observed", [np.ones((60, 5), bool), np.ones((60, 6))])
def test_an_invalid_mask_is_refused(kind, observed):
    with pytest.raises(ValueError, match=r"observed must be boolean and of the shape of X, \(60, 6\), got"):
        kind(**SETTINGS).fit(X, observed=observed)
