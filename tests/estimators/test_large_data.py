import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from vaefeat import AutoencoderTransformer, RowStream, VAEEncoderTransformer
from vaefeat.training import blocks, checkpoint

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(600, 2)) @ RNG.normal(size=(2, 6)) + 0.1 * RNG.normal(size=(600, 6))).astype(np.float32)
X = X[np.argsort(X[:, 0])]
X.setflags(write=False)


def vae(**params):
    defaults = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
    return VAEEncoderTransformer(2, **(defaults | params))


def encoder_of(estimator):
    return estimator.encoder_.to_bytes()


# --- arrays ---


def test_a_memory_map_of_float64_trains_as_the_array_does(tmp_path):
    np.save(tmp_path / "rows.npy", X.astype(np.float64))
    expected = vae().fit(X)
    for source in (np.load(tmp_path / "rows.npy", mmap_mode="r"), X.astype(np.float64), np.asfortranarray(X)):
        assert encoder_of(vae().fit(source)) == encoder_of(expected)


def test_values_beyond_float32_are_refused():
    rows = X.astype(np.float64)
    rows[300, 2] = 1e300
    with pytest.raises(ValueError, match="infinity or a value too large for dtype"):
        vae().fit(rows)


def test_many_blocks_give_the_same_model(monkeypatch):
    expected = vae(early_stopping=True).fit(X)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5_000)
    found = vae(early_stopping=True).fit(X)
    assert encoder_of(found) == encoder_of(expected)
    assert found.history_ == expected.history_


# --- sparse rows ---


def thinned(rows):
    return np.where(RNG.random(rows.shape) < 0.7, np.float32(0), rows)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix])
def test_sparse_rows_give_the_same_bytes_and_are_never_dense_as_a_whole(form, monkeypatch):
    rows = thinned(X)
    expected = vae(early_stopping=True).fit(rows)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5_000)
    monkeypatch.setattr("vaefeat.data.rows.CHUNK_BYTES", 5_000)
    made, toarray = [], sparse.csr_array.toarray

    def counted(self, *args):
        made.append(self.shape[0])
        return toarray(self, *args)

    for kind in (sparse.csr_array, sparse.csr_matrix):
        monkeypatch.setattr(kind, "toarray", counted)
    found = vae(early_stopping=True).fit(form(rows))
    assert encoder_of(found) == encoder_of(expected)
    assert found.history_ == expected.history_
    assert_array_equal(found.transform(form(rows)), expected.transform(rows))
    assert max(made) < len(rows) / 2 < len(rows) < sum(made)


def test_parts_of_a_sparse_matrix_are_trained_on_as_those_of_an_array():
    rows = thinned(X)
    found, expected = vae(), vae()
    for start in (0, 300):
        found.partial_fit(sparse.csr_array(rows[start : start + 300]))
        expected.partial_fit(rows[start : start + 300])
    assert encoder_of(found) == encoder_of(expected)


def test_sparse_rows_are_checked():
    with pytest.raises(ValueError, match=r"X must lie in \[0, 1\]"):
        vae(likelihood="bernoulli").fit(sparse.csr_array(X))
    with pytest.raises(ValueError, match="is expecting 6 features"):
        vae().fit(X).transform(sparse.csr_array(X[:, :5]))


# --- streams ---


@pytest.mark.parametrize("kind", [VAEEncoderTransformer, AutoencoderTransformer])
def test_a_stream_is_learned_as_well_as_an_array(kind, monkeypatch):
    params = {"hidden_layer_sizes": (8,), "max_iter": 20, "learning_rate_init": 0.01, "random_state": 0}
    expected = kind(2, **params).fit(X)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5_000)
    found = kind(2, **params).fit(RowStream(X))
    start = kind(2, **params | {"max_iter": 0}).fit(X).score(X)
    assert found.score(X) - start > 0.9 * (expected.score(X) - start)
    assert found.example_codes_.shape == (10, 2)
    assert found.transform(X).shape == (600, 2)


def test_the_source_does_not_matter_only_its_rows_and_the_seed():
    first = vae().fit(RowStream(X))
    assert encoder_of(vae().fit(RowStream(lambda: np.array_split(X, 5)))) == encoder_of(first)
    assert encoder_of(vae(random_state=1).fit(RowStream(X))) != encoder_of(first)


def test_what_is_known_of_the_units_is_the_mean_over_the_stream():
    found = vae(max_iter=30).fit(RowStream(X))
    posterior = found.encoder_.run(X)
    z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]
    kl = 0.5 * (np.exp(z_log_var) + z_mean**2 - 1 - z_log_var)
    assert_allclose(found.kl_per_unit_, kl.mean(axis=0), rtol=1e-4)
    assert_array_equal(found.active_units_, z_mean.var(axis=0) > 0.01)


def test_columns_of_files_name_the_features(tmp_path):
    names = list("abcdef")
    for i, part in enumerate(np.array_split(X, 3)):
        pd.DataFrame(part, columns=names).to_parquet(tmp_path / f"{i}.parquet")
    found = vae().fit(RowStream(tmp_path))
    assert found.feature_names_in_.tolist() == names
    assert found.n_features_in_ == 6


def test_samples_of_a_stream_are_held_out_for_early_stopping():
    found = vae(early_stopping=True, max_iter=4).fit(RowStream(X))
    assert len(found.history_["val_loss"]) == 4


def test_a_warm_start_takes_streams():
    estimator = vae(warm_start=True).fit(RowStream(X))
    assert estimator.fit(RowStream(X)).n_iter_ == 6
    with pytest.raises(ValueError, match="expecting 6 features"):
        estimator.fit(RowStream(X[:, :5]))


def test_what_a_likelihood_refuses_is_refused_in_a_stream():
    with pytest.raises(ValueError, match=r"X must lie in \[0, 1\]"):
        vae(likelihood="bernoulli").fit(RowStream(X))
    with pytest.raises(ValueError, match="observed is for arrays"):
        vae().fit(RowStream(X), observed=np.ones(X.shape, bool))


def test_constant_features_of_a_stream_are_reported():
    rows = X.copy()
    rows[:, 3] = 2.0
    with pytest.warns(UserWarning, match="1 of 6 features are constant"):
        vae().fit(RowStream(rows))


# --- checkpoints ---


class Killed(Exception):
    pass


class Killer(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            raise Killed


@pytest.mark.parametrize("source", [X, RowStream(X)], ids=["array", "stream"])
def test_a_killed_fit_goes_on_to_the_bytes_of_an_uninterrupted_one(source, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    with pytest.raises(Killed):
        vae(max_iter=4, callbacks=[Killer()]).fit(source, checkpoint=tmp_path)
    expected = vae(max_iter=4).fit(source)
    found = vae(max_iter=4).fit(source, checkpoint=tmp_path)
    assert encoder_of(found) == encoder_of(expected)
    assert found.history_ == expected.history_


def test_a_checkpoint_keeps_seeds_that_were_drawn(tmp_path):
    first = vae(random_state=None).fit(X, checkpoint=tmp_path)
    assert encoder_of(vae(random_state=None).fit(X, checkpoint=tmp_path)) == encoder_of(first)


@pytest.mark.parametrize(
    ("params", "rows", "message"),
    [
        ({"max_iter": 5}, X, "holds a training with max_iter=3, got max_iter=5"),
        ({"random_state": 1}, X, "random_state=0, got random_state=1"),
        ({}, X[:500], "holds a training with data="),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(params, rows, message, tmp_path):
    vae().fit(X, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=message):
        vae(**params).fit(rows, checkpoint=tmp_path)


def test_a_warm_start_takes_no_checkpoint(tmp_path):
    estimator = vae(warm_start=True).fit(X)
    with pytest.raises(ValueError, match="set warm_start=False"):
        estimator.fit(X, checkpoint=tmp_path)
