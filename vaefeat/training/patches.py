"""A first layer that is not trained: how much each part of an image looks like patches of other images."""

import math
from collections.abc import Callable
from itertools import count
from typing import Any

import keras
import numpy as np

from vaefeat.training.directions import discriminants, principal_components

Corrupt = Callable[[Any, Any], Any]  # of a batch and a seed of two integers

PATCH_SIZE, STRIDE = 6, 2  # pixels
N_POOLS = 2  # along each side: responses are averaged over each quarter of the image
NEIGHBORHOOD = 7  # pixels, whose mean is subtracted before contrast is measured
LEAST_VARIANCE = (10 / 255) ** 2  # contrast below its root is noise
RIDGE = 0.1  # added to the variances of directions before whitening
THRESHOLD = 0.25  # of a response, whose standard deviation is near 1
N_SAMPLED_PATCHES = 50_000
N_TOGETHER = 2**22  # responses that are computed together: larger arrays cost more for each value


class PatchResponses(keras.layers.Layer):
    r"""Responses of an image to whitened patches of training images, averaged over each quarter of the image.

    A patch p of the image, less its mean and divided by the contrast around it, responds to each of
    ``n_patches`` others, :math:`p_k`, by how far the two are alike, or the opposite of each other:

    .. math:: (\max(0, r_k - t), \max(0, -r_k - t)), \quad r_k = w_k^T W (p - m),
        \quad w_k = W (p_k - m) / \|W (p_k - m)\|

    where W whitens patches and m is their mean.

    Parameters
    ----------
    n_patches : int
    image_shape : (rows, columns, channels)
    seed : int
        Determines which patches.

    References
    ----------
    Coates & Ng (2011), "The Importance of Encoding Versus Training with Sparse Coding and Vector
    Quantization".
    Jarrett et al. (2009), "What is the Best Multi-Stage Architecture for Object Recognition?", for the
    local contrast.
    """

    def __init__(self, n_patches: int, image_shape: tuple[int, int, int], seed: int, name: str) -> None:
        super().__init__(trainable=False, name=name)
        self.image_shape = image_shape
        n_channels = image_shape[2]
        n_responses = 2 * n_patches * N_POOLS**2

        def weight(shape: tuple[int, ...], value: float, name: str) -> Any:
            initializer = keras.initializers.Constant(value)
            return self.add_weight(shape, initializer, trainable=False, name=name)

        # A weight, since models of the same kind exchange their weights.
        self.seed = self.add_weight(
            (), keras.initializers.Constant(seed), "int32", trainable=False, name="seed"
        )
        self.kernel = weight((PATCH_SIZE, PATCH_SIZE, n_channels, n_patches), 0.0, "kernel")
        self.bias = weight((n_patches,), 0.0, "bias")
        self.mean = weight((n_responses,), 0.0, "mean")
        self.scale = weight((n_responses,), 1.0, "scale")
        self.built = True

    def call(self, X: Any) -> Any:
        """Return the standardized responses of images, (batch, n_pixels), as (batch, n_responses)."""
        return (self._responses(X) - self.mean) * self.scale

    def start_from(self, X: np.ndarray) -> None:
        """Draw the patches from images, (n_samples, n_pixels), and standardize their responses."""
        rng = np.random.default_rng(int(self.seed.numpy()))
        kernel, bias = _whitened(self._draw_patches(X, rng), self.kernel.shape[-1], rng)
        self.kernel.assign(kernel.reshape(self.kernel.shape))
        self.bias.assign(bias)
        responses = self.in_batches(self._responses, X)
        self.mean.assign(responses.mean(axis=0))
        self.scale.assign(1 / np.maximum(responses.std(axis=0), 1e-6))

    def _draw_patches(self, X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return random patches, less their means and divided by the contrast around them, as rows."""
        images = X.reshape(-1, *self.image_shape)
        windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH_SIZE, PATCH_SIZE), axis=(1, 2))
        windows = windows[:, ::STRIDE, ::STRIDE]
        places = tuple(rng.integers(0, n, N_SAMPLED_PATCHES) for n in windows.shape[:3])
        patches = windows[places].transpose(0, 2, 3, 1).reshape(N_SAMPLED_PATCHES, -1)
        contrast = self.in_batches(lambda part: _contrast(self._images(part)), X)
        return (patches - patches.mean(axis=1, keepdims=True)) / contrast[places]

    def _images(self, X: Any) -> Any:
        """Return images with mean 0, (batch, rows, columns, channels)."""
        images = keras.ops.reshape(X, (-1, *self.image_shape))
        return images - keras.ops.mean(images, axis=(1, 2, 3), keepdims=True)

    def _responses(self, X: Any) -> Any:
        images = self._images(X)
        signed = keras.ops.conv(images, self.kernel, STRIDE, "valid") / _contrast(images)
        alike = keras.ops.relu(signed + (self.bias - THRESHOLD))
        opposite = keras.ops.relu(-signed - (self.bias + THRESHOLD))
        pooled = keras.ops.concatenate([_pooled(alike), _pooled(opposite)], axis=-1)
        return keras.ops.reshape(pooled, (-1, self.mean.shape[0]))

    def in_batches(self, function: Callable[[np.ndarray], Any], X: np.ndarray) -> np.ndarray:
        """Return what a function of images makes of them, a few at a time."""
        n_places = math.prod((side - PATCH_SIZE) // STRIDE + 1 for side in self.image_shape[:2])
        n = max(1, N_TOGETHER // (n_places * self.kernel.shape[-1]))
        parts = [function(X[i : i + n]) for i in range(0, len(X), n)]
        return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])


def start_from_patches(
    patches: PatchResponses, layer: keras.layers.Dense, X: np.ndarray, corrupt: Corrupt | None
) -> None:
    """Draw the patches from images, and let the layer after them give the directions of their responses.

    These are the directions in which images differ most, compared with two of what ``corrupt`` makes of an
    image, if it is given. Where there are fewer than the layer has units, the other units are 0.
    """
    patches.start_from(X)
    responses = patches.in_batches(patches, X)
    n = layer.units if corrupt is None else 2 * layer.units
    directions = principal_components(responses, n)
    if corrupt is not None:
        first, second = (_views(patches, X, corrupt, start) @ directions for start in (0, len(X)))
        directions = directions @ discriminants(first, second, layer.units)
    directions /= np.std(responses @ directions)
    kernel = np.zeros(layer.kernel.shape, np.float32)
    kernel[:, : directions.shape[1]] = directions
    layer.kernel.assign(kernel)


def _views(patches: PatchResponses, X: np.ndarray, corrupt: Corrupt, first_seed: int) -> np.ndarray:
    seeds = count(first_seed)
    return patches.in_batches(lambda part: patches(corrupt(part, np.array([0, next(seeds)], np.int32))), X)


def _contrast(images: Any) -> Any:
    """Return the contrast around each patch, (batch, rows, columns, 1).

    It is the standard deviation of pixels in the patch from the means around them: of the patch from its own
    mean it would lose digits, as the difference of two large numbers.
    """
    gray = keras.ops.mean(images, axis=-1, keepdims=True)
    detail = images - keras.ops.average_pool(gray, NEIGHBORHOOD, 1, "same")
    power = keras.ops.mean(keras.ops.square(detail), axis=-1, keepdims=True)
    return keras.ops.sqrt(keras.ops.average_pool(power, PATCH_SIZE, STRIDE, "valid") + LEAST_VARIANCE)


def _pooled(responses: Any) -> Any:
    """Return the mean over each quarter, (batch, N_POOLS, N_POOLS, n_patches)."""
    sides = tuple(-(-side // N_POOLS) for side in responses.shape[1:3])
    return keras.ops.average_pool(responses, sides, sides, "same")


def _whitened(patches: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the linear map from a patch to its responses, (n_values, n), and the offset, (n,)."""
    mean = patches.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov((patches - mean).T))
    whitener = directions / np.sqrt(variances + RIDGE) @ directions.T
    chosen = (patches[rng.permutation(len(patches))[:n]] - mean) @ whitener
    kernel = whitener @ (chosen / np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-6)).T
    return kernel - kernel.mean(axis=0), -mean @ kernel  # a patch's own mean makes no difference
