"""Seeded randomness of a training step: noise, binarization, corruption, classes."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from vaefeat.values.corruptions import Corruption


def stateless_noise(shape: Any, seed: tf.Tensor) -> tf.Tensor:
    """Draw standard normal noise determined only by ``seed``, two integers."""
    return tf.random.stateless_normal(shape, seed, alg="philox")


def binarize(x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draw each value of ``x`` as 0 or 1, with the value as the probability of 1."""
    threshold = tf.random.stateless_uniform(tf.shape(x), seed, alg="philox")
    return tf.cast(threshold < x, x.dtype)


def corrupt(
    corruption: Corruption | None, x: tf.Tensor, seed: tf.Tensor, image_shape: Sequence[int] | None
) -> tf.Tensor:
    """Return ``x`` as the encoder sees it in training."""
    return x if corruption is None else corruption(x, seed, image_shape)


def draw_class(log_prob: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draw a class from each row of ``log_prob``, (batch, n_classes), by the Gumbel-max trick."""
    uniform = tf.random.stateless_uniform(tf.shape(log_prob), seed, 1e-6, 1.0, alg="philox")
    return tf.argmax(log_prob - tf.math.log(-tf.math.log(uniform)), axis=-1, output_type=tf.int32)
