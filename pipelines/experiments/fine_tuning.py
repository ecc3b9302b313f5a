"""An image encoder that learns on from labeled images, and stays one ONNX graph."""

from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
from onnx import numpy_helper

from vaefeat import ImageWarp
from vaefeat.training.networks import NetworkConfig, build_encoder

BATCH_SIZE = 100
LEARNING_RATE = 1e-3  # the highest, of half a cosine
DROPOUT = 0.5  # of hidden units


def fine_tune(
    model: bytes,
    X: np.ndarray,
    y: np.ndarray,
    image_shape: tuple[int, ...],
    corruption: ImageWarp,
    n_steps: int = 4_800,
    seed: int = 0,
) -> bytes:
    """Return an encoder whose hidden layer was trained on: to tell classes of warped images apart.

    The network that gives the classes is dropped: a graph over the hidden layer of all images, labeled or
    not, makes fewer errors than it does.

    Parameters
    ----------
    model : bytes
        The ONNX graph of what ``image_encoder`` returns.
    X : ndarray of shape (n_samples, n_features), float32
        Labeled images, pixels in [0, 1].
    y : ndarray of shape (n_samples,)
        Their classes.
    image_shape : (rows, columns) or (rows, columns, channels)
    corruption : ImageWarp
        Variations that make no difference.
    n_steps : int
        Of 100 images each.
    seed : int

    Returns
    -------
    bytes
        The same graph with other weights.
    """
    proto = onnx.load_model_from_string(model)
    encoder = keras_encoder(proto, image_shape)
    classes, codes = np.unique(y, return_inverse=True)
    hidden = keras.layers.Dropout(DROPOUT, seed=seed)(encoder.output["hidden"])
    initializer = keras.initializers.GlorotUniform(seed)
    logits = keras.layers.Dense(len(classes), kernel_initializer=initializer)(hidden)
    classifier = keras.Model(encoder.input, logits)
    classifier.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, n_steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    images = tf.data.Dataset.from_tensor_slices((X, codes)).shuffle(len(X), seed).repeat().batch(BATCH_SIZE)

    def warped(batch: Any, number: tf.Tensor) -> Any:
        noise = tf.stack([seed, tf.cast(number, tf.int32)])
        return corruption(batch[0], noise, image_shape), batch[1]

    batches = tf.data.Dataset.zip(images, tf.data.Dataset.counter()).map(warped)
    classifier.fit(batches, steps_per_epoch=n_steps, shuffle=False, verbose=0)
    for tensor, weight in zip(weights_of(proto), encoder.get_weights(), strict=True):
        tensor.CopyFrom(numpy_helper.from_array(with_axes(weight, (3, 2, 0, 1)), tensor.name))
    del proto.metadata_props[:]  # the card, which is about the weights before
    return proto.SerializeToString()


def keras_encoder(proto: onnx.ModelProto, image_shape: tuple[int, ...]) -> keras.Model:
    """Return an encoder as a Keras network, with the weights of its ONNX graph."""
    weights = [with_axes(numpy_helper.to_array(tensor), (2, 3, 1, 0)) for tensor in weights_of(proto)]
    *_, mean, _, _, _ = weights  # kernels and biases of the hidden layer, the means and the log variances
    encoder = build_encoder(
        NetworkConfig(
            n_inputs=int(np.prod(image_shape)),
            n_outputs=mean.shape[1],
            hidden_layer_sizes=(mean.shape[0],),
            filters=tuple(weight.shape[-1] for weight in weights if weight.ndim == 4),
            image_shape=image_shape,
        ),
        seed=0,
    )
    encoder.set_weights(weights)
    return encoder


def weights_of(proto: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Return the weights of an encoder, in the order of its layers; the other constants are shapes."""
    return [tensor for tensor in proto.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]


def with_axes(weight: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """Return the kernel of a convolution with its axes in another order, and other weights as they are."""
    return weight.transpose(order) if weight.ndim == len(order) else weight
