"""The autoencoder: a code, its reconstruction, and penalties on the code."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from vaefeat.training.interface import Batch, Dispersion, GenerativeModel, Losses, Network
from vaefeat.training.networks import NetworkConfig, build_code, build_decoder, start_from
from vaefeat.training.noise import corrupt, stateless_noise
from vaefeat.values import penalties
from vaefeat.values.corruptions import Corruption
from vaefeat.values.likelihoods import Likelihood


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """All that defines an autoencoder, except its seed."""

    encoder: NetworkConfig
    code_activation: str = "identity"
    loss: Likelihood
    corruption: Corruption | None = None
    code_noise: float = 0.0
    contractive_weight: float = 0.0
    l1_weight: float = 0.0
    sparsity_weight: float = 0.0
    sparsity_target: float = 0.05

    @property
    def penalties(self) -> dict[str, float]:
        """The penalties that have a weight, by name."""
        weights = {
            "contractive": self.contractive_weight,
            "l1": self.l1_weight,
            "sparsity": self.sparsity_weight,
        }
        return {name: weight for name, weight in weights.items() if weight}


class Autoencoder(GenerativeModel):
    r"""Autoencoder: an encoder h, a decoder g, and penalties on the code.

    Minimizes, for each example, the error of its reconstruction plus the weighted penalties:

    .. math:: L(x, g(h(\tilde x) + \epsilon)) + \lambda \|J_h(\tilde x)\|_F^2
        + \alpha \|h(\tilde x)\|_1 + \beta \sum_j KL(\rho \| \hat\rho_j)

    L is the squared error or a negative log-likelihood, :math:`\tilde x` the corrupted example or x itself,
    and :math:`\epsilon` normal noise before the activation of the code, if there is any.

    References
    ----------
    Vincent et al. (2010), "Stacked Denoising Autoencoders".
    Rifai et al. (2011), "Contractive Auto-Encoders: Explicit Invariance During Feature Extraction".
    Salakhutdinov & Hinton (2009), "Semantic hashing", for the noise.
    """

    def __init__(self, config: AutoencoderConfig, seed: int) -> None:
        super().__init__(name="autoencoder")
        self.config = config
        self.likelihood = config.loss
        self.encoder = build_code(config.encoder, config.code_activation, seed)
        self.decoder = build_decoder(config.encoder.mirrored(), seed + 1_000)
        self.dispersion = Dispersion(config.loss, config.encoder.n_inputs)
        self.built = True

    @property
    def loss_names(self) -> tuple[str, ...]:
        return "loss", "reconstruction", *self.config.penalties

    @property
    def structure(self) -> Hashable:
        return self.config

    @property
    def fast_in_xla(self) -> bool:
        return not self.config.encoder.filters  # TensorFlow's own convolutions are faster on a CPU

    def start_from(self, X: np.ndarray) -> None:
        """Start from the mean of each feature in ``X``, (n_samples, n_features), on both sides."""
        start_from(self.encoder, self.config.encoder, X)
        self.decoder.layers[-1].bias.assign(self.likelihood.start(X))
        self.dispersion.start_from(X)

    def networks(self) -> Mapping[str, Network]:
        config = self.config.encoder
        return {
            "encoder": Network(self.encoder, config.n_inputs, "X", ("code",), rows=lambda X: X),
            "decoder": self.decoder_network(self.decoder, config.n_outputs, "Z"),
        }

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """Return the mean of the decoded code, (batch, n_features)."""
        return self.likelihood.mean(self.decoder(self.encoder(x)["code"]))

    def example_losses(self, batch: Batch, seed: tf.Tensor) -> Losses:
        """Return the loss of each example, the error of its reconstruction, and the penalties.

        Parameters
        ----------
        batch : tensor of shape (batch, n_features), and optionally another: 1 where it is known, 0 elsewhere
        seed : tensor of two integers
            Determines the corruption and the noise.
        """
        x, *observed = batch
        x_seen = corrupt(self.config.corruption, x, seed + 2, self.config.encoder.image_shape)
        encoded = self.encoder(x_seen)
        location = self.decoder(self._noisy(encoded, seed))
        reconstruction = -self.likelihood.log_prob(x, location, self.dispersion.value(), *observed)
        losses = {"loss": reconstruction, "reconstruction": reconstruction}
        for name, weight in self.config.penalties.items():
            losses[name] = self._penalty(name, x_seen, encoded["code"], seed + 20)
            losses["loss"] += weight * losses[name]
        return losses

    def _noisy(self, encoded: dict[str, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
        if not self.config.code_noise:
            return encoded["code"]
        noise = self.config.code_noise * stateless_noise(tf.shape(encoded["code"]), seed)
        return self.encoder.get_layer("code")(encoded["code_input"] + noise)

    def _penalty(self, name: str, x: tf.Tensor, code: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        if name == "contractive":
            return self._jacobian_norm(x, code, seed)
        if name == "l1":
            return penalties.l1_norm(code)
        return penalties.sparsity_kl(code, self.config.sparsity_target)

    def _jacobian_norm(self, x: tf.Tensor, code: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        r"""Return the squared Frobenius norm of the encoder's Jacobian at each example.

        Exactly, if the encoder is one layer; else Hutchinson's unbiased estimate of it from one random
        vector of signs, :math:`\|J\|_F^2 = E_v \|v^T J\|^2`.
        """
        config = self.config.encoder
        if not (config.hidden_layer_sizes or config.filters):
            kernel = self.encoder.get_layer("code_input").kernel
            return penalties.layer_jacobian_norm(code, kernel, self.config.code_activation)
        signs = tf.sign(stateless_noise(tf.shape(code), seed))
        with tf.GradientTape() as tape:
            tape.watch(x)
            projection = tf.reduce_sum(signs * self.encoder(x)["code"])
        return tf.reduce_sum(tf.square(tape.gradient(projection, x)), axis=-1)
