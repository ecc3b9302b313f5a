import warnings

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vaefeat import (
    AutoencoderTransformer,
    M2Classifier,
    SupervisedEncoderTransformer,
    VAEEncoderTransformer,
)
from vaefeat.estimators._diagnosis import (
    warn_if_not_converged,
    warn_of_constant_features,
    warn_of_saturated_dispersion,
    warn_of_silent_units,
)

WINE = StandardScaler().fit_transform(load_wine().data)
FALLING = list(np.linspace(100, 1, 40))
FLAT = [100.0, 20.0, *[10.0] * 38]


def vae(**params):
    defaults = {"hidden_layer_sizes": (32,), "n_steps": 600, "random_state": 0}
    return VAEEncoderTransformer(4, **defaults | params)


# --- each warning, on real data ---


def test_it_is_said_that_no_unit_carries_information():
    with pytest.warns(ConvergenceWarning, match="None of the 4 latent units carries information"):
        vae(beta=100.0).fit(WINE)


def test_it_is_said_that_few_of_few_units_carry_information():
    with pytest.warns(UserWarning, match="Only 1 of the 10 latent units carry information"):
        warn_of_silent_units(np.arange(10) == 3, n_steps=1_000)


def test_it_is_said_that_the_loss_still_falls():
    slow = AutoencoderTransformer(
        2, hidden_layer_sizes=(8,), learning_rate_init=1e-5, max_iter=30, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="The loss still fell when training stopped after 30 epochs"):
        slow.fit(WINE)


def test_constant_features_are_named():
    with pytest.warns(UserWarning, match=r"1 of 14 features are constant in the training data: 13\."):
        vae(max_iter=2).fit(np.c_[WINE, np.full(len(WINE), 3.0)])


def test_a_default_that_learns_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vae().fit(WINE)


# --- when they are silent ---


def test_nothing_is_said_of_units_after_a_few_steps():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_silent_units(np.zeros(4, bool), n_steps=10)
        warn_of_silent_units(np.arange(50) < 15, n_steps=10_000)  # of many units, some are not needed


@pytest.mark.parametrize("curve", [FLAT, FALLING[:10], []], ids=["flat", "few epochs", "none"])
def test_nothing_is_said_of_a_loss_that_is_flat_or_short(curve):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_not_converged(curve)


def test_a_falling_loss_is_seen():
    with pytest.warns(ConvergenceWarning, match="after 40 epochs"):
        warn_if_not_converged(FALLING)


def test_features_are_listed_up_to_ten():
    with pytest.warns(UserWarning, match=r"12 of 12 features are constant .*: 0, 1, .*, 9, \.\.\."):
        warn_of_constant_features(np.ones((3, 12)))
    with pytest.warns(UserWarning, match=r"1 of 3 features are predicted exactly: 1\."):
        warn_of_saturated_dispersion(np.array([False, True, False]))


# --- what a constant column costs ---

NETWORK = {"hidden_layer_sizes": (32,), "random_state": 0}
PIPELINES = {
    "VAE": (VAEEncoderTransformer(10, n_steps=600, **NETWORK), LogisticRegression(max_iter=500)),
    "autoencoder": (AutoencoderTransformer(10, n_steps=600, **NETWORK), LogisticRegression(max_iter=500)),
    "supervised": (
        SupervisedEncoderTransformer(10, n_steps=400, **NETWORK),
        LogisticRegression(max_iter=500),
    ),
    "M2": (M2Classifier(10, max_iter=40, **NETWORK),),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:y contains no unlabeled samples:UserWarning")
@pytest.mark.parametrize("load", [load_wine, load_breast_cancer, load_digits])
@pytest.mark.parametrize("kind", PIPELINES)
def test_a_constant_column_costs_no_more_than_other_weights_at_the_start(kind, load):
    X, y = load(return_X_y=True)
    X, y = X[:600], y[:600]
    pipe = make_pipeline(StandardScaler(), *PIPELINES[kind])
    without, with_it = (
        cross_val_score(pipe, data, y, cv=3).mean() for data in (X, np.c_[X, np.full(len(X), 3.0)])
    )
    assert with_it > without - 0.1  # it cost 0.4 where the column owned the gradient


# --- enough training ---


@pytest.mark.parametrize(("n_samples", "n_epochs"), [(100, 600), (1_000, 60), (50, 600)])
def test_automatic_passes_make_as_many_steps(n_samples, n_epochs):
    assert vae()._n_epochs(n_samples) == n_epochs


def test_passes_are_limited():
    assert vae(n_steps=1_000_000)._n_epochs(100) == 1_000
    assert vae(max_iter=7)._n_epochs(100) == 7
