"""``keras.Model.fit`` with the usual subclass of ``keras.Model``."""

import keras
import numpy as np
from keras import layers, ops

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS, SIDE, Network
from pipelines.benchmarks.training import Clock


def encoder_layers(network: Network, activation: str | None) -> list[layers.Layer]:
    """Return the hidden layers of the encoder."""
    convolutions = [layers.Conv2D(n, 3, 2, "same", activation=activation) for n in network.filters]
    image = [layers.Reshape((SIDE, SIDE, 1)), *convolutions, layers.Flatten()] if convolutions else []
    return [*image, *(layers.Dense(n, activation) for n in network.hidden_layer_sizes)]


def decoder_layers(network: Network, activation: str | None) -> list[layers.Layer]:
    """Return the layers of the decoder; the last gives the logits of the pixels."""
    hidden = [layers.Dense(n, activation) for n in network.hidden_layer_sizes[::-1]]
    return [*hidden, layers.Dense(N_PIXELS)]


class KerasVAE(keras.Model):
    def __init__(self, network: Network):
        super().__init__()
        self.encoder = keras.Sequential(encoder_layers(network, "relu"))
        self.z_mean = layers.Dense(N_COMPONENTS)
        self.z_log_var = layers.Dense(N_COMPONENTS)
        self.decoder = keras.Sequential(decoder_layers(network, "relu"))
        self.noise = keras.random.SeedGenerator(0)

    def call(self, x):
        hidden = self.encoder(x)
        z_mean, z_log_var = self.z_mean(hidden), self.z_log_var(hidden)
        noise = keras.random.normal(ops.shape(z_mean), seed=self.noise)
        kl = 0.5 * ops.sum(ops.exp(z_log_var) + ops.square(z_mean) - 1.0 - z_log_var, axis=-1)
        self.add_loss(ops.mean(kl))
        return self.decoder(z_mean + ops.exp(0.5 * z_log_var) * noise)


def negative_log_likelihood(x, x_logits):
    """Return -log p(x|z) of each example, in nats."""
    return N_PIXELS * keras.losses.binary_crossentropy(x, x_logits, from_logits=True)


def train(
    X: np.ndarray,
    network: Network,
    batch_size: int,
    max_epochs: int,
    clock: Clock,
    jit_compile: bool | str = "auto",
) -> None:
    """Train with 32 steps an execution, so that little time goes into Python between them."""
    vae = KerasVAE(network)
    vae.compile(
        keras.optimizers.Adam(1e-3),
        negative_log_likelihood,
        jit_compile=jit_compile,
        steps_per_execution=32,
    )
    vae.fit(X, X, batch_size=batch_size, epochs=max_epochs, callbacks=[clock.callback()], verbose=0)
