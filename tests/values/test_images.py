import numpy as np
import pytest

from vaefeat.values.images import check_is_flat, drawn_shape, full_shape, shape_text


def test_a_shape_without_channels_has_one():
    assert full_shape((28, 20)) == (28, 20, 1)
    assert full_shape([np.int64(4), 5, 3], 60) == (4, 5, 3)


@pytest.mark.parametrize("shape", [(8,), (8, 0), (8, 8.0), (2, 2, 3, 1), "ab"])
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected positive integers: \(rows, columns\), or"):
        full_shape(shape)


def test_a_shape_that_does_not_fit_the_features_is_refused():
    with pytest.raises(ValueError, match=r"image_shape=\(2, 2, 3\) does not fit 4 features: it has 12"):
        full_shape((2, 2, 3), 4)


def test_only_gray_and_color_can_be_drawn():
    assert drawn_shape((2, 2)) == (2, 2, 1)
    with pytest.raises(ValueError, match="Images of 4 channels cannot be drawn, expected 1"):
        drawn_shape((2, 2, 4))


def test_shapes_are_written_with_a_cross():
    assert shape_text((32, 32, 3)) == "32x32x3"


def test_images_that_are_not_flattened_are_refused():
    check_is_flat(np.zeros((2, 4)))
    check_is_flat([[1.0]])
    with pytest.raises(ValueError, match=r"X.reshape\(len\(X\), -1\), and .* image_shape=\(2, 2, 3\)"):
        check_is_flat(np.zeros((5, 2, 2, 3)))
