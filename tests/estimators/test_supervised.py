import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from vaefeat import SupervisedEncoderTransformer, VAEEncoderTransformer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype(np.float32)
Y = np.array(["low", "mid", "high"])[np.digitize(X[:, 0], [-0.5, 0.5])]


def tiny(**params):
    return SupervisedEncoderTransformer(
        **{"n_components": 2, "hidden_layer_sizes": (8,), "n_steps": 100, "random_state": 0} | params
    )


def test_it_learns_features_that_separate_the_classes():
    trained = make_pipeline(tiny(n_steps=300), LogisticRegression()).fit(X, Y)
    untrained = make_pipeline(tiny(n_steps=1), LogisticRegression()).fit(X, Y)
    assert trained.score(X, Y) > 0.9
    assert trained.score(X, Y) > untrained.score(X, Y)


def test_it_reads_the_labels_and_the_vae_does_not():
    shuffled = RNG.permutation(Y)
    assert not np.array_equal(tiny().fit(X, Y).transform(X), tiny().fit(X, shuffled).transform(X))
    vae = VAEEncoderTransformer(2, hidden_layer_sizes=(8,), max_iter=1, random_state=0)
    assert_array_equal(vae.fit(X, Y).transform(X), vae.fit(X, shuffled).transform(X))


@pytest.mark.parametrize(("batch_size", "n_epochs"), [(100, 100), (30, 34)])
def test_steps_are_rounded_up_to_whole_passes(batch_size, n_epochs):
    assert tiny(batch_size=batch_size).fit(X, Y).n_iter_ == n_epochs


def test_labels_are_required_and_must_be_classes():
    with pytest.raises(ValueError, match="requires y to be passed"):
        tiny().fit(X, None)
    with pytest.raises(ValueError, match="Unknown label type"):
        tiny().fit(X, X[:, 0])
