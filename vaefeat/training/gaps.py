"""A denoising autoencoder of rows with gaps, which corrects a normal distribution."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from vaefeat.training.interface import Batch, Losses, Network, TrainableModel
from vaefeat.training.networks import NetworkConfig, build_decoder
from vaefeat.values.normal import fit_normal

SHARES = 0.1, 0.6  # least and largest share of the observed values that are hidden from a row in training
N_ITERATIONS = 12  # of conjugate gradients: twice as many change nothing on tables
CONVERGED = 1e-12  # share of the squared residual from which on steps are rounding errors
TINY = 1e-30


@dataclass(frozen=True, kw_only=True)
class GapConfig:
    """All that defines the autoencoder, except its seed and the moments of the data."""

    n_features: int
    hidden_layer_sizes: tuple[int, ...]

    @property
    def network(self) -> NetworkConfig:
        """The network, from completed rows and their gaps to a correction of each value."""
        return NetworkConfig(
            n_inputs=2 * self.n_features,
            n_outputs=self.n_features,
            hidden_layer_sizes=self.hidden_layer_sizes,
        )


class GapAutoencoder(TrainableModel):
    r"""The conditional mean of missing values: that of a normal distribution, plus what a network learns.

    Each time a row is seen in training, a random share of its observed values is hidden. The loss is the
    squared error of what is put in their place, in variances of the features:

    .. math:: L = \frac 1 d \sum_{j \in hidden} (x_j - \bar x_j - f_j(\bar x, o))^2

    where o tells the values that are seen, and :math:`\bar x` has the conditional means of the others. The
    network f starts from 0.
    """

    def __init__(self, config: GapConfig, seed: int) -> None:
        super().__init__(name="gap_autoencoder")
        self.config = config
        self.network = build_decoder(config.network, seed)
        d = config.n_features
        self.center = self._constant("center", (d,))
        self.scale = self._constant("scale", (d,))
        self.unit = self._constant("unit", (d,))
        self.precision = self._constant("precision", (d, d))
        self.forget()
        self.built = True

    def _constant(self, name: str, shape: tuple[int, ...]) -> keras.Variable:
        return self.add_weight(shape, "zeros", trainable=False, name=name)

    @property
    def loss_names(self) -> tuple[str, ...]:
        return "loss", "normal"

    @property
    def structure(self) -> Hashable:
        return self.config

    def start_from(self, X: np.ndarray) -> None:
        """Take the moments of rows with gaps, (n_samples, n_features), NaN where a value is missing.

        In units of ``unit``, the precision has ones on its diagonal, which speeds conjugate gradients up.
        """
        center, scale = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        mean, covariance = fit_normal((X - center) / scale)
        precision = np.linalg.inv(covariance)
        unit = 1 / np.sqrt(np.diag(precision))
        self.center.assign(center + mean * scale)
        self.scale.assign(scale)
        self.unit.assign(unit)
        self.precision.assign(precision * unit * unit[:, None])

    def forget(self) -> None:
        """Let the network add nothing to the normal distribution."""
        last = self.network.layers[-1]
        last.kernel.assign(tf.zeros_like(last.kernel))
        last.bias.assign(tf.zeros_like(last.bias))

    def networks(self) -> Mapping[str, Network]:
        d = self.config.n_features

        def impute(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            x, observed = rows[:, :d], tf.cast(rows[:, d:] > 0.5, tf.float32)
            z = (x - self.center) / self.scale
            return {"imputed": self._completed(z, observed)[1] * self.scale + self.center}

        def rows(X: np.ndarray) -> np.ndarray:
            every_other = (np.arange(d) + np.arange(len(X))[:, None]) % 2
            return np.hstack([X[:, :d], X[:, d:] * every_other], dtype=np.float32)

        return {"imputer": Network(impute, 2 * d, "X", ("imputed",), rows=rows)}

    def example_losses(self, batch: Batch, seed: tf.Tensor) -> Losses:
        """Return the squared errors of hidden values, by the whole and by the normal distribution alone.

        ``batch`` holds rows with any finite numbers in their gaps, (batch, n_features), and 1 where a value
        was observed, else 0.
        """
        x, observed = batch
        share = tf.random.stateless_uniform((tf.shape(x)[0], 1), seed, *SHARES, alg="philox")
        is_hidden = tf.random.stateless_uniform(tf.shape(x), seed + 1, alg="philox") < share
        hidden = observed * tf.cast(is_hidden, x.dtype)
        z = (x - self.center) / self.scale
        normal, imputed = self._completed(z, observed - hidden)
        return {
            "loss": tf.reduce_mean(hidden * tf.square(z - imputed), axis=-1),
            "normal": tf.reduce_mean(hidden * tf.square(z - normal), axis=-1),
        }

    def _completed(self, z: tf.Tensor, observed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return rows of standardized features completed by the normal distribution, and by the whole."""
        normal = conditional_mean(z * observed / self.unit, observed, self.precision) * self.unit
        correction = self.network(tf.concat([normal, 1 - observed], axis=-1))
        return normal, normal + (1 - observed) * correction


def conditional_mean(x: tf.Tensor, observed: tf.Tensor, precision: tf.Tensor) -> tf.Tensor:
    """Return rows with the conditional means of a centered normal distribution in their gaps.

    They minimize x^T precision x, which conjugate gradients do within d steps, and nearly within a few.

    Parameters
    ----------
    x : tensor of shape (batch, d)
        0 in gaps.
    observed : tensor of shape (batch, d)
        1 where a value is observed, else 0.
    precision : tensor of shape (d, d)
    """
    missing = 1 - observed
    residual = -missing * tf.matmul(x, precision)
    direction, norm = residual, _squared_norm(residual)
    least = CONVERGED * norm
    for _ in range(N_ITERATIONS):
        image = missing * tf.matmul(direction, precision)
        curvature = tf.reduce_sum(direction * image, axis=-1, keepdims=True)
        step = tf.where(norm > least, norm / tf.maximum(curvature, TINY), 0.0)
        x, residual = x + step * direction, residual - step * image
        last, norm = norm, _squared_norm(residual)
        direction = residual + norm / tf.maximum(last, TINY) * direction
    return x


def _squared_norm(rows: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.square(rows), axis=-1, keepdims=True)
