"""Features in [0, 1]: what a hair outside, and truly outside, becomes in the estimator and in its file."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from vaefeat import AutoencoderOutlierDetector, OnnxModel, VAEEncoderTransformer, export_onnx

X = np.random.default_rng(0).normal(size=(80, 4))


def vae():
    return VAEEncoderTransformer(
        2, hidden_layer_sizes=(8,), likelihood="bernoulli", max_iter=2, random_state=0
    )


def test_rows_that_rounding_puts_a_hair_outside_are_accepted():
    rows = MinMaxScaler().fit_transform(X)
    scores = vae().fit(rows).score_samples(rows)
    a_hair_off = rows * (1 + 5e-7) - 2e-7
    assert_allclose(vae().fit(a_hair_off).score_samples(a_hair_off), scores, atol=1e-3)


def test_training_rows_outside_are_refused_with_advice():
    with pytest.raises(ValueError, match=r"got \[0, 2\]. Put MinMaxScaler\(clip=True\) before this step"):
        vae().fit(np.vstack([np.zeros((3, 4)), np.full((3, 4), 2.0)]))


def test_outliers_have_finite_scores_that_are_low_in_the_estimator_and_in_the_file(tmp_path):
    detector = AutoencoderOutlierDetector(make_pipeline(MinMaxScaler(), vae())).fit(X)
    far = X + 100
    assert np.isfinite(detector.decision_function(far)).all()
    assert (detector.predict(far) == -1).all()
    file = OnnxModel.load(export_onnx(detector, tmp_path / "detector.onnx", X=X)).run(far)
    assert_allclose(file["scores"][:, 0], detector.decision_function(far), rtol=1e-4)


@pytest.mark.slow
def test_a_search_by_the_score_over_a_scaler_to_01_has_finite_scores():
    pipe = make_pipeline(MinMaxScaler(), vae())
    search = GridSearchCV(pipe, {"vaeencodertransformer__n_components": [1, 2]}, cv=3).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
