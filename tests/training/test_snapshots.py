import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from vaefeat import ReconstructionSnapshots, VAEEncoderTransformer


def fit(vae, X, snapshots, **params):
    return clone(vae).set_params(callbacks=[snapshots], **params).fit(X)


def kept(estimator):
    return estimator.callbacks[0]  # clone() has copied it


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_last_snapshot_is_what_the_estimator_reconstructs(likelihood, vae, digits):
    X, _ = digits
    fitted = fit(vae, X, ReconstructionSnapshots(X[:5]), likelihood=likelihood)
    assert kept(fitted).epochs_ == [0, 1, 2]
    assert_allclose(kept(fitted).reconstructions_[-1], fitted.reconstruct(X[:5]), atol=1e-5)
    assert np.abs(kept(fitted).reconstructions_[0] - kept(fitted).reconstructions_[1]).max() > 1e-3


def test_epochs_may_be_chosen(vae, digits):
    X, _ = digits
    fitted = fit(vae, X, ReconstructionSnapshots(X[:5], epochs=[3, 1]), max_iter=4)
    assert kept(fitted).epochs_ == [1, 3]
    assert len(kept(fitted).reconstructions_) == 2


def test_by_default_they_are_round():
    from vaefeat.training.snapshots import _is_round

    assert [epoch for epoch in range(1001) if _is_round(epoch)] == [
        *(0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
    ]


def test_watching_changes_nothing(vae, digits):
    X, _ = digits
    assert fit(vae, X, ReconstructionSnapshots(X[:5])).loss_curve_ == clone(vae).fit(X).loss_curve_


def test_another_training_forgets_the_last_one(digits):
    X, _ = digits
    snapshots = ReconstructionSnapshots(X[:5])
    vae = VAEEncoderTransformer(2, hidden_layer_sizes=(8,), max_iter=1, callbacks=[snapshots], random_state=0)
    vae.fit(X).fit(X)
    assert snapshots.epochs_ == [0, 1]


def test_an_estimator_that_holds_snapshots_unpickles_where_there_is_no_tensorflow(
    vae, digits, tmp_path, run_fresh
):
    X, _ = digits
    joblib.dump(fit(vae, X, ReconstructionSnapshots(X[:5])), tmp_path / "vae.joblib")
    script = f"""
        import joblib
        vae = joblib.load({str(tmp_path / "vae.joblib")!r})
        print(len(vae.callbacks[0].reconstructions_))
    """
    assert run_fresh(script, absent=["tensorflow", "keras"]) == "3"
