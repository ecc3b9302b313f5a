"""The variational autoencoder."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from vaefeat.training.interface import Batch, Dispersion, GenerativeModel, Losses, Network
from vaefeat.training.networks import NetworkConfig, build_decoder, build_encoder, start_from
from vaefeat.training.noise import binarize, corrupt, stateless_noise
from vaefeat.values import objectives
from vaefeat.values.corruptions import Corruption
from vaefeat.values.likelihoods import Likelihood


@dataclass(frozen=True, kw_only=True)
class VAEConfig:
    """All that defines a variational autoencoder, except its seed."""

    encoder: NetworkConfig
    likelihood: Likelihood
    beta: float = 1.0
    dynamic_binarization: bool = False
    corruption: Corruption | None = None
    contrastive_weight: float = 0.0
    temperature: float = 0.1
    n_draws: int = 1


class VAE(GenerativeModel):
    r"""Variational autoencoder with a diagonal Gaussian posterior and a standard normal prior.

    Minimizes the negative evidence lower bound, weighted by :math:`\beta`, plus
    :math:`\gamma` times a contrastive term:

    .. math:: -\frac 1 L \sum_{l=1}^L \log p(x|z_l) + \beta\, KL(q(z|\tilde x) \| p(z))
        + \gamma\, C(m(\tilde x), m(\tilde x')), \quad z_l \sim q(z|\tilde x)

    :math:`\tilde x` is the corrupted example, or x itself if there is no corruption; where
    :math:`\gamma > 0` each example is corrupted twice, the first two terms are means over both, and C
    is :func:`vaefeat.values.objectives.contrastive_loss` of their latent means.

    References
    ----------
    Kingma & Welling (2014), "Auto-Encoding Variational Bayes", equation 7.
    Higgins et al. (2017), "beta-VAE: Learning Basic Visual Concepts with a Constrained
    Variational Framework".
    """

    def __init__(self, config: VAEConfig, seed: int) -> None:
        super().__init__(name="vae")
        self.config = config
        self.likelihood = config.likelihood
        self.encoder = build_encoder(config.encoder, seed)
        self.decoder = build_decoder(config.encoder.mirrored(), seed + 1_000)
        self.dispersion = Dispersion(config.likelihood, config.encoder.n_inputs)
        self.kl_weight = self.add_weight((), "ones", trainable=False, name="kl_weight")
        self.built = True

    @property
    def loss_names(self) -> tuple[str, ...]:
        names = ("loss", "reconstruction", "kl")
        return (*names, "contrast") if self.config.contrastive_weight else names

    @property
    def structure(self) -> Hashable:
        return self.config

    @property
    def fast_in_xla(self) -> bool:
        encoder = self.config.encoder  # TensorFlow's own convolutions are faster on a CPU
        return not (encoder.filters or encoder.n_patches)

    def start_from(self, X: np.ndarray) -> None:
        """Start from the mean and the dispersion of each feature in ``X``, (n_samples, n_features).

        The encoder sees centered features (LeCun et al. 1998, "Efficient BackProp", section 4.3), and
        the decoder is the best model that has no latents.
        """
        config = self.config
        view = None if config.corruption is None else tf.function(self._view, autograph=False)
        start_from(self.encoder, config.encoder, X, view)
        self.decoder.layers[-1].bias.assign(self.likelihood.start(X))
        self.dispersion.start_from(X)

    def _view(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return corrupt(self.config.corruption, x, seed, self.config.encoder.image_shape)

    def networks(self) -> Mapping[str, Network]:
        config = self.config.encoder
        names = tuple(name for name in ("z_mean", "z_log_var", "hidden") if name in self.encoder.output)
        return {
            "encoder": Network(self.encoder, config.n_inputs, "X", names, rows=lambda X: X),
            "decoder": self.decoder_network(self.decoder, config.n_outputs, "Z"),
        }

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """Return the mean of p(x|z) at the mean of q(z|x), (batch, n_features)."""
        return self.likelihood.mean(self.decoder(self.encoder(x)["z_mean"]))

    def example_losses(self, batch: Batch, seed: tf.Tensor) -> Losses:
        """Return the loss of each example and the two terms of its ELBO, in nats.

        What is minimized, the objective, differs from the loss while ``kl_weight`` is below 1.

        Parameters
        ----------
        batch : tensor of shape (batch, n_features), and optionally another: 1 where it is known, 0 elsewhere
        seed : tensor of two integers
            Determines the noise, the corruption and the binarization.
        """
        config = self.config
        x, *observed = batch  # (batch, n_features)
        if config.dynamic_binarization:
            x = binarize(x, seed + 1)
        n_views = 2 if config.contrastive_weight else 1
        views, *observed = (tf.tile(each, (n_views, 1)) for each in (x, *observed))  # (n_views * batch, ...)
        posterior = self.encoder(self._view(views, seed + 2))
        z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]  # (n_views * batch, n_components)
        targets, means, log_vars, *observed = (  # (n_draws * n_views * batch, ...)
            _repeated(config.n_draws, each) for each in (views, z_mean, z_log_var, *observed)
        )
        z = objectives.reparameterize(means, log_vars, stateless_noise(tf.shape(means), seed))
        log_prob = self.likelihood.log_prob(targets, self.decoder(z), self.dispersion.value(), *observed)
        reconstruction = _mean_of(config.n_draws * n_views, -log_prob)  # (batch,)
        kl = _mean_of(n_views, objectives.gaussian_kl(z_mean, z_log_var))
        losses = {"loss": reconstruction + config.beta * kl, "reconstruction": reconstruction, "kl": kl}
        losses["objective"] = losses["loss"] - (1.0 - self.kl_weight) * config.beta * kl
        if n_views == 2:
            first, second = tf.split(z_mean, 2)
            losses["contrast"] = objectives.contrastive_loss(first, second, config.temperature)
            for name in ("loss", "objective"):
                losses[name] += config.contrastive_weight * losses["contrast"]
        return losses


def _repeated(n: int, values: tf.Tensor) -> tf.Tensor:
    """Return n times the values of a batch; once, without a step that would change the order of sums."""
    return values if n == 1 else tf.tile(values, (n, 1))


def _mean_of(n: int, values: tf.Tensor) -> tf.Tensor:
    """Return the mean of the n values of each example, (n * batch,), which are a batch apart."""
    return tf.reduce_mean(tf.reshape(values, (n, -1)), axis=0)  # (batch,)
