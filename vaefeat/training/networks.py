"""Encoders, decoders and classifiers as Keras models, built from a frozen description and a seed."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import keras
import numpy as np

from vaefeat.training.choices import Choice, choose
from vaefeat.training.patches import Corrupt, PatchResponses, start_from_patches
from vaefeat.values.images import ImageShape, full_shape

ACTIVATIONS = {
    "identity": "linear",
    "relu": "relu",
    "sigmoid": "sigmoid",
    "softplus": "softplus",
    "tanh": "tanh",
}
CODE_ACTIVATIONS = {"identity": "linear", "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh"}
GLOROT_UNIFORM = Choice(keras.initializers.GlorotUniform)

N_SAMPLED_IMAGES = 10_000  # by which the responses to patches are known well enough
KERNEL_SIZE, STRIDES = 3, 2  # of a convolution, which halves the image, or a transposed one, which doubles it


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """A multilayer perceptron between ``n_inputs`` and ``n_outputs``, optionally with other layers before it.

    ``hidden_layer_sizes=()``        is n_inputs -> n_outputs;
    ``hidden_layer_sizes=(64,)``     is n_inputs -> 64 -> n_outputs;
    ``hidden_layer_sizes=(64, 32)``  is n_inputs -> 64 -> 32 -> n_outputs.

    ``filters=(32, 64)`` puts two convolutions first, of an image of ``image_shape`` (rows, columns,
    channels) whose pixels are the inputs, row by row. ``n_patches`` puts the responses to as many patches
    of the training images first, in place of convolutions; the hidden layer after them is linear and not
    trained. ``log_inputs`` lets the first layer see log(1 + x) of all features, or of those that it says.
    ``convolutional_decoder`` lets the mirrored network have its convolutions too.
    """

    n_inputs: int
    n_outputs: int
    hidden_layer_sizes: tuple[int, ...] = (500, 500)
    activation: str = "relu"
    kernel_initializer: Choice = GLOROT_UNIFORM
    filters: tuple[int, ...] = ()
    image_shape: ImageShape | None = None
    n_patches: int = 0
    log_inputs: bool | tuple[bool, ...] = False
    convolutional_decoder: bool = False

    def mirrored(self) -> "NetworkConfig":
        """Return the network read from its outputs to its inputs: the decoder of an encoder.

        If ``convolutional_decoder``, it ends in transposed convolutions, else it is a perceptron.
        """
        return replace(
            self,
            n_inputs=self.n_outputs,
            n_outputs=self.n_inputs,
            hidden_layer_sizes=self.hidden_layer_sizes[::-1],
            filters=self.filters[::-1] if self.convolutional_decoder else (),
            n_patches=0,
            log_inputs=False,
        )


def choose_initializer(value: str | Mapping[str, Any]) -> Choice:
    """Return the choice that the parameter ``kernel_initializer`` of an estimator makes.

    Raises
    ------
    ValueError
        If there is no such random initializer, or if its settings are not those it takes, or hold a seed.
    """
    choice = choose("kernel_initializer", value, keras.initializers, "seed")
    settings = dict(choice.settings)
    if settings.pop("seed", None) is not None:
        raise ValueError(
            "kernel_initializer sets a seed, but random_state gives each layer its own: leave it out."
        )
    if not all(isinstance(each, Hashable) for each in settings.values()):
        raise ValueError(f"kernel_initializer takes numbers and texts as settings, got {settings}.")
    choice = Choice(choice.kind, tuple(settings.items()))
    choice.make(lambda initializer: initializer((2, 2)), seed=0)  # or it is refused
    return choice


class _Layers:
    """Factory of layers: each takes the next seed, so no global generator is touched."""

    def __init__(self, config: NetworkConfig, seed: int) -> None:
        self._initializer = config.kernel_initializer.make
        self._seeds = count(seed)

    def dense(
        self, n_units: int, name: str, activation: str | None = None, use_bias: bool = True
    ) -> keras.layers.Dense:
        initializer = self._initializer(seed=next(self._seeds))
        return keras.layers.Dense(n_units, activation, use_bias, kernel_initializer=initializer, name=name)

    def patch_responses(self, config: NetworkConfig) -> PatchResponses:
        assert config.image_shape is not None
        shape = full_shape(config.image_shape)
        return PatchResponses(config.n_patches, shape, next(self._seeds), "patch_responses")

    def conv(self, n_filters: int, name: str, activation: str) -> keras.layers.Conv2D:
        initializer = self._initializer(seed=next(self._seeds))
        return keras.layers.Conv2D(
            n_filters,
            KERNEL_SIZE,
            STRIDES,
            "same",
            activation=activation,
            kernel_initializer=initializer,
            name=name,
        )

    def conv_transpose(self, n_filters: int, name: str, **options: Any) -> keras.layers.Conv2DTranspose:
        initializer = self._initializer(seed=next(self._seeds))

        def scaled(shape: Any, dtype: Any = None) -> Any:
            # A pixel is a sum over one of STRIDES ** 2 parts of the kernel: its variance would be that share.
            return STRIDES * initializer(shape, dtype)

        return keras.layers.Conv2DTranspose(
            n_filters, KERNEL_SIZE, STRIDES, "same", kernel_initializer=scaled, name=name, **options
        )


class Offset(keras.layers.Layer):
    """Adds a learned constant to each feature."""

    def build(self, input_shape: Any) -> None:
        self.bias = self.add_weight((input_shape[-1],), "zeros", name="bias")

    def call(self, x: Any) -> Any:
        return x + self.bias


def _hidden_layers(config: NetworkConfig, layers: _Layers, inputs: keras.KerasTensor) -> keras.KerasTensor:
    activation = ACTIVATIONS[config.activation]
    hidden = _seen(config, inputs)
    if config.n_patches:
        hidden = layers.patch_responses(config)(hidden)
    elif config.image_shape is not None and config.filters:
        hidden = keras.layers.Reshape(full_shape(config.image_shape), name="image")(hidden)
        for depth, n_filters in enumerate(config.filters, start=1):
            hidden = layers.conv(n_filters, f"conv_{depth}", activation)(hidden)
        hidden = keras.layers.Flatten(name="pixels")(hidden)
    return _dense_layers(config, layers, hidden)


def _dense_layers(config: NetworkConfig, layers: _Layers, hidden: keras.KerasTensor) -> keras.KerasTensor:
    activation = ACTIVATIONS[config.activation]
    for depth, n_units in enumerate(config.hidden_layer_sizes, start=1):
        is_fixed = depth == 1 and config.n_patches > 0
        layer = layers.dense(n_units, f"hidden_{depth}", None if is_fixed else activation)
        layer.trainable = not is_fixed
        hidden = layer(hidden)
    return hidden  # (batch, hidden_layer_sizes[-1])


def _image_layers(config: NetworkConfig, layers: _Layers, hidden: keras.KerasTensor) -> keras.KerasTensor:
    """Draw an image from a hidden layer, coarse to fine: what convolutions do to it, in reverse."""
    assert config.image_shape is not None
    rows, columns, channels = full_shape(config.image_shape)
    activation = ACTIVATIONS[config.activation]
    sizes = [(rows, columns)]
    for _ in config.filters:
        sizes.append((-(-sizes[-1][0] // STRIDES), -(-sizes[-1][1] // STRIDES)))
    coarse = (*sizes.pop(), config.filters[0])
    hidden = keras.layers.Reshape(coarse)(layers.dense(math.prod(coarse), "coarse", activation)(hidden))
    for depth, n_filters in enumerate(config.filters[1:], start=1):
        hidden = layers.conv_transpose(n_filters, f"conv_{depth}", activation=activation)(hidden)
        hidden = _cropped(hidden, sizes.pop())
    hidden = layers.conv_transpose(channels, "image", use_bias=False)(hidden)
    return keras.layers.Reshape((config.n_outputs,), name="pixels")(_cropped(hidden, sizes.pop()))


def _cropped(images: keras.KerasTensor, size: tuple[int, int]) -> keras.KerasTensor:
    """Leave out the last row or column where the encoder halved an odd number."""
    excess = images.shape[1] - size[0], images.shape[2] - size[1]
    return keras.layers.Cropping2D([(0, n) for n in excess])(images) if any(excess) else images


def _seen(config: NetworkConfig, inputs: Any) -> Any:
    """Return the inputs as the first layer sees them; a corruption may have made counts negative."""
    if config.log_inputs is False:
        return inputs
    logs = keras.ops.log(1.0 + keras.ops.relu(inputs))
    return logs if config.log_inputs is True else keras.ops.where(np.array(config.log_inputs), logs, inputs)


def _center_layer(layer: keras.layers.Dense, config: NetworkConfig, X: np.ndarray) -> None:
    mean = _mean_seen(config, X)
    layer.bias.assign(-mean.astype(np.float32) @ layer.kernel.numpy())


def _mean_seen(config: NetworkConfig, X: Any) -> np.ndarray:
    """Return the mean of each feature as the first layer sees it, (n_inputs,), float64."""
    if config.log_inputs is True:
        return np.log1p(X).mean(axis=0, dtype=np.float64)
    mean = X.mean(axis=0, dtype=np.float64)
    if config.log_inputs is False:
        return mean
    with np.errstate(invalid="ignore", divide="ignore"):  # of features that are seen as they are
        return np.where(config.log_inputs, np.log1p(X).mean(axis=0, dtype=np.float64), mean)


def start_from(network: keras.Model, config: NetworkConfig, X: Any, corrupt: Corrupt | None = None) -> None:
    """Let the first layer of a network suit the features ``X``, unless it is a convolution.

    It sees the features less their means. The layer after the responses to patches starts with the directions
    in which they differ most, compared with two of what ``corrupt`` makes of an image, if it is given.
    For that, ``X`` must be a :class:`vaefeat.data.rows.Rows`.
    """
    if config.n_patches:
        sampled = next(X.blocks(np.random.default_rng(0), N_SAMPLED_IMAGES))[0]
        start_from_patches(network.get_layer("patch_responses"), _first_dense(network), sampled, corrupt)
    elif not config.filters:
        _center_layer(_first_dense(network), config, X)


def _first_dense(network: keras.Model) -> keras.layers.Dense:
    return next(layer for layer in network.layers if isinstance(layer, keras.layers.Dense))


def build_encoder(config: NetworkConfig, seed: int) -> keras.Model:
    """Build q(z|x): (batch, n_inputs) -> ``z_mean`` and ``z_log_var``, each (batch, n_outputs).

    The last hidden layer is an output too, ``hidden``, if there is one. The encoder holds no sampling
    layer, so that what is exported is deterministic.
    """
    layers = _Layers(config, seed)
    inputs = keras.Input((config.n_inputs,), name="X")
    hidden = _hidden_layers(config, layers, inputs)
    outputs = {name: layers.dense(config.n_outputs, name)(hidden) for name in ("z_mean", "z_log_var")}
    if config.hidden_layer_sizes or config.filters or config.n_patches:
        outputs["hidden"] = hidden
    return keras.Model(inputs, outputs, name="encoder")


def build_code(config: NetworkConfig, activation: str, seed: int) -> keras.Model:
    """Build the encoder of an autoencoder: (batch, n_inputs) -> ``code``, (batch, n_outputs).

    ``code_input``, the code before its activation, is an output too.
    """
    layers = _Layers(config, seed)
    inputs = keras.Input((config.n_inputs,), name="X")
    code_input = layers.dense(config.n_outputs, "code_input")(_hidden_layers(config, layers, inputs))
    code = keras.layers.Activation(CODE_ACTIVATIONS[activation], name="code")(code_input)
    return keras.Model(inputs, {"code": code, "code_input": code_input}, name="encoder")


def build_decoder(config: NetworkConfig, seed: int) -> keras.Model:
    """Build the location of p(x|z): (batch, n_inputs) -> (batch, n_outputs), linear at the end.

    The last layer has a bias for each feature. If the config has filters, as many transposed convolutions
    precede it, each of which doubles the image.
    """
    if not config.filters:
        return _build_perceptron(config, seed, "Z", "x_location", "decoder")
    layers = _Layers(config, seed)
    inputs = keras.Input((config.n_inputs,), name="Z")
    pixels = _image_layers(config, layers, _dense_layers(config, layers, inputs))
    return keras.Model(inputs, Offset(name="x_location")(pixels), name="decoder")


def build_classifier(config: NetworkConfig, seed: int) -> keras.Model:
    """Build the logits of q(y|x): (batch, n_inputs) -> (batch, n_outputs)."""
    return _build_perceptron(config, seed, "X", "y_logits", "classifier")


def _build_perceptron(
    config: NetworkConfig, seed: int, input_name: str, output_name: str, name: str
) -> keras.Model:
    layers = _Layers(config, seed)
    inputs = keras.Input((config.n_inputs,), name=input_name)
    hidden = _hidden_layers(config, layers, inputs)
    return keras.Model(inputs, layers.dense(config.n_outputs, output_name)(hidden), name=name)


class ClassConditional(keras.Model):
    """A perceptron of a vector v and a class y: of q(z|x,y) and of p(x|y,z).

    The first layer is a sum, so that the classes share the product of v with its weights::

        v ---W---+
                 +--> activation --> hidden layers --> outputs
        y ---U---+

    Called with v of shape (batch, 1, n_inputs) and y of shape (n_classes, n_classes), the identity,
    it gives the outputs for all classes, (batch, n_classes, n_outputs), and computes W v once.

    Parameters
    ----------
    config : NetworkConfig
        With at least one hidden layer, and without convolutions.
    n_classes : int
    output_names : tuple of str
        Of the linear outputs, each of ``config.n_outputs`` units.
    seed : int
    """

    def __init__(
        self, config: NetworkConfig, n_classes: int, output_names: tuple[str, ...], seed: int
    ) -> None:
        super().__init__()
        self.config = config
        layers = _Layers(config, seed)
        first, *others = config.hidden_layer_sizes
        activation = ACTIVATIONS[config.activation]
        self.from_v = layers.dense(first, "from_v")
        self.from_y = layers.dense(first, "from_y", use_bias=False)  # the sum has one, that of from_v
        self.activation = keras.layers.Activation(activation)
        self.hidden = [layers.dense(n, f"hidden_{i}", activation) for i, n in enumerate(others, start=2)]
        self.heads = [layers.dense(config.n_outputs, name) for name in output_names]
        self.from_v.build((None, config.n_inputs))
        self.from_y.build((None, n_classes))
        for layer, n_inputs in zip(self.hidden, config.hidden_layer_sizes, strict=False):
            layer.build((None, n_inputs))
        for layer in self.heads:
            layer.build((None, config.hidden_layer_sizes[-1]))
        self.built = True

    def center(self, X: np.ndarray) -> None:
        """Let the first layer see v less its mean in ``X``."""
        _center_layer(self.from_v, self.config, X)

    def call(self, v: Any, y: Any) -> dict[str, Any]:
        hidden = self.activation(self.from_v(_seen(self.config, v)) + self.from_y(y))
        for layer in self.hidden:
            hidden = layer(hidden)
        return {layer.name: layer(hidden) for layer in self.heads}


class ClassConditionalMean(keras.Model):
    r"""q(z|x,y) = N(m(x, y), diag s²(x)): the class moves the mean, and the variance depends on x alone.

    Each has a network of its own. It is called as :class:`ClassConditional`, for all classes at once too:
    the variance is then computed once, and has the shape (batch, 1, n_outputs).

    Parameters
    ----------
    config : NetworkConfig
        Of both networks, as :class:`ClassConditional` takes it.
    n_classes : int
    seed : int

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models", equation 4.
    """

    def __init__(self, config: NetworkConfig, n_classes: int, seed: int) -> None:
        super().__init__()
        self.config = config
        self.mean = ClassConditional(config, n_classes, ("z_mean",), seed)
        self.log_var = _build_perceptron(config, seed + 500, "X", "z_log_var", "log_var")
        self.built = True

    def center(self, X: np.ndarray) -> None:
        """Let the first layers see x less its mean in ``X``."""
        self.mean.center(X)
        start_from(self.log_var, self.config, X)

    def call(self, x: Any, y: Any) -> dict[str, Any]:
        z_log_var = self.log_var(keras.ops.reshape(x, (-1, self.config.n_inputs)))
        shape = (-1, *x.shape[1:-1], self.config.n_outputs)
        return self.mean(x, y) | {"z_log_var": keras.ops.reshape(z_log_var, shape)}
