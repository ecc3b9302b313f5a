import numpy as np
from numpy.testing import assert_array_equal

from vaefeat import SamplesDisplay


def test_samples_match_those_of_the_estimator(vae):
    display = SamplesDisplay.from_estimator(vae, n_rows=2, n_columns=3, random_state=5)
    assert_array_equal(display.images.reshape(6, 64), vae.sample(6, random_state=5))


def test_of_a_classifier_there_is_a_row_for_each_class_with_the_same_draws(m2):
    display = SamplesDisplay.from_estimator(m2, n_columns=3, random_state=0)
    assert display.images.shape == (10, 3, 64)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == [str(c) for c in range(10)]
    again = SamplesDisplay.from_estimator(m2, n_columns=3, random_state=0)
    assert_array_equal(display.images, again.images)
    assert np.ptp(display.images, axis=1).max() > 0
