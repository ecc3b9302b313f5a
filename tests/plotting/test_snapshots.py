import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from vaefeat import AutoencoderTransformer, ReconstructionSnapshots, VAEEncoderTransformer
from vaefeat.plotting._snapshots import _is_round


def fit(vae, X, snapshots, **params):
    return clone(vae).set_params(callbacks=[snapshots], **params).fit(X)


def kept(estimator):
    return estimator.callbacks[0]  # clone() has copied it


@pytest.fixture(scope="module")
def watched(vae, digits):
    return fit(vae, digits[0], ReconstructionSnapshots(digits[0][:5]))


def check_snapshots(fitted, X):
    assert kept(fitted).epochs_ == [0, 1, 2]
    assert_allclose(kept(fitted).reconstructions_[-1], fitted.reconstruct(X[:5]), atol=1e-5)
    assert np.abs(kept(fitted).reconstructions_[0] - kept(fitted).reconstructions_[1]).max() > 1e-3


def test_the_last_snapshot_is_what_the_estimator_reconstructs(watched, digits):
    check_snapshots(watched, digits[0])


def test_so_it_is_with_a_gaussian_likelihood(vae, digits):
    X, _ = digits
    check_snapshots(fit(vae, X, ReconstructionSnapshots(X[:5]), likelihood="gaussian"), X)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_so_it_is_with_an_autoencoder(digits, loss):
    X, _ = digits
    autoencoder = AutoencoderTransformer(4, hidden_layer_sizes=(16,), loss=loss, max_iter=2, random_state=0)
    check_snapshots(fit(autoencoder, X, ReconstructionSnapshots(X[:5])), X)


def test_watching_changes_nothing(watched, vae):
    assert watched.loss_curve_ == vae.loss_curve_


def test_epochs_may_be_chosen_and_another_training_forgets_the_last_one(digits):
    X, _ = digits
    snapshots = ReconstructionSnapshots(X[:5], epochs=[3, 1])
    vae = VAEEncoderTransformer(2, hidden_layer_sizes=(8,), max_iter=4, callbacks=[snapshots], random_state=0)
    vae.fit(X)
    first = snapshots.reconstructions_
    assert vae.fit(X[::-1]) is vae
    assert snapshots.epochs_ == [1, 3]
    assert len(first) == len(snapshots.reconstructions_) == 2
    assert np.abs(first[0] - snapshots.reconstructions_[0]).max() > 0


def test_by_default_epochs_are_round():
    assert [epoch for epoch in range(1001) if _is_round(epoch)] == [
        *(0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
    ]


def test_its_repr_is_the_same_in_every_process():
    assert (
        repr(ReconstructionSnapshots(np.eye(3), [2, 1]))
        == "ReconstructionSnapshots(3 samples, epochs=[1, 2])"
    )


def test_an_estimator_that_holds_snapshots_unpickles_where_there_is_no_tensorflow(
    watched, tmp_path, run_fresh
):
    joblib.dump(watched, tmp_path / "vae.joblib")
    script = f"""
        import joblib
        vae = joblib.load({str(tmp_path / "vae.joblib")!r})
        print(len(vae.callbacks[0].reconstructions_))
    """
    assert run_fresh(script, absent=["tensorflow", "keras"]) == "3"
