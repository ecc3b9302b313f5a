"""An image encoder that learns on from labeled images, as a transformer: for thousands of labels."""

from typing import Any, Self

import keras
import numpy as np
import onnx
import tensorflow as tf
from onnx import numpy_helper

from vaefeat import ImageWarp, OnnxModel
from vaefeat.estimators._base import OnnxTransformer
from vaefeat.recipes.images import FILTERS
from vaefeat.training.networks import NetworkConfig, build_encoder
from vaefeat.values.images import full_shape

BATCH_SIZE = 100
LEARNING_RATE = 1e-3  # the highest, of half a cosine
DROPOUT = 0.5  # of hidden units


class FineTunedEncoder(OnnxTransformer):
    """The hidden layer of an ``image_encoder`` that was trained on: to tell classes of warped images apart.

    Samples without a label, -1, are left out. The network that gives the classes is dropped; a graph over
    the features that it leaves behind, of all images, makes fewer errors than itself.

    Parameters
    ----------
    encoder : transformer
        Fitted: what ``image_encoder`` returns, with one hidden layer.
    image_shape : (rows, columns) or (rows, columns, channels)
    corruption : ImageWarp
        Variations that make no difference.
    n_steps : int
        Of 100 images each.
    random_state : int

    Attributes
    ----------
    encoder_ : OnnxModel
        The graph of the encoder with other weights.
    """

    def __init__(
        self,
        encoder: Any,
        image_shape: tuple[int, ...],
        corruption: ImageWarp,
        n_steps: int = 4_800,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.image_shape = image_shape
        self.corruption = corruption
        self.n_steps = n_steps
        self.random_state = random_state

    @property
    def feature_name(self) -> str:
        return "hidden"

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Train on the labeled images: pixels in [0, 1], (n_samples, n_features), and classes, (n_samples,)."""
        X = self._validated(X, reset=True)
        proto = onnx.load_model_from_string(self.encoder.encoder_.to_bytes())
        network = self._network(proto)
        classes, codes = np.unique(y[y != -1], return_inverse=True)
        hidden = keras.layers.Dropout(DROPOUT, seed=self.random_state)(network.output["hidden"])
        initializer = keras.initializers.GlorotUniform(self.random_state)
        logits = keras.layers.Dense(len(classes), kernel_initializer=initializer)(hidden)
        model = keras.Model(network.input, logits)
        model.compile(
            keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, self.n_steps)),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        batches = self._batches(X[y != -1], codes)
        model.fit(batches, epochs=1, steps_per_epoch=self.n_steps, shuffle=False, verbose=0)
        for tensor, weight in zip(_weights(proto), network.get_weights(), strict=True):
            tensor.CopyFrom(numpy_helper.from_array(_swapped(weight, (3, 2, 0, 1)), tensor.name))
        del proto.metadata_props[:]  # the card, which is about the weights before
        self.encoder_ = OnnxModel(proto.SerializeToString())
        return self

    def _network(self, proto: onnx.ModelProto) -> keras.Model:
        """Return the encoder as a Keras network, with the weights of its ONNX graph."""
        weights = [_swapped(numpy_helper.to_array(tensor), (2, 3, 1, 0)) for tensor in _weights(proto)]
        network = build_encoder(
            NetworkConfig(
                n_inputs=self.n_features_in_,
                n_outputs=weights[-1].size,
                hidden_layer_sizes=(self.encoder.encoder_.n_outputs["hidden"],),
                filters=FILTERS[-sum(weight.ndim == 4 for weight in weights) :],
                image_shape=full_shape(self.image_shape),
            ),
            seed=0,
        )
        network.set_weights(weights)
        return network

    def _batches(self, X: np.ndarray, codes: np.ndarray) -> tf.data.Dataset:
        """Return endless batches of warped images and their classes."""
        shuffled = tf.data.Dataset.from_tensor_slices((X, codes)).shuffle(len(X), self.random_state)
        numbered = tf.data.Dataset.zip(shuffled.repeat().batch(BATCH_SIZE), tf.data.Dataset.counter())

        def warped(batch: tuple[tf.Tensor, tf.Tensor], number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            seed = tf.stack([self.random_state, tf.cast(number, tf.int32)])
            return self.corruption(batch[0], seed, self.image_shape), batch[1]

        return numbered.map(warped)


def _weights(proto: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Return the weights of an encoder, in the order of its layers; the rest are shapes."""
    return [tensor for tensor in proto.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]


def _swapped(weight: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """Return the weights of a convolution with its axes in another order, and others as they are."""
    return weight.transpose(order) if weight.ndim == 4 else weight
