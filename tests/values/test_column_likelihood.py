import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from vaefeat import Bernoulli, Categorical, ColumnLikelihood, Gaussian, Poisson, VAEEncoderTransformer
from vaefeat.data.rows import ArrayRows
from vaefeat.training.interface import LEVEL_RATE, LOWEST_LEVEL, Dispersion

GROUPS = ((Gaussian("learned"), 2), (Categorical(), 3), (Poisson(), 1), (Gaussian(), 2), (Bernoulli(), 1))
LIKELIHOOD = ColumnLikelihood(GROUPS)
N = 60


def make_table():
    rng = np.random.default_rng(0)
    colors = np.eye(3)[rng.integers(0, 3, N)]
    colors[::10] = 0  # unknown
    numbers = rng.normal(size=(N, 2)) * [1.0, 3.0]
    counts = rng.poisson(3.0, size=(N, 1))
    flags = rng.integers(0, 2, size=(N, 1))
    return np.hstack([numbers, colors, counts, numbers @ [[1.0, 0.5], [0.0, 2.0]], flags]).astype(np.float32)


X = make_table()
LOCATION = np.random.default_rng(1).normal(size=X.shape).astype(np.float32)
SLICES = [slice(0, 2), slice(2, 5), slice(5, 6), slice(6, 8), slice(8, 9)]
SETTINGS = {"n_components": 2, "hidden_layer_sizes": (8,), "batch_size": 20, "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def vae():
    return VAEEncoderTransformer(likelihood=LIKELIHOOD, **SETTINGS).fit(X)


# --- the sum of its groups ---


@pytest.mark.parametrize("observed", [None, (np.arange(9) % 2).astype(np.float32) * np.ones((N, 1))])
def test_the_log_probability_is_the_sum_of_those_of_the_groups(observed):
    log_dispersion = LIKELIHOOD.base_log_dispersion(9, X)
    expected = sum(
        likelihood.log_prob(
            *(each[:, where] for each in (X, LOCATION)),
            log_dispersion[where],
            None if observed is None else observed[:, where],
        )
        for (likelihood, _), where in zip(GROUPS, SLICES, strict=True)
    )
    assert_allclose(LIKELIHOOD.log_prob(X, LOCATION, log_dispersion, observed), expected, rtol=1e-6)


def test_mean_start_and_dispersion_are_those_of_the_groups():
    parts = [(likelihood, where) for (likelihood, _), where in zip(GROUPS, SLICES, strict=True)]
    means = [likelihood.mean(LOCATION[:, where]) for likelihood, where in parts]
    assert_allclose(LIKELIHOOD.mean(LOCATION), np.hstack(means), rtol=1e-6)
    starts = [likelihood.start(X[:, where]) for likelihood, where in parts]
    assert_allclose(LIKELIHOOD.start(X), np.hstack(starts), rtol=1e-6)
    dispersion = LIKELIHOOD.base_log_dispersion(9, X)
    for (likelihood, where), is_gaussian in zip(parts, (True, False, False, True, False), strict=True):
        own = likelihood.base_log_dispersion(where.stop - where.start, X[:, where])
        assert_allclose(dispersion[where], own if is_gaussian else np.nan, rtol=1e-6)


def test_rows_that_are_read_in_parts_give_what_arrays_give():
    rows = ArrayRows((X,))
    LIKELIHOOD.check(rows)
    assert_allclose(LIKELIHOOD.start(rows), LIKELIHOOD.start(X), rtol=1e-6)
    expected = LIKELIHOOD.base_log_dispersion(9, X)
    assert_allclose(LIKELIHOOD.base_log_dispersion(9, rows), expected, rtol=1e-5)


def test_one_pass_over_the_rows_serves_all_groups(monkeypatch):
    passes = []
    chunks = ArrayRows.chunks
    monkeypatch.setattr(ArrayRows, "chunks", lambda self: passes.append(1) or chunks(self))
    LIKELIHOOD.start(ArrayRows((X,)))
    assert len(passes) == 1


def test_each_group_has_its_own_learned_dispersion():
    assert LIKELIHOOD.n_levels(9) == 3  # one for each of two features, and a shared one
    assert_array_equal(LIKELIHOOD.spread(np.array([1.0, 2.0, 3.0]), 9), [1, 2, 0, 0, 0, 0, 3, 3, 0])


def test_only_features_at_the_least_dispersion_are_saturated():
    dispersion = Dispersion(LIKELIHOOD, 9)
    lowest = 2 * LOWEST_LEVEL / LEVEL_RATE
    dispersion.level.assign([0.0, lowest, lowest])
    assert np.flatnonzero(dispersion.saturated()).tolist() == [1, 6, 7]


def test_groups_without_a_dispersion_have_none():
    assert ColumnLikelihood([(Poisson(), 1), (Bernoulli(), 2)]).base_log_dispersion(3, X[:, :3]) is None


# --- what it says about its columns ---


def test_the_encoder_sees_the_logarithm_of_counts_alone():
    assert LIKELIHOOD.log_inputs == (False,) * 5 + (True,) + (False,) * 3
    assert ColumnLikelihood(GROUPS[:2]).log_inputs is False


def test_groups_may_be_nested():
    nested = ColumnLikelihood([(ColumnLikelihood(GROUPS[:3]), 6), *GROUPS[3:]])
    assert nested.log_inputs == LIKELIHOOD.log_inputs
    dispersion = LIKELIHOOD.base_log_dispersion(9, X)
    assert_array_equal(nested.base_log_dispersion(9, X), dispersion)
    expected = LIKELIHOOD.log_prob(X, LOCATION, dispersion)
    assert_allclose(nested.log_prob(X, LOCATION, dispersion), expected, rtol=1e-5)


def test_only_binary_groups_are_binary():
    assert ColumnLikelihood([(Bernoulli(), 2), (Bernoulli(), 1)]).is_binary
    assert not LIKELIHOOD.is_binary


def test_it_has_the_support_of_all_groups_and_no_range_of_each():
    groups = ColumnLikelihood([(Bernoulli(), 1), (Poisson(), 2)])
    assert groups.support == (0.0, np.inf)
    assert ColumnLikelihood([(Bernoulli(), 1), (Categorical(), 2)]).input_range is None


def test_a_message_names_the_columns_that_do_not_fit():
    wrong = X.copy()
    wrong[0, 5] = -1
    with pytest.raises(ValueError, match=r"Column 5: X must lie in \[0, inf\] for a Poisson"):
        LIKELIHOOD.check(wrong)
    with pytest.raises(ValueError, match=r"Columns 2 to 4: .* got a sum of 3 on average"):
        LIKELIHOOD.check(np.ones_like(X))
    with pytest.raises(ValueError, match="must have the 9 columns of the groups, got 8"):
        LIKELIHOOD.check(X[:, :8])


@pytest.mark.parametrize("groups", [[], [(Gaussian(), 0)], [(Gaussian(), 1.5)], [("gaussian", 2)]])
def test_invalid_groups_are_refused(groups):
    with pytest.raises(ValueError, match="groups must hold"):
        ColumnLikelihood(groups)


def test_equal_groups_make_equal_likelihoods_with_equal_hashes():
    again = ColumnLikelihood(list(GROUPS))
    assert again == LIKELIHOOD
    assert hash(again) == hash(LIKELIHOOD)


# --- in a VAE ---


def test_a_vae_decodes_probabilities_of_each_category(vae):
    decoded = vae.reconstruct(X)
    assert_allclose(decoded[:, 2:5].sum(axis=1), 1, rtol=1e-5)
    assert decoded[:, 5].min() > 0


def test_the_variance_of_columns_that_have_none_is_nan(vae):
    assert np.isfinite(vae.noise_variance_).tolist() == [True] * 2 + [False] * 4 + [True] * 2 + [False]


def test_a_row_with_an_unknown_category_has_a_score(vae):
    unknown = X.copy()
    unknown[:, 2:5] = 0
    assert np.isfinite(vae.score_samples(unknown)).all()


def test_it_is_kept_by_clone_and_joblib(vae, tmp_path):
    assert clone(vae).likelihood == LIKELIHOOD
    joblib.dump(vae, tmp_path / "vae.joblib")
    loaded = joblib.load(tmp_path / "vae.joblib")
    assert loaded.likelihood == LIKELIHOOD
    assert_array_equal(loaded.score_samples(X), vae.score_samples(X))


def test_a_training_goes_on_by_partial_fit(vae):
    grown = VAEEncoderTransformer(likelihood=LIKELIHOOD, **SETTINGS).partial_fit(X).partial_fit(X)
    assert np.isfinite(grown.transform(X)).all()


def test_binarization_is_for_binary_columns_alone():
    vae = VAEEncoderTransformer(likelihood=LIKELIHOOD, dynamic_binarization=True, **SETTINGS)
    with pytest.raises(ValueError, match='dynamic_binarization=True is for likelihood="bernoulli"'):
        vae.fit(X)
