import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vaefeat.training.patches import PATCH_SIZE, THRESHOLD, PatchResponses, _contrast

SHAPE = (10, 13, 3)
X = np.random.default_rng(0).uniform(size=(60, 10 * 13 * 3)).astype(np.float32)


def responses(n_patches=4, seed=0, X=X, shape=SHAPE):
    layer = PatchResponses(n_patches, shape, seed, "patch_responses")
    layer.start_from(X)
    return layer, np.asarray(layer(X))


def test_responses_of_both_signs_are_averaged_over_quarters_and_standardized():
    _, found = responses()
    assert found.shape == (60, 2 * 4 * 4)
    assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    assert_allclose(found.std(axis=0), 1, atol=1e-4)


def test_the_responses_are_those_of_the_equation():
    layer, found = responses()
    image = X[0].reshape(SHAPE)
    windows = np.lib.stride_tricks.sliding_window_view(image, (PATCH_SIZE, PATCH_SIZE), axis=(0, 1))[::2, ::2]
    patches = windows.transpose(0, 1, 3, 4, 2).reshape(3, 4, -1)
    patches = patches - patches.mean(axis=-1, keepdims=True)
    contrast = np.asarray(_contrast(image[None]))[0]
    signed = patches / contrast @ layer.kernel.numpy().reshape(-1, 4) + layer.bias.numpy()  # (3, 4, 4)
    both = np.maximum(np.concatenate([signed, -signed], axis=-1) - THRESHOLD, 0)
    quarters = [
        both[r, c].mean(axis=(0, 1)) for r in (slice(2), slice(2, 3)) for c in (slice(2), slice(2, 4))
    ]
    expected = (np.concatenate(quarters) - layer.mean.numpy()) * layer.scale.numpy()
    assert_allclose(found[0], expected, atol=1e-3)


def test_whitened_patches_respond_alike_to_all_directions():
    noise = np.random.default_rng(0).normal(size=(500, 16 * 16))
    smooth = np.cumsum(noise.reshape(-1, 16, 16), axis=2).reshape(500, -1).astype(np.float32)
    layer, _ = responses(100, X=smooth, shape=(16, 16, 1))
    images = layer._images(smooth)
    signed = keras.ops.conv(images, layer.kernel, 2, "valid") / _contrast(images) + layer.bias
    spread = np.reshape(signed, (-1, 100)).std(axis=0)
    assert spread.max() < 2 * spread.min()


@pytest.mark.parametrize("change", [lambda X: 2 * X, lambda X: X + 0.5], ids=["contrast", "brightness"])
def test_the_brightness_and_contrast_of_an_image_hardly_matter(change):
    layer, found = responses()
    assert np.corrcoef(np.ravel(layer(change(X))), found.ravel())[0, 1] > 0.95


def test_the_seed_determines_the_patches():
    first, again, other = (responses(seed=seed)[1] for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_images_all_alike_and_fewer_images_than_patches_give_finite_responses():
    _, found = responses(n_patches=50, X=np.zeros((3, X.shape[1]), np.float32))
    assert np.isfinite(found).all()
