import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from vaefeat import OnnxEncoderTransformer, mask_labels
from vaefeat.recipes import make_m1_m2_pipeline


@pytest.mark.slow
def test_m1_m2_beats_m1_with_few_labels():
    X, y = load_digits(return_X_y=True)
    few = mask_labels(y, 30, random_state=0)
    encoder = OnnxEncoderTransformer("exported/digits-image-vae/model.onnx")
    m1_m2 = make_m1_m2_pipeline(encoder, random_state=0, max_iter=40).fit(X / 16, few)
    labeled = few != -1
    m1 = LogisticRegression(max_iter=5_000).fit(encoder.fit_transform(X / 16)[labeled], few[labeled])
    assert m1_m2.score(X / 16, y) > m1.score(encoder.transform(X / 16), y) + 0.02


def test_m1_m2_drops_inactive_latent_units():
    means = np.random.default_rng(0).normal(size=(60, 4)) * [1.0, 0.05, 0.5, 0.0]
    y = np.where(means[:, 0] > 0, 1, 0)
    y[::2] = -1
    pipe = make_m1_m2_pipeline(FunctionTransformer(), random_state=0, max_iter=20, batch_size=20)
    assert pipe.fit(means, y)[-1].n_features_in_ == 2
