"""Multilayer perceptrons as Keras models, built from a frozen description and a seed."""

from dataclasses import dataclass, replace
from itertools import count

import keras

ACTIVATIONS = {"identity": "linear", "relu": "relu", "softplus": "softplus", "tanh": "tanh"}
KERNEL_INITIALIZERS = {
    "glorot_uniform": keras.initializers.GlorotUniform,
    "he_normal": keras.initializers.HeNormal,
    "lecun_normal": keras.initializers.LecunNormal,
}


@dataclass(frozen=True)
class NetworkConfig:
    """A multilayer perceptron between ``n_inputs`` and ``n_outputs``.

    ``hidden_layer_sizes=()``        is n_inputs -> n_outputs;
    ``hidden_layer_sizes=(64,)``     is n_inputs -> 64 -> n_outputs;
    ``hidden_layer_sizes=(64, 32)``  is n_inputs -> 64 -> 32 -> n_outputs.
    """

    n_inputs: int
    n_outputs: int
    hidden_layer_sizes: tuple[int, ...] = (500, 500)
    activation: str = "relu"
    kernel_initializer: str = "glorot_uniform"

    def mirrored(self) -> "NetworkConfig":
        """Return the same network read from its outputs to its inputs: the decoder of an encoder."""
        return replace(
            self,
            n_inputs=self.n_outputs,
            n_outputs=self.n_inputs,
            hidden_layer_sizes=self.hidden_layer_sizes[::-1],
        )


class _Dense:
    """Factory of dense layers: each takes the next seed, so no global generator is touched."""

    def __init__(self, config: NetworkConfig, seed: int):
        self._initializer = KERNEL_INITIALIZERS[config.kernel_initializer]
        self._seeds = count(seed)

    def __call__(self, n_units: int, name: str, activation: str | None = None) -> keras.layers.Dense:
        initializer = self._initializer(seed=next(self._seeds))
        return keras.layers.Dense(n_units, activation, kernel_initializer=initializer, name=name)


def _hidden_layers(config: NetworkConfig, dense: _Dense, hidden):
    for depth, n_units in enumerate(config.hidden_layer_sizes, start=1):
        hidden = dense(n_units, f"hidden_{depth}", ACTIVATIONS[config.activation])(hidden)
    return hidden  # (batch, hidden_layer_sizes[-1])


def build_encoder(config: NetworkConfig, seed: int) -> keras.Model:
    """Build q(z|x): (batch, n_inputs) -> ``z_mean`` and ``z_log_var``, each (batch, n_outputs).

    The encoder holds no sampling layer, so that what is exported is deterministic.
    """
    dense = _Dense(config, seed)
    inputs = keras.Input((config.n_inputs,), name="X")
    hidden = _hidden_layers(config, dense, inputs)
    outputs = {name: dense(config.n_outputs, name)(hidden) for name in ("z_mean", "z_log_var")}
    return keras.Model(inputs, outputs, name="encoder")


def build_decoder(config: NetworkConfig, seed: int) -> keras.Model:
    """Build the location of p(x|z): (batch, n_inputs) -> (batch, n_outputs), linear at the end."""
    dense = _Dense(config, seed)
    inputs = keras.Input((config.n_inputs,), name="Z")
    hidden = _hidden_layers(config, dense, inputs)
    return keras.Model(inputs, dense(config.n_outputs, "x_location")(hidden), name="decoder")
