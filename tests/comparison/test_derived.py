import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from vaefeat import VAEEncoderTransformer, compare
from vaefeat.comparison import HiddenLayer
from vaefeat.data.samples import Samples

X = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)


class Counting(VAEEncoderTransformer):
    """Counts how often it is trained."""

    n_fits = []

    def fit(self, X, y=None):
        Counting.n_fits.append(len(X))
        return super().fit(X, y)


def encoder():
    Counting.n_fits.clear()
    return make_pipeline(StandardScaler(), Counting(2, hidden_layer_sizes=(4,), max_iter=1, random_state=0))


@pytest.mark.slow
@pytest.mark.parametrize("of_quantities", [True, False])
def test_the_hidden_layer_of_another_extractor_is_not_trained_again(of_quantities):
    y = X[:, 0].astype(float) if of_quantities else X[:, 0] > 0
    task = "regression" if of_quantities else "classification"
    result = compare(
        Samples("rows", X, y, task=task).split(),
        extractors={
            "raw": FunctionTransformer(),
            "hidden": HiddenLayer("vae"),
            "beside": HiddenLayer("vae", with_input=True),
            "vae": encoder(),
        },
        n_labeled=[40],
        n_draws=2,
    )
    assert Counting.n_fits == [80]
    assert {row["extractor"]: row["n_features"] for row in result.rows} == {
        **{"raw": 3, "hidden": 4, "beside": 7, "vae": 2},
    }
    metric = "r2" if of_quantities else "accuracy"
    assert min(row[metric] for row in result.rows if row["extractor"] == "raw") > 0.7
    assert "Counting(" in result.rows[2]["extractor_params"]


def test_features_of_the_hidden_layer_are_those_of_the_encoder():
    fitted = encoder().fit(X)
    scaled, hidden = fitted[0].transform(X), HiddenLayer("vae").from_fitted(fitted)
    assert fitted[-1].output == "z_mean"
    beside = HiddenLayer("vae", with_input=True).from_fitted(fitted)
    assert_allclose(beside.transform(X), np.hstack([scaled, hidden.transform(X)]), rtol=1e-6)
