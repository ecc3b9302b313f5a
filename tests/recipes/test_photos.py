import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from vaefeat import GaussianNoise, PhotoViews
from vaefeat.recipes import photo_encoder


@pytest.mark.slow
def test_the_hidden_layer_separates_classes_and_the_latents_fewer_of_them(digits):
    X, y = digits
    encoder = photo_encoder((8, 8), 8, n_patches=100, n_steps=30, random_state=0).fit(X)
    hidden, z_mean = encoder.transform(X), encoder.set_params(output="z_mean").transform(X)
    assert (hidden.shape[1], z_mean.shape[1]) == (512, 8)
    for features, least in ((hidden, 0.9), (z_mean, 0.5)):
        classifier = LogisticRegression(max_iter=1_000).fit(features[::2], y[::2])
        assert classifier.score(features[1::2], y[1::2]) > least


def test_color_is_another_channel_and_parameters_replace_those_of_the_recipe():
    X = np.random.default_rng(0).uniform(size=(20, 12 * 12 * 3))
    encoder = photo_encoder((12, 12, 3), n_patches=5, hidden_layer_sizes=(7,), max_iter=0, random_state=0)
    assert encoder.corruption == PhotoViews()
    assert encoder.fit_transform(X).shape == (20, 7)
    noise = GaussianNoise(0.1)
    assert photo_encoder((12, 12, 3), corruption=noise).corruption is noise
