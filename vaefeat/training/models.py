"""Models: networks joined to an objective.

A model that :func:`vaefeat.training.loop.train` can train has one method beside Keras' own:
``example_losses(batch, seed)``, which returns a dict of tensors of shape (batch,), in nats. Its keys
are ``loss_names``; its entry ``"loss"`` is minimised, the others are recorded. ``fast_in_xla`` tells
whether it is worth compiling.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vaefeat.training import objectives
from vaefeat.training.corruptions import ImageWarp
from vaefeat.training.networks import NetworkConfig, build_decoder, build_encoder

LEARNED = "learned"
# A feature that is constant in the training data would drive its learned variance to zero and its
# log-density to infinity: variances below this one are not told apart.
MIN_NOISE_VARIANCE = 1e-6


@dataclass(frozen=True)
class VAEConfig:
    """All that defines a variational autoencoder, beside its seed."""

    encoder: NetworkConfig
    likelihood: str = "gaussian"
    noise_variance: float | str = LEARNED
    beta: float = 1.0
    dynamic_binarization: bool = False
    corruption: ImageWarp | None = None
    contrastive_weight: float = 0.0


def stateless_noise(shape: Any, seed: tf.Tensor) -> tf.Tensor:
    """Draw standard normal noise that depends on ``seed``, two integers, and on nothing else."""
    return tf.random.stateless_normal(shape, seed, alg="philox")


class VAE(keras.Model):
    r"""Variational autoencoder with a diagonal Gaussian posterior and a standard normal prior.

    Minimises the negative evidence lower bound, weighted by :math:`\beta`, plus
    :math:`\gamma` times a contrastive term:

    .. math:: -E_{q(z|\tilde x)}[\log p(x|z)] + \beta\, KL(q(z|\tilde x) \| p(z))
        + \gamma\, C(m(\tilde x), m(\tilde x'))

    :math:`\tilde x` is the corrupted example, or x itself if there is no corruption; where
    :math:`\gamma > 0` each example is corrupted twice, the first two terms are means over both, and C
    is :func:`vaefeat.training.objectives.contrastive_loss` of their latent means.

    References
    ----------
    Kingma & Welling (2014), "Auto-Encoding Variational Bayes".
    Higgins et al. (2017), "beta-VAE: Learning Basic Visual Concepts with a Constrained
    Variational Framework".
    """

    def __init__(self, config: VAEConfig, seed: int):
        super().__init__(name="vae")
        self.config = config
        self.encoder = build_encoder(config.encoder, seed)
        self.decoder = build_decoder(config.encoder.mirrored(), seed + 1_000)
        learned = config.noise_variance == LEARNED
        self.noise_log_variance = self.add_weight(
            shape=(config.encoder.n_inputs,),
            initializer=keras.initializers.Constant(0.0 if learned else np.log(config.noise_variance)),
            trainable=config.likelihood == "gaussian" and learned,
            name="noise_log_variance",
        )
        self.built = True

    @property
    def loss_names(self) -> tuple[str, ...]:
        names = ("loss", "reconstruction", "kl")
        return (*names, "contrast") if self.config.contrastive_weight else names

    @property
    def fast_in_xla(self) -> bool:
        return not self.config.encoder.filters  # TensorFlow's own convolutions are faster on a CPU

    def start_from(self, X: np.ndarray) -> None:
        """Start from the mean and the variance of each feature in ``X``, (n_samples, n_features).

        The encoder sees centred features (LeCun et al. 1998, "Efficient BackProp", section 4.3), and
        the decoder is the best model that has no latents.
        """
        mean = X.mean(axis=0, dtype=np.float64)
        if not self.config.encoder.filters:
            first = self.encoder.layers[1]
            first.bias.assign(-mean.astype(np.float32) @ first.kernel.numpy())
        if self.config.likelihood == "bernoulli":
            mean = np.clip(mean, 1e-2, 1 - 1e-2)  # a pixel that is never lit is not yet impossible
            mean = np.log(mean / (1 - mean))
        self.decoder.layers[-1].bias.assign(mean.astype(np.float32))
        if self.noise_log_variance.trainable:
            variance = np.maximum(X.var(axis=0, dtype=np.float64), MIN_NOISE_VARIANCE)
            self.noise_log_variance.assign(np.log(variance).astype(np.float32))

    def bounded_noise_log_variance(self) -> tf.Tensor:
        """Return log Var(x_i|z), not below that of ``MIN_NOISE_VARIANCE``, shape (n_features,)."""
        return keras.ops.maximum(self.noise_log_variance, float(np.log(MIN_NOISE_VARIANCE)))

    def log_prob(self, x: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
        """Return log p(x|z), shape (batch,)."""
        location = self.decoder(z)
        if self.config.likelihood == "bernoulli":
            return objectives.bernoulli_log_prob(x, location)
        return objectives.gaussian_log_prob(x, location, self.bounded_noise_log_variance())

    def example_losses(self, batch: tuple[tf.Tensor, ...], seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the loss of each example and the two terms of its ELBO, in nats."""
        (x,) = batch  # (batch, n_features)
        if self.config.dynamic_binarization:
            threshold = tf.random.stateless_uniform(tf.shape(x), seed + 1, alg="philox")
            x = tf.cast(threshold < x, x.dtype)
        n_views = 2 if self.config.contrastive_weight else 1
        views = tf.tile(x, (n_views, 1))  # (n_views * batch, n_features)
        posterior = self.encoder(self._corrupt(views, seed + 2))
        z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]  # (n_views * batch, n_components)
        z = objectives.reparameterize(z_mean, z_log_var, stateless_noise(tf.shape(z_mean), seed))

        def over_views(values):
            return tf.reduce_mean(tf.reshape(values, (n_views, -1)), axis=0)  # (batch,)

        reconstruction = over_views(-self.log_prob(views, z))
        kl = over_views(objectives.gaussian_kl(z_mean, z_log_var))
        losses = {
            "loss": reconstruction + self.config.beta * kl,
            "reconstruction": reconstruction,
            "kl": kl,
        }
        if n_views == 2:
            losses["contrast"] = objectives.contrastive_loss(*tf.split(z_mean, 2))
            losses["loss"] += self.config.contrastive_weight * losses["contrast"]
        return losses

    def _corrupt(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        if self.config.corruption is None:
            return x
        return self.config.corruption(x, seed, self.config.encoder.image_shape)


class EncoderClassifier(keras.Model):
    """An encoder of a VAE's shape whose means feed a softmax, trained with labels only.

    This is the network of the 2018 thesis' Annex F: no decoder, no KL term, no unlabelled data.
    """

    loss_names = ("loss",)
    fast_in_xla = True

    def __init__(self, config: NetworkConfig, n_classes: int, seed: int):
        super().__init__(name="encoder_classifier")
        self.encoder = build_encoder(config, seed)
        self.encoder.get_layer("z_log_var").trainable = False  # the means alone feed the softmax
        head = NetworkConfig(config.n_outputs, n_classes, (), kernel_initializer=config.kernel_initializer)
        self.head = build_decoder(head, seed + 1_000)
        self.built = True

    def example_losses(self, batch: tuple[tf.Tensor, ...], seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the cross-entropy of each example, in nats. Nothing is drawn: ``seed`` is ignored."""
        x, y = batch  # (batch, n_features), (batch,)
        logits = self.head(self.encoder(x)["z_mean"])
        return {"loss": objectives.categorical_cross_entropy(y, logits)}
