import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from vaefeat.plotting._images import ImageGridDisplay, choose, image_shape_of, tile

IMAGES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)  # two rows of three images of 2 x 2


def test_a_shape_is_as_given_or_the_estimator_s_or_that_of_a_square(vae):
    assert image_shape_of(vae, 64) == (8, 8, 1)
    shaped = clone(vae).set_params(image_shape=(4, 16))
    assert image_shape_of(shaped, 64) == (4, 16, 1)
    assert image_shape_of(shaped, 64, (16, 4)) == (16, 4, 1)


def test_without_a_square_a_shape_is_asked_for():
    with pytest.raises(ValueError, match="560 features are not a square gray image: pass image_shape"):
        image_shape_of(None, 560)


def test_images_stand_side_by_side_with_gaps_between_them():
    picture = tile(IMAGES, (2, 2, 1))
    assert picture.shape == (5, 8, 1)
    picture = picture[..., 0]
    assert_array_equal(picture[:2, :2], [[0, 1], [2, 3]])
    assert_array_equal(picture[3:, 6:], [[20, 21], [22, 23]])
    assert np.isnan(picture[2]).all()
    assert np.isnan(picture[:, [2, 5]]).all()


def test_the_first_samples_are_chosen_or_the_first_of_each_class():
    X = np.arange(10).reshape(5, 2)
    shown, names = choose(X, None, 3)
    assert_array_equal(shown, X[:3])
    assert names == []
    shown, names = choose(X, ["b", "b", "a", "c", "a"], 2)
    assert_array_equal(shown, X[[2, 0]])
    assert names == ["a", "b"]


def test_classes_of_another_number_are_refused():
    with pytest.raises(ValueError, match="Got 5 samples and 4 classes"):
        choose(np.eye(5), np.arange(4), 3)


def test_pixels_are_black_to_white_from_0_to_1_or_over_their_range():
    assert ImageGridDisplay(IMAGES / 48, image_shape=(2, 2)).plot().image_.get_clim() == (0, 1)
    assert ImageGridDisplay(IMAGES - 9, image_shape=(2, 2)).plot().image_.get_clim() == (-9, 14)


def test_color_images_are_drawn_in_color_and_the_gaps_between_them_are_transparent():
    images = np.arange(36, dtype=np.float32).reshape(1, 3, 12) / 35
    drawn = ImageGridDisplay(images, image_shape=(2, 2, 3)).plot().image_.get_array()
    assert drawn.shape == (2, 8, 4)
    assert_array_equal(drawn[0, 0], [*images[0, 0, :3], 1])
    assert_array_equal(drawn[:, [2, 5], 3], 0)
    spread = ImageGridDisplay(70 * images - 35, image_shape=(2, 2, 3)).plot().image_.get_array()
    assert_allclose(spread, drawn, atol=1e-6)


def test_images_of_two_channels_are_refused():
    with pytest.raises(ValueError, match="Images of 2 channels cannot be drawn"):
        ImageGridDisplay(IMAGES, image_shape=(2, 1, 2)).plot()


def test_rows_and_columns_are_named_at_their_middle():
    ax = ImageGridDisplay(IMAGES, image_shape=(2, 2), rows=["r", "s"], columns=["a", "b", "c"]).plot().ax_
    assert [label.get_text() for label in ax.get_yticklabels()] == ["r", "s"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert ax.get_xticks().tolist() == [0.5, 3.5, 6.5]
