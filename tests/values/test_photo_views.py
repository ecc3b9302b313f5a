import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vaefeat import PhotoViews

SHAPE = (6, 8, 3)
NOTHING = {
    "smallest_crop": 1.0,
    "flip": False,
    "brightness": 0.0,
    "contrast": 0.0,
    "saturation": 0.0,
    "hue": 0.0,
    "grayscale_share": 0.0,
}
IMAGES = np.random.default_rng(0).uniform(0.3, 0.6, size=(200, *SHAPE)).astype(np.float32)
GRAY = IMAGES[..., 0]


def view(images, seed=0, **strengths):
    views = PhotoViews(**NOTHING | {"jitter_share": 1.0} | strengths)
    flat = tf.constant(images.reshape(len(images), -1))
    return views(flat, tf.constant([1, seed]), images.shape[1:]).numpy().reshape(images.shape)


def gradient(n_rows=32, n_columns=48):
    """Return an image whose channels are the row and the column of each pixel, as shares of the sides."""
    rows, columns = np.indices((n_rows, n_columns)) + 0.5
    return np.stack([rows / n_rows, columns / n_columns, 0 * rows], axis=-1).astype(np.float32)


@pytest.mark.parametrize("images", [IMAGES, GRAY, IMAGES[..., :1]], ids=["color", "gray", "one channel"])
def test_an_image_is_unchanged_if_all_strengths_are_zero(images):
    assert_allclose(view(images), images, atol=1e-6)


def test_the_seed_determines_the_views():
    first, again, other = (PhotoViews()(IMAGES.reshape(200, -1), [1, seed], SHAPE) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_equal_images_of_a_batch_are_seen_differently():
    images = np.repeat(IMAGES[:1], 50, axis=0)
    assert len(np.unique(view(images, brightness=0.4), axis=0)) == 50


def test_crops_show_a_part_of_the_image_and_as_much_as_asked_for():
    found = view(np.repeat(gradient()[None], 400, axis=0), smallest_crop=0.25)
    top, bottom = found[:, 2, 0, 0], found[:, -3, 0, 0]  # pixels at the very edge are cut off
    left, right = found[:, 0, 2, 1], found[:, 0, -3, 1]
    height, width = (bottom - top) * 32 / 27, (right - left) * 48 / 43
    area = height * width
    assert 0.24 < area.min() < 0.3
    assert area.max() > 0.9
    assert_allclose(np.mean(area), (1 + 0.25) / 2, atol=0.05)
    assert (height / width).max() <= 4 / 3 * 1.02
    assert (height / width).min() >= 3 / 4 * 0.98
    assert_allclose([np.mean(top + bottom), np.mean(left + right)], 1, atol=0.03)  # in the middle on average


def test_a_crop_is_interpolated_linearly():
    found = view(np.repeat(gradient()[None], 20, axis=0), smallest_crop=0.25)
    steps = np.diff(found[:, 3:-3, 0, 0], axis=1)
    assert_allclose(steps, np.repeat(steps[:, :1], steps.shape[1], axis=1), atol=1e-5)


def test_every_other_image_is_mirrored():
    found = view(IMAGES, flip=True)
    mirrored = [np.allclose(a, b[:, ::-1], atol=1e-5) for a, b in zip(found, IMAGES, strict=True)]
    kept = [np.allclose(a, b, atol=1e-5) for a, b in zip(found, IMAGES, strict=True)]
    assert sum(mirrored) + sum(kept) == 200
    assert 70 < sum(mirrored) < 130


@pytest.mark.parametrize("images", [IMAGES, GRAY], ids=["color", "gray"])
def test_brightness_is_a_factor_drawn_uniformly(images):
    factors = (view(images, brightness=0.4) / images).reshape(200, -1)
    assert_allclose(factors, np.repeat(factors[:, :1], factors.shape[1], axis=1), rtol=1e-4)
    assert 0.6 - 1e-4 <= factors.min() < 0.65
    assert 1.35 < factors.max() <= 1.4 + 1e-4


@pytest.mark.parametrize("images", [IMAGES, GRAY], ids=["color", "gray"])
def test_contrast_keeps_the_mean_brightness(images):
    found = view(images, contrast=0.4)
    luma = np.array([0.299, 0.587, 0.114]) if images.ndim == 4 else np.ones(1)
    before, after = ((each.reshape(200, -1, len(luma)) @ luma).mean(axis=1) for each in (images, found))
    assert_allclose(after, before, atol=1e-5)
    ratio = found.reshape(200, -1).std(axis=1) / images.reshape(200, -1).std(axis=1)
    assert 0.55 < ratio.min() < 0.7
    assert 1.3 < ratio.max() < 1.45


def test_saturation_keeps_the_brightness_of_each_pixel():
    luma = np.array([0.299, 0.587, 0.114])
    found = view(IMAGES, saturation=0.4)
    assert_allclose(found @ luma, IMAGES @ luma, atol=1e-5)
    assert not np.allclose(found, IMAGES, atol=0.01)


def test_hue_turns_colors_around_gray():
    found = view(IMAGES, hue=0.5)
    assert_allclose(found.sum(axis=-1), IMAGES.sum(axis=-1), atol=1e-5)
    distances = [np.square(each - each.mean(axis=-1, keepdims=True)).sum(axis=-1) for each in (found, IMAGES)]
    assert_allclose(distances[0], distances[1], atol=1e-5)
    assert not np.allclose(found, IMAGES, atol=0.05)


def test_half_a_turn_of_the_hue_is_the_opposite_color():
    red = np.tile(np.float32([0.8, 0.2, 0.2]), (1_000, 1, 1, 1))
    found = view(red, hue=0.5)
    farthest = found[np.argmin(found[:, 0, 0, 0]), 0, 0]
    assert_allclose(farthest, [0.0, 0.6, 0.6], atol=0.01)


def test_some_images_turn_gray_and_some_keep_their_colors():
    gray = np.ptp(view(IMAGES, grayscale_share=0.2), axis=-1).max(axis=(1, 2)) < 1e-5
    assert 0.1 < gray.mean() < 0.3
    kept = np.isclose(view(IMAGES, brightness=0.4, jitter_share=0.7), IMAGES, atol=1e-6).all(axis=(1, 2, 3))
    assert 0.2 < kept.mean() < 0.4


def test_pixels_stay_between_zero_and_one():
    found = PhotoViews(brightness=1.0, contrast=1.0)(IMAGES.reshape(200, -1), [1, 2], SHAPE).numpy()
    assert found.min() >= 0
    assert found.max() == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"smallest_crop": 0.0}, r"smallest_crop must lie in \(0, 1\], got 0.0"),
        ({"smallest_crop": float("nan")}, "smallest_crop"),
        ({"brightness": -0.1}, r"brightness must lie in \[0, 1\], got -0.1"),
        ({"hue": 0.6}, r"hue must lie in \[0, 0.5\], got 0.6"),
        ({"grayscale_share": 2}, "grayscale_share"),
    ],
)
def test_impossible_strengths_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        PhotoViews(**parameters)
