"""Networks for tables that learn without labels, from tasks that they set themselves.

Each is a perceptron of three hidden layers that sees rows in which some values come from other rows, and
learns from them what the row was like. Its features are all three layers, side by side.
"""

from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans

from vaefeat import SwapNoise

WIDTH, DEPTH = 256, 3
BATCH_SIZE, N_STEPS = 128, 1_000
SHARE_SWAPPED = 0.25
N_BINS = 8
N_CLUSTERINGS, N_CLUSTERS = 30, 10


class SelfSupervisedNetwork(TransformerMixin, BaseEstimator):
    """A perceptron that learns a task made from the rows themselves.

    Parameters
    ----------
    task : {"denoising", "masks", "bins", "clusters"}
        What it predicts from a row with swapped values: the row; the row and which values were swapped
        (VIME); the bin of each feature; or clusters of the rows by random subsets of the features (as in
        STUNT).
    n_steps : int
    random_state : int
    """

    def __init__(self, task: str, n_steps: int = N_STEPS, random_state: int = 0) -> None:
        self.task = task
        self.n_steps = n_steps
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        keras.utils.set_random_seed(self.random_state)
        X = np.asarray(X, np.float32)
        targets, sizes = self._targets(X)
        self.trunk_ = _perceptron(X.shape[1])
        head = keras.layers.Dense(sum(sizes) or (2 if self.task == "masks" else 1) * X.shape[1])
        head.build((None, WIDTH))
        step = self._step(head, sizes)
        rng = np.random.default_rng(self.random_state)
        for i in range(self.n_steps):
            rows = rng.integers(len(X), size=min(BATCH_SIZE, len(X)))
            step(tf.constant(X[rows]), tf.constant(targets[rows]), tf.constant([i, self.random_state]))
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        layers = self.trunk_(tf.constant(np.asarray(X, np.float32)))
        return np.concatenate([layer.numpy() for layer in layers], axis=1)

    def _targets(self, X: np.ndarray) -> tuple[np.ndarray, list[int]]:
        """Return the classes to predict for each row, (n_rows, n_targets), and their numbers."""
        if self.task == "bins":
            return _bins(X)
        if self.task == "clusters":
            return _clusters(X, self.random_state)
        return np.zeros((len(X), 0), np.int32), []

    def _step(self, head: keras.layers.Layer, sizes: list[int]) -> Any:
        weights = [*self.trunk_.trainable_variables, *head.trainable_variables]
        n_warm = self.n_steps // 10
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, self.n_steps - n_warm, warmup_target=1e-3, warmup_steps=n_warm
        )
        optimizer = keras.optimizers.AdamW(rate, weight_decay=1e-4)
        optimizer.build(weights)
        swap = SwapNoise(SHARE_SWAPPED)

        @tf.function
        def step(x: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor) -> None:
            with tf.GradientTape() as tape:
                swapped = swap(x, seed)
                loss = _loss(head(self.trunk_(swapped)[-1]), x, swapped, targets, sizes)
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

        return step


def _loss(outputs: tf.Tensor, x: tf.Tensor, swapped: tf.Tensor, targets: tf.Tensor, sizes: list[int]) -> Any:
    if sizes:
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
        logits = tf.split(outputs, sizes, axis=1)
        return tf.add_n([tf.reduce_mean(cross_entropy(targets[:, j], each)) for j, each in enumerate(logits)])
    decoded, *masks = tf.split(outputs, outputs.shape[1] // x.shape[1], axis=1)
    loss = tf.reduce_mean(tf.reduce_sum(tf.square(decoded - x), axis=1))
    for logits in masks:
        is_swapped = tf.cast(swapped != x, tf.float32)
        entropies = tf.nn.sigmoid_cross_entropy_with_logits(is_swapped, logits)
        loss += 2 * tf.reduce_mean(tf.reduce_sum(entropies, axis=1))
    return loss


def _perceptron(n_features: int) -> keras.Model:
    hidden = inputs = keras.Input((n_features,))
    layers = []
    for _ in range(DEPTH):
        hidden = keras.layers.Dense(WIDTH, "relu", kernel_initializer="he_normal")(hidden)
        layers.append(hidden)
    return keras.Model(inputs, layers)


def _bins(X: np.ndarray) -> tuple[np.ndarray, list[int]]:
    edges = [np.unique(np.quantile(x, np.linspace(0, 1, N_BINS + 1)[1:-1])) for x in X.T]
    bins = [np.searchsorted(each, x, side="right") for each, x in zip(edges, X.T, strict=True)]
    return np.stack(bins, axis=1).astype(np.int32), [len(each) + 1 for each in edges]


def _clusters(X: np.ndarray, random_state: int) -> tuple[np.ndarray, list[int]]:
    rng = np.random.default_rng(random_state)
    n_features = X.shape[1]
    clusters = []
    for seed in range(N_CLUSTERINGS):
        chosen = rng.choice(n_features, max(1, round(n_features * rng.uniform(0.2, 0.6))), replace=False)
        sampled = X[rng.permutation(len(X))[:1_500]][:, chosen]
        k_means = KMeans(N_CLUSTERS, n_init=1, max_iter=30, random_state=seed).fit(sampled)
        clusters.append(k_means.predict(X[:, chosen]))
    return np.stack(clusters, axis=1).astype(np.int32), [N_CLUSTERS] * N_CLUSTERINGS
