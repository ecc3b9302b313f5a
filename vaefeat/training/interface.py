"""What a model must offer to be trained, exported, and monitored."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vaefeat.values.likelihoods import Likelihood

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
        """The keys of ``example_losses``; "loss" is minimized, the others are recorded."""

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
        return np.broadcast_to(np.exp(log_dispersion.numpy()), self.config.encoder.n_inputs).copy()

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
    """The dispersion of a likelihood as a weight, learned or fixed; without any, no weight.

    Parameters
    ----------
    likelihood : Likelihood
    n_features : int
    """

    def __init__(self, likelihood: Likelihood, n_features: int) -> None:
        super().__init__(name=likelihood.name)
        self._likelihood = likelihood
        self.log_dispersion: Any = None
        initial = likelihood.initial_log_dispersion(n_features)
        if initial is not None:
            self.log_dispersion = self.add_weight(
                shape=initial.shape,
                initializer="zeros",  # the default would draw from a global generator
                trainable=likelihood.learns_dispersion,
                name="log_dispersion",
            )
            self.log_dispersion.assign(initial)
        self.built = True

    def start_from(self, X: np.ndarray) -> None:
        """Take the dispersion of each feature around its mean in ``X``, (n_samples, n_features)."""
        if self._likelihood.learns_dispersion:
            self.log_dispersion.assign(self._likelihood.start_log_dispersion(X))

    def value(self) -> tf.Tensor | None:
        """Return the logarithm of the dispersion within its bounds, or None."""
        return None if self.log_dispersion is None else self._likelihood.bounded(self.log_dispersion)
