import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from vaefeat import ManifoldDisplay


def test_the_grid_goes_over_the_prior_s_quantiles_from_below_left(vae_2):
    display = ManifoldDisplay.from_estimator(vae_2, n_steps=3)
    quartile = 0.6744897501960817
    expected = vae_2.inverse_transform([[-quartile, quartile], [0, 0], [quartile, -quartile]])
    assert_allclose(display.images[[0, 1, 2], [0, 1, 2]], expected, atol=1e-6)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("unit 0", "unit 1")
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["-0.7", "", "0.7"]
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["0.7", "", "-0.7"]


def test_the_two_most_informative_units_span_it_and_the_title_says_so(vae):
    display = ManifoldDisplay.from_estimator(vae, n_steps=3)
    across, up = sorted(np.argsort(-vae.kl_per_unit_)[:2])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == (f"unit {across}", f"unit {up}")
    assert display.ax_.get_title().endswith("other units 0")
    z = np.zeros((1, 4))
    z[0, across] = 0.6744897501960817
    assert_allclose(display.images[1, 2], vae.inverse_transform(z)[0], atol=1e-6)


def test_one_unit_is_no_map(vae, digits):
    one = clone(vae).set_params(n_components=1).fit(digits[0])
    with pytest.raises(ValueError, match="two units at least, got an estimator with n_components=1"):
        ManifoldDisplay.from_estimator(one)
