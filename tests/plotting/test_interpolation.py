from copy import copy

import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from vaefeat import InterpolationDisplay


def test_a_path_leads_from_one_sample_to_another_through_their_reconstructions(vae, digits):
    X, _ = digits
    display = InterpolationDisplay.from_estimator(vae, X[:2], X[2:4], n_steps=5)
    images = display.images
    assert images.shape == (2, 7, 64)
    assert_array_equal(images[:, 0], X[:2])
    assert_array_equal(images[:, -1], X[2:4])
    assert_allclose(images[:, 1], vae.reconstruct(X[:2]), atol=1e-6)
    assert_allclose(images[:, 5], vae.reconstruct(X[2:4]), atol=1e-6)
    middle = (vae.transform(X[:2]) + vae.transform(X[2:4])) / 2
    assert_allclose(images[:, 3], vae.inverse_transform(middle), atol=1e-6)


def test_two_estimators_stand_side_by_side_under_their_titles(vae, vae_2, digits):
    X, _ = digits
    figure, axes = plt.subplots(1, 2)
    for estimator, title, ax in zip([vae, vae_2], ["four units", "two units"], axes, strict=True):
        InterpolationDisplay.from_estimator(estimator, X[:2], X[2:4], title=title, ax=ax)
    assert [ax.get_title() for ax in figure.axes] == ["four units", "two units"]


def test_the_latent_means_are_interpolated_whatever_the_output_is(vae, digits):
    X, _ = digits
    hidden = clone(vae).set_params(output="hidden").fit(X)
    of_hidden = InterpolationDisplay.from_estimator(hidden, X[:1], X[1:2]).images
    assert_allclose(of_hidden, InterpolationDisplay.from_estimator(vae, X[:1], X[1:2]).images, atol=1e-6)


def test_a_plain_autoencoder_s_codes_are_interpolated_whatever_its_output_is(autoencoder, digits):
    X, _ = digits
    of_code = InterpolationDisplay.from_estimator(autoencoder, X[:1], X[1:2]).images
    assert_allclose(of_code[:, 1], autoencoder.reconstruct(X[:1]), atol=1e-6)
    cleaner = copy(autoencoder).set_params(output="reconstruction")
    assert_array_equal(InterpolationDisplay.from_estimator(cleaner, X[:1], X[1:2]).images, of_code)


def test_as_many_ends_as_starts_are_needed(vae, digits):
    with pytest.raises(ValueError, match="Got 2 starts and 3 ends"):
        InterpolationDisplay.from_estimator(vae, digits[0][:2], digits[0][:3])
