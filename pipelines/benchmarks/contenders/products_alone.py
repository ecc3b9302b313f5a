"""Nothing but the matrix products and convolutions of the training, by TensorFlow, in one compiled call."""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS, Network
from pipelines.benchmarks.contenders.keras_fit import decoder_layers, encoder_layers
from pipelines.benchmarks.training import Clock


def train(X: np.ndarray, network: Network, batch_size: int, max_epochs: int, clock: Clock) -> None:
    """Multiply as each step does: forward, and for the gradients; nothing else is computed.

    The layers are linear, as if for a squared error, and no weight changes. Each step's batch depends on the
    step before, so that none is left out.
    """
    stack = keras.Sequential(
        [
            layers.Input((N_PIXELS,)),
            *encoder_layers(network, None),
            layers.Dense(2 * N_COMPONENTS),  # means and log-variances
            layers.Lambda(lambda outputs: outputs[:, :N_COMPONENTS] + outputs[:, N_COMPONENTS:]),
            *decoder_layers(network, None),
        ]
    )
    weights = [weight for weight in stack.trainable_variables if len(weight.shape) > 1]

    @tf.function(jit_compile=not network.filters)  # whichever is faster: see vaefeat.training.vae
    def epoch(batch: tf.Tensor) -> tf.Tensor:
        for _ in tf.range(math.ceil(len(X) / batch_size)):
            with tf.GradientTape() as tape:
                outputs = stack(batch)
            gradients = tape.gradient(outputs, weights, output_gradients=outputs)
            batch += 1e-30 * tf.add_n([tf.reshape(gradient, [-1])[0] for gradient in gradients])
        return batch

    batch = tf.constant(X[:batch_size])
    for _ in range(max_epochs):
        clock.begin()
        epoch(batch)
        clock.end()
