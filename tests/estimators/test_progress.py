import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vaefeat import VAEEncoderTransformer
from vaefeat.estimators._progress import Steps

X = np.random.default_rng(0).normal(size=(40, 3))


def pipeline():
    vae = VAEEncoderTransformer(2, hidden_layer_sizes=(4,), max_iter=3, random_state=0)
    return make_pipeline(StandardScaler(), vae)


def test_a_training_within_a_step_is_told_by_its_epochs():
    told = []
    steps = Steps(lambda *what: told.append(what))
    steps("vae", 1, 4)
    fitted = steps.fit(pipeline(), X)
    assert told == [("vae", 1, 4), *((f"vae: epoch {i} of 3", 1 + i / 4, 4) for i in (1, 2, 3))]
    assert fitted[-1].callbacks == ()


@pytest.mark.parametrize("show", [None, lambda *what: None])
def test_what_has_no_epochs_is_fitted_too(show):
    assert Steps(show).fit(PCA(2), X).transform(X).shape == (40, 2)


def test_callbacks_are_restored_if_a_training_fails():
    unfitted = pipeline().set_params(vaeencodertransformer__n_components=-1)
    with pytest.raises(ValueError, match="n_components"):
        Steps(lambda *what: None).fit(unfitted, X)
    assert unfitted[-1].callbacks == ()
