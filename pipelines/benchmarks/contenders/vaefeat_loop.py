"""vaefeat's own training loop."""

import keras
import numpy as np

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS, SIDE, Network
from pipelines.benchmarks.training import Clock
from vaefeat.training.loop import Trainer
from vaefeat.training.networks import NetworkConfig
from vaefeat.training.vae import VAE, VAEConfig
from vaefeat.values.likelihoods import Bernoulli


def train(X: np.ndarray, network: Network, batch_size: int, max_epochs: int, clock: Clock) -> None:
    """Train as :class:`vaefeat.VAEEncoderTransformer` does."""
    encoder = NetworkConfig(
        n_inputs=N_PIXELS, n_outputs=N_COMPONENTS, image_shape=(SIDE, SIDE), **network._asdict()
    )
    vae = VAE(VAEConfig(encoder=encoder, likelihood=Bernoulli()), seed=0)
    trainer = Trainer(vae, keras.optimizers.Adam(1e-3), batch_size)
    trainer.train((X,), max_epochs=max_epochs, seed=0, callbacks=[clock.callback()])
