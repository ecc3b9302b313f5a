"""What a model must offer to be trained, exported, and monitored."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vaefeat.values.likelihoods import MIN_SHARE, START_SHARE, Likelihood

# Adam moves a weight by its learning rate at each step, however steep the loss: at 0.001 it would take
# thousands of steps to find a dispersion.
LEVEL_RATE = 10.0
LOWEST_LEVEL = float(np.log(MIN_SHARE / START_SHARE))

Batch = tuple[tf.Tensor, ...]
Losses = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Network:
    """A part of a model that becomes an ONNX graph: a function of one float32 matrix.

    Parameters
    ----------
    function : callable
        From a tensor of shape (n_samples, n_inputs) to a dict of tensors that includes those to export.
    n_inputs : int
    input_name : str
    output_names : tuple of str
        The tensors to export, in the order of the graph.
    rows : callable, optional
        From training rows (n_samples, n_features) to rows for which network and graph must agree,
        (n_samples, n_inputs). By default rows drawn from the standard normal distribution.
    """

    function: Callable[[tf.Tensor], dict[str, tf.Tensor]]
    n_inputs: int
    input_name: str
    output_names: tuple[str, ...]
    rows: Callable[[np.ndarray], np.ndarray] | None = None

    def outputs(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the outputs that are exported, by name."""
        values = self.function(x)
        return {name: values[name] for name in self.output_names}


class TrainableModel(keras.Model, ABC):
    """A model that :class:`vaefeat.training.loop.Trainer` can train."""

    @property
    @abstractmethod
    def loss_names(self) -> tuple[str, ...]:
        """The recorded keys of ``example_losses``; "objective" is minimized if there is one, else "loss"."""

    @property
    def fast_in_xla(self) -> bool:
        """Whether training is worth compiling."""
        return True

    @property
    def structure(self) -> Hashable | None:
        """All that the graph of ``example_losses`` depends on; None if it holds data."""
        return None

    @abstractmethod
    def example_losses(self, batch: Batch, seed: tf.Tensor) -> Losses:
        """Return the losses of each example, (batch,), by their names.

        Parameters
        ----------
        batch : tuple of tensors of shape (batch, ...)
        seed : tensor of two integers
            Determines all that is drawn.
        """

    @abstractmethod
    def networks(self) -> Mapping[str, Network]:
        """Return what is exported, by the name of its role."""

    def start_from(self, X: np.ndarray) -> None:
        """Set initial weights that suit the training data ``X``, (n_samples, n_features)."""

    def noise_variance(self) -> np.ndarray | None:
        """Return the dispersion of each feature, (n_features,), float32; None if there is none."""
        return None


class GenerativeModel(TrainableModel):
    """A model whose decoder gives the location of a likelihood of the features."""

    likelihood: Likelihood
    dispersion: "Dispersion"
    config: Any

    def noise_variance(self) -> np.ndarray | None:
        log_dispersion = self.dispersion.value()
        if log_dispersion is None:
            return None
        return np.exp(keras.ops.convert_to_numpy(log_dispersion))

    @abstractmethod
    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """Return the mean of the decoded latent means of ``x``, (batch, n_features)."""

    def decoder_network(
        self, locate: Callable[[tf.Tensor], tf.Tensor], n_inputs: int, input_name: str
    ) -> Network:
        """Return the mean of p(x|z) as a network, and, where it differs, the location."""
        likelihood = self.likelihood

        def decode(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            location = locate(rows)
            return {"x_mean": likelihood.mean(location), likelihood.location_output: location}

        names = dict.fromkeys(("x_mean", likelihood.location_output))
        return Network(decode, n_inputs, input_name, tuple(names))


class Dispersion(keras.layers.Layer):
    """The dispersion of a likelihood, and the share of it that is learned; without any, no weight.

    Parameters
    ----------
    likelihood : Likelihood
    n_features : int
    """

    def __init__(self, likelihood: Likelihood, n_features: int) -> None:
        super().__init__(name=likelihood.name)
        self._likelihood = likelihood
        self.base: Any = None
        self.level: Any = None
        initial = likelihood.base_log_dispersion(n_features)
        if initial is not None:
            # The default initializer would draw from a global generator.
            self.base = self.add_weight(initial.shape, "zeros", trainable=False, name="base_log_dispersion")
            self.base.assign(initial)
        if n_levels := likelihood.n_levels(n_features):
            self.level = self.add_weight((n_levels,), "zeros", name="log_dispersion")
        self.built = True

    def start_from(self, X: np.ndarray) -> None:
        """Take the dispersion of each feature around its mean in ``X``, (n_samples, n_features)."""
        if self.base is not None:
            self.base.assign(self._likelihood.base_log_dispersion(X.shape[1], X))

    def value(self) -> tf.Tensor | None:
        """Return the logarithm of the dispersion of each feature, (n_features,), or None."""
        if self.level is None:
            return self.base
        levels = keras.ops.maximum(LEVEL_RATE * self.level, LOWEST_LEVEL)
        return self.base + self._likelihood.spread(levels, self.base.shape[0])

    def saturated(self) -> np.ndarray:
        """Return which features have the least dispersion that can be learned, (n_features,), bool.

        None if all features share one.
        """
        n_features = 0 if self.base is None else self.base.shape[0]
        if self.level is None:
            return np.zeros(n_features, bool)
        is_least = keras.ops.convert_to_numpy(LEVEL_RATE * self.level) <= LOWEST_LEVEL
        found = np.broadcast_to(self._likelihood.spread(1.0 * is_least, n_features) == 1, n_features)
        return found & (len(is_least) > 1 or not found.all())
