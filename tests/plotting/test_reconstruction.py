import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from vaefeat import AnalogyDisplay, ReconstructionDisplay, ReconstructionSnapshots


def column_names(display):
    return [label.get_text() for label in display.ax_.get_xticklabels()]


def test_inputs_stand_above_their_reconstructions(vae, digits):
    X, _ = digits
    display = ReconstructionDisplay.from_estimator(vae, X, n_samples=4)
    assert_array_equal(display.images, [X[:4], vae.reconstruct(X[:4])])
    assert column_names(display) == []


def test_with_classes_there_is_one_of_each(vae, digits):
    X, y = digits
    display = ReconstructionDisplay.from_estimator(vae, X, y)
    assert_array_equal(display.images[0], [X[y == label][0] for label in range(10)])
    assert column_names(display) == [str(label) for label in range(10)]


def test_samples_may_be_a_data_frame(vae, digits):
    frame = pd.DataFrame(digits[0][:100]).add_prefix("pixel")
    display = ReconstructionDisplay.from_estimator(clone(vae).fit(frame), frame)
    assert_array_equal(display.images[0], digits[0][:10])


def test_a_classifier_reconstructs_too(m2, digits):
    display = ReconstructionDisplay.from_estimator(m2, digits[0])
    assert_array_equal(display.images[1], m2.reconstruct(digits[0][:10]))


def test_over_training_each_sample_is_a_row(vae, digits):
    X, _ = digits
    snapshots = ReconstructionSnapshots(X[:3])
    fitted = clone(vae).set_params(callbacks=[snapshots], max_iter=2).fit(X)
    display = ReconstructionDisplay.from_snapshots(fitted.callbacks[0])
    assert column_names(display) == ["input", "0", "1", "2"]
    assert_array_equal(display.images[:, 0], X[:3])
    assert display.images.shape == (3, 4, 64)


def test_without_snapshots_there_is_nothing_to_show(digits):
    with pytest.raises(ValueError, match=r"fit an estimator with callbacks=\[snapshots\] first"):
        ReconstructionDisplay.from_snapshots(ReconstructionSnapshots(digits[0][:3]))


@pytest.mark.parametrize("with_y", [True, False])
def test_analogies_are_the_samples_as_every_class(with_y, m2, digits):
    X, y = digits
    display = AnalogyDisplay.from_estimator(m2, X, y if with_y else None, n_samples=3)
    shown = np.array([X[y == label][0] for label in range(3)]) if with_y else X[:3]
    assert_array_equal(display.images[:, 0], shown)
    assert_array_equal(display.images[:, 8], m2.reconstruct(shown, [7, 7, 7]))
    assert column_names(display) == ["input", *map(str, range(10))]
