import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from vaefeat import GaussianNoise, ImageWarp, MaskingNoise, SaltAndPepperNoise, SwapNoise
from vaefeat.values import corruptions

SHAPE = (9, 12)
NOTHING = {
    "rotation": 0.0,
    "scale": 0.0,
    "shear": 0.0,
    "shift": 0.0,
    "elastic": 0.0,
    "thickness": 0.0,
}
IMAGES = np.random.default_rng(0).uniform(size=(200, *SHAPE)).astype(np.float32)


def warp(images, seed=0, shape=SHAPE, **strengths):
    corruption = ImageWarp(**{**NOTHING, **strengths})
    flat = corruption(tf.constant(images.reshape(len(images), -1)), tf.constant([1, seed]), shape)
    return flat.numpy().reshape(images.shape)


def blob(shape=(41, 41), at=(20, 20), width=2.0):
    r, c = np.indices(shape)
    return np.exp(-((r - at[0]) ** 2 + (c - at[1]) ** 2) / (2 * width**2)).astype(np.float32)


def centers(images):
    return np.array([ndimage.center_of_mass(image) for image in images])


def test_an_image_is_unchanged_if_all_strengths_are_zero():
    assert_allclose(warp(IMAGES), IMAGES, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "strengths", [{"rotation": 20.0}, {"elastic": 0.05}, {"thickness": 1.0}, {"flip": True}]
)
def test_the_seed_determines_the_distortions(strengths):
    few = IMAGES[:20]
    first, again, other = (warp(few, seed, **strengths) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first, few)


def test_equal_images_of_a_batch_are_distorted_differently():
    images = np.repeat(IMAGES[:1], 50, axis=0)
    assert len(np.unique(warp(images, rotation=20.0).round(4), axis=0)) == 50


def test_gray_values_stay_within_their_original_range():
    found = warp(IMAGES, rotation=20.0, scale=0.2, shear=0.4, shift=0.1, elastic=0.05, thickness=1.0)
    assert found.min() >= -1e-6
    assert found.max() <= 1 + 1e-6


def test_shifts_are_uniform_up_to_the_share_of_the_side():
    images = np.repeat(blob()[None], 500, axis=0)
    moved = centers(warp(images, shape=(41, 41), shift=0.1)) - 20
    assert np.abs(moved).max() <= 0.1 * 40 + 0.1
    assert_allclose(moved.mean(axis=0), 0, atol=0.3)
    assert_allclose(moved.std(axis=0), 0.1 * 40 / np.sqrt(3), rtol=0.1)


def test_rotations_are_up_to_the_angle_and_about_the_centre():
    images = np.repeat(blob(at=(20, 32))[None], 500, axis=0)
    row, column = (centers(warp(images, shape=(41, 41), rotation=20.0)) - 20).T
    assert_allclose(np.hypot(row, column), 12, atol=0.1)
    angles = np.rad2deg(np.arctan2(row, column))
    assert 18 < np.abs(angles).max() <= 20.1


def test_scaling_is_up_to_the_share_along_each_axis():
    images = np.repeat(blob(at=(26, 32))[None], 500, axis=0)
    row, column = (centers(warp(images, shape=(41, 41), scale=0.2)) - 20).T
    for found, distance in ((row, 6), (column, 12)):
        assert distance / 1.21 <= found.min()
        assert found.max() <= distance * 1.21
        assert found.max() / found.min() > 1.3
    assert abs(np.corrcoef(row, column)[0, 1]) < 0.15


def test_a_shear_slants_columns_and_leaves_the_middle_row():
    images = np.stack([blob(at=(20, 20)), blob(at=(30, 20))] * 100)
    found = centers(warp(images, shape=(41, 41), shear=0.4)) - 20
    assert_allclose(found[::2], 0, atol=0.05)
    assert_allclose(found[1::2, 0], 10, atol=0.05)
    assert 0.9 * 4 < np.abs(found[1::2, 1]).max() <= 4.05


def test_elastic_displacements_have_the_size_asked_for():
    images = np.repeat(blob(width=1.5)[None], 500, axis=0)
    moved = centers(warp(images, shape=(41, 41), elastic=0.02)) - 20
    basis = corruptions._basis((41, 41))[3:, 20 * 41 + 20]
    assert_allclose(moved.std(axis=0), 0.02 * 40 * np.sqrt(np.sum(basis**2)), rtol=0.25)


def test_thickness_dilates_some_and_erodes_others_and_keeps_the_place():
    stroke = np.zeros((21, 21), np.float32)
    stroke[8:13, 4:17] = 1
    found = warp(np.repeat(stroke[None], 300, axis=0), shape=(21, 21), thickness=1.0)
    areas = found.sum(axis=(1, 2))
    assert 7 * 15 * 0.97 < areas.max() <= 7 * 15
    assert 4 * 12 <= areas.min() < 4 * 12 * 1.03
    assert 0.35 < np.mean(areas > stroke.sum()) < 0.65


def test_dilation_and_erosion_match_scipy():
    images = tf.constant(IMAGES[:5])
    dilated = corruptions._maximum(corruptions._maximum(images, 1, (-1, 0, 1)), 2, (-1, 0, 1)).numpy()
    expected = ndimage.grey_dilation(IMAGES[:5], size=(1, 3, 3), mode="nearest")
    assert_array_equal(dilated, expected)


def test_every_other_image_is_flipped():
    found = warp(IMAGES, flip=True)
    flipped = [np.allclose(a, b[:, ::-1], atol=1e-5) for a, b in zip(found, IMAGES, strict=True)]
    kept = [np.allclose(a, b, atol=1e-5) for a, b in zip(found, IMAGES, strict=True)]
    assert sum(flipped) + sum(kept) == 200
    assert 70 < sum(flipped) < 130


def test_channels_are_distorted_alike():
    gray = warp(IMAGES, thickness=1.0, rotation=20.0, elastic=0.05, flip=True)
    color = warp(
        np.stack([IMAGES, 0.5 * IMAGES, 1 - IMAGES], axis=-1),
        shape=(*SHAPE, 3),
        thickness=1.0,
        rotation=20.0,
        elastic=0.05,
        flip=True,
    )
    assert_allclose(color[..., 0], gray, atol=1e-6)
    assert_allclose(color[..., 1], 0.5 * gray, atol=1e-6)
    assert np.abs(color[..., 2] - gray).max() > 0.1


def test_it_works_within_a_compiled_function():
    corruption = ImageWarp()
    x, seed = tf.constant(IMAGES.reshape(200, -1)), tf.constant([1, 2])
    compiled = tf.function(lambda x, seed: corruption(x, seed, SHAPE), jit_compile=True, autograph=False)
    assert_allclose(compiled(x, seed), corruption(x, seed, SHAPE), atol=1e-5)


def test_a_rotation_keeps_distances_where_the_sides_differ():
    image = blob((21, 41), at=(10, 10), width=1.0)
    for angle in (5.0, 60.0):
        images = np.repeat(image[None], 50, axis=0)
        row, column = (centers(warp(images, shape=(21, 41), rotation=angle)) - [10, 20]).T
        inside = (np.abs(row) < 7) & (np.abs(column) < 17)  # what is cut off has another center
        assert inside.sum() > 10
        assert_allclose(np.hypot(row, column)[inside], 10, atol=0.1)


def test_gaussian_noise_has_the_standard_deviation_asked_for_and_depends_on_the_seed_alone():
    x = tf.fill((2_000, 5), 3.0)
    first, again, other = (GaussianNoise(0.5)(x, tf.constant([1, i])).numpy() for i in (2, 2, 4))
    assert_allclose([first.mean(), first.std()], [3.0, 0.5], atol=0.02)
    assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize("scale", [-0.1, np.nan, np.inf])
def test_an_invalid_scale_is_refused(scale):
    with pytest.raises(ValueError, match="scale must be finite and not negative"):
        GaussianNoise(scale)


def test_masking_sets_the_share_asked_for_to_zero_and_depends_on_the_seed_alone():
    x = tf.fill((2_000, 5), 3.0)
    first, again, other = (MaskingNoise(0.2)(x, tf.constant([1, i])).numpy() for i in (2, 2, 4))
    assert set(np.unique(first)) == {0.0, 3.0}
    assert_allclose(np.mean(first == 0), 0.2, atol=0.02)
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_salt_and_pepper_set_half_of_the_share_to_one_and_half_to_zero():
    x = tf.fill((2_000, 5), 0.5)
    first, again, other = (SaltAndPepperNoise(0.3)(x, tf.constant([1, i])).numpy() for i in (2, 2, 4))
    shares = [np.mean(first == value) for value in (0.0, 0.5, 1.0)]
    assert_allclose(shares, [0.15, 0.7, 0.15], atol=0.02)
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_swap_noise_takes_the_share_asked_for_from_other_rows_and_depends_on_the_seed_alone():
    x = np.arange(10_000, dtype=np.float32).reshape(2_000, 5)  # each value occurs once
    first, again, other = (SwapNoise(0.2)(tf.constant(x), tf.constant([1, i])).numpy() for i in (2, 2, 4))
    assert_allclose(np.mean(first != x), 0.2, atol=0.02)  # a row would not be swapped with itself
    assert_array_equal(first % 5, x % 5)  # a value stays in its column
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_swapped_values_come_from_all_other_rows_alike_and_each_from_its_own():
    x = tf.constant(np.repeat(np.arange(4, dtype=np.float32)[:, None], 6_000, axis=1))
    found = SwapNoise(1.0)(x, tf.constant([1, 2])).numpy()
    shares = np.stack([np.mean(found == row, axis=1) for row in range(4)], axis=1)
    assert_allclose(shares, (1 - np.eye(4)) / 3, atol=0.03)
    assert np.mean(found[0] == found[1]) < 0.5


def test_a_batch_of_one_row_has_nothing_to_swap_with():
    x = tf.constant([[1.0, 2.0]])
    assert_array_equal(SwapNoise(1.0)(x, tf.constant([1, 2])), x)


@pytest.mark.parametrize("noise", [MaskingNoise, SaltAndPepperNoise, SwapNoise])
@pytest.mark.parametrize("share", [-0.1, 1.1, np.nan])
def test_an_invalid_share_is_refused(noise, share):
    with pytest.raises(ValueError, match=r"share must lie in \[0, 1\], got"):
        noise(share)
