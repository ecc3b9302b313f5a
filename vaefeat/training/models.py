"""Models: networks joined to an objective.

A model that :func:`vaefeat.training.loop.train` can train has one method beside Keras' own:
``example_losses(batch, seed)``, which returns a dict of tensors of shape (batch,), in nats. Its keys
are ``loss_names``; its entry ``"loss"`` is minimised, the others are recorded. ``fast_in_xla`` tells
whether it is worth compiling.
"""

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vaefeat.training.networks import (
    ClassConditional,
    NetworkConfig,
    build_classifier,
    build_decoder,
    build_encoder,
)
from vaefeat.values import objectives
from vaefeat.values.corruptions import Corruption

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
    corruption: Corruption | None = None
    contrastive_weight: float = 0.0
    temperature: float = 0.1


@dataclass(frozen=True)
class M2Config:
    """All that defines an M2 model, beside its seed."""

    encoder: NetworkConfig
    log_prior: tuple[float, ...]  # log p(y) of each class
    alpha: float
    likelihood: str = "gaussian"
    noise_variance: float | str = LEARNED
    dynamic_binarization: bool = False
    corruption: Corruption | None = None

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.log_prior)


def stateless_noise(shape: Any, seed: tf.Tensor) -> tf.Tensor:
    """Draw standard normal noise that depends on ``seed``, two integers, and on nothing else."""
    return tf.random.stateless_normal(shape, seed, alg="philox")


def binarize(x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draw each value of ``x`` as 0 or 1, with itself as the probability of 1."""
    threshold = tf.random.stateless_uniform(tf.shape(x), seed, alg="philox")
    return tf.cast(threshold < x, x.dtype)


def corrupt(config: Any, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return ``x`` as the encoder of a model with this ``config`` is to see it."""
    if config.corruption is None:
        return x
    return config.corruption(x, seed, config.encoder.image_shape)


def centre(layer: keras.layers.Dense, X: np.ndarray) -> None:
    """Let a first layer see the features less their means in ``X``."""
    mean = X.mean(axis=0, dtype=np.float64)
    layer.bias.assign(-mean.astype(np.float32) @ layer.kernel.numpy())


def location_of_mean(X: np.ndarray, *, logits: bool) -> np.ndarray:
    """Return the mean of each feature in ``X``, or its log-odds, (n_features,): what decoders start from."""
    mean = X.mean(axis=0, dtype=np.float64)
    if logits:
        mean = np.clip(mean, 1e-2, 1 - 1e-2)  # a pixel that is never lit is not yet impossible
        mean = np.log(mean / (1 - mean))
    return mean.astype(np.float32)


class Likelihood(keras.layers.Layer):
    """p(x|location): Bernoulli with logits, or Gaussian with means and one variance for each feature.

    Parameters
    ----------
    name : {"bernoulli", "gaussian"}
    n_features : int
    noise_variance : "learned" or float
        Of the Gaussian.
    """

    def __init__(self, name: str, n_features: int, noise_variance: float | str):
        super().__init__(name=name)
        learned = noise_variance == LEARNED
        self.noise_log_variance = self.add_weight(
            shape=(n_features,),
            initializer=keras.initializers.Constant(0.0 if learned else np.log(noise_variance)),
            trainable=name == "gaussian" and learned,
            name="noise_log_variance",
        )
        self.built = True

    def start_from(self, X: np.ndarray) -> np.ndarray:
        """Take each feature's variance from ``X``, and return the location of its mean, (n_features,)."""
        if self.noise_log_variance.trainable:
            variance = np.maximum(X.var(axis=0, dtype=np.float64), MIN_NOISE_VARIANCE)
            self.noise_log_variance.assign(np.log(variance).astype(np.float32))
        return location_of_mean(X, logits=self.name == "bernoulli")

    def log_variance(self) -> tf.Tensor:
        """Return log Var(x_i|z), not below that of ``MIN_NOISE_VARIANCE``, shape (n_features,)."""
        return keras.ops.maximum(self.noise_log_variance, float(np.log(MIN_NOISE_VARIANCE)))

    def log_prob(self, x: tf.Tensor, location: tf.Tensor, *observed: tf.Tensor) -> tf.Tensor:
        """Return log p(x|location) in nats; without the last axis of both, broadcast together.

        Of the features that are known, if ``observed`` tells them: 1 there, 0 elsewhere.
        """
        if self.name == "bernoulli":
            return objectives.bernoulli_log_prob(x, location, *observed)
        return objectives.gaussian_log_prob(x, location, self.log_variance(), *observed)


class VAE(keras.Model):
    r"""Variational autoencoder with a diagonal Gaussian posterior and a standard normal prior.

    Minimises the negative evidence lower bound, weighted by :math:`\beta`, plus
    :math:`\gamma` times a contrastive term:

    .. math:: -E_{q(z|\tilde x)}[\log p(x|z)] + \beta\, KL(q(z|\tilde x) \| p(z))
        + \gamma\, C(m(\tilde x), m(\tilde x'))

    :math:`\tilde x` is the corrupted example, or x itself if there is no corruption; where
    :math:`\gamma > 0` each example is corrupted twice, the first two terms are means over both, and C
    is :func:`vaefeat.values.objectives.contrastive_loss` of their latent means.

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
        self.likelihood = Likelihood(config.likelihood, config.encoder.n_inputs, config.noise_variance)
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
        if not self.config.encoder.filters:
            centre(self.encoder.layers[1], X)
        self.decoder.layers[-1].bias.assign(self.likelihood.start_from(X))

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """Return the mean of p(x|z) at the mean of q(z|x), (batch, n_features)."""
        location = self.decoder(self.encoder(x)["z_mean"])
        return tf.sigmoid(location) if self.config.likelihood == "bernoulli" else location

    def example_losses(self, batch: tuple[tf.Tensor, ...], seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the loss of each example and the two terms of its ELBO, in nats.

        Parameters
        ----------
        batch : tensor of shape (batch, n_features), and optionally another: 1 where it is known, 0 elsewhere
        seed : tensor of two integers
            Determines the noise, the corruption and the binarization.
        """
        x, *observed = batch  # (batch, n_features)
        if self.config.dynamic_binarization:
            x = binarize(x, seed + 1)
        n_views = 2 if self.config.contrastive_weight else 1
        views, *observed = (tf.tile(each, (n_views, 1)) for each in (x, *observed))  # (n_views * batch, ...)
        posterior = self.encoder(corrupt(self.config, views, seed + 2))
        z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]  # (n_views * batch, n_components)
        z = objectives.reparameterize(z_mean, z_log_var, stateless_noise(tf.shape(z_mean), seed))

        def over_views(values):
            return tf.reduce_mean(tf.reshape(values, (n_views, -1)), axis=0)  # (batch,)

        reconstruction = over_views(-self.likelihood.log_prob(views, self.decoder(z), *observed))
        kl = over_views(objectives.gaussian_kl(z_mean, z_log_var))
        losses = {
            "loss": reconstruction + self.config.beta * kl,
            "reconstruction": reconstruction,
            "kl": kl,
        }
        if n_views == 2:
            losses["contrast"] = objectives.contrastive_loss(*tf.split(z_mean, 2), self.config.temperature)
            losses["loss"] += self.config.contrastive_weight * losses["contrast"]
        return losses


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
        self.head = build_classifier(head, seed + 1_000)
        self.built = True

    def example_losses(self, batch: tuple[tf.Tensor, ...], seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the cross-entropy of each example, in nats. Nothing is drawn: ``seed`` is ignored."""
        x, y = batch  # (batch, n_features), (batch,)
        logits = self.head(self.encoder(x)["z_mean"])
        return {"loss": objectives.categorical_cross_entropy(y, logits)}


class M2(keras.Model):
    r"""Semi-supervised M2: a class y and a latent z behind each sample, which has a label or has none.

    Minimises, for a sample with a label :math:`L(x, y)` and for one without :math:`U(x)`, plus
    :math:`\alpha` times the cross-entropy of q(y|x), a mean over a minibatch of labelled samples:

    .. math:: J^\alpha / N = \frac1N \Big(\sum_{labelled} L(x, y) + \sum_{others} U(x)\Big)
        + \alpha\, E_{labelled}[-\log q(y|x)]

    U enumerates the classes. Its gradient with respect to q(y|x) is exact. With respect to p(x|y,z) and
    q(z|x,y) it is :math:`\sum_y q(y|x) \nabla L(x, y)`, the expectation over q(y|x) of the gradient of
    one class, and one class is drawn: unbiased, and each step goes through K classes forwards, but only
    through one backwards. Forwards, the classes share the products of x with the weights.

    With d features, one hidden layer of h units, c latent units and K classes, a step multiplies some
    ``3 h d`` times a sample for q(y|x), and as often a sample of the labelled minibatch; for the bound
    ``h d + K h (3 c + d)`` forwards, and ``3 h (2 d + 3 c)`` for the drawn class. All classes forwards
    and backwards would be ``3 (h d + K h (3 c + d))``. A VAE takes ``3 h (2 d + 3 c)``: M2 costs some 4
    of its steps on images (d = 784, h = 500, c = 50, K = 10).

    Parameters
    ----------
    config : M2Config
    X : ndarray of shape (n_labeled, n_features), float32
        The labelled samples, for the cross-entropy.
    y : ndarray of shape (n_labeled,), int32
    labeled_batch_size : int
        How many of them a step draws, with replacement; it takes all if there are no more.
    seed : int

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models", section 3.1.2.
    """

    loss_names = ("loss", "bound", "cross_entropy")
    fast_in_xla = True

    def __init__(self, config: M2Config, X: np.ndarray, y: np.ndarray, labeled_batch_size: int, seed: int):
        super().__init__(name="m2")
        self.config = config
        self.labeled = tf.constant(X), tf.constant(y)
        self.log_prior = tf.constant(config.log_prior, tf.float32)
        self.labeled_batch_size = labeled_batch_size
        encoder, decoder = config.encoder, config.encoder.mirrored()
        K = config.n_classes
        self.classifier = build_classifier(replace(encoder, n_outputs=K), seed)
        self.encoder = ClassConditional(encoder, K, ("z_mean", "z_log_var"), seed + 1_000)
        self.decoder = ClassConditional(decoder, K, ("x_location",), seed + 2_000)
        self.likelihood = Likelihood(config.likelihood, encoder.n_inputs, config.noise_variance)
        self.built = True

    def start_from(self, X: np.ndarray) -> None:
        """Start from the mean and the variance of each feature in ``X``, (n_samples, n_features)."""
        centre(self.classifier.layers[1], X)
        centre(self.encoder.from_v, X)
        self.decoder.heads[0].bias.assign(self.likelihood.start_from(X))

    def example_losses(self, batch: tuple[tf.Tensor, ...], seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the loss of each example, its bound, and the cross-entropy of the step, in nats.

        Parameters
        ----------
        batch : tensors of shape (batch, n_features), and (batch,): the class, or -1 if it is unknown
        seed : tensor of two integers
            Determines the noise, the corruption, the drawn classes and the labelled minibatch.
        """
        x, y = batch  # (batch, n_features), (batch,): -1 is unknown
        x, x_seen = self._views(x, seed)
        y_log_prob = objectives.log_softmax(self.classifier(x_seen))  # (batch, n_classes)
        noise = stateless_noise((tf.shape(x)[0], 1, self.config.encoder.n_outputs), seed)
        every_class = tf.eye(self.config.n_classes)
        bounds = tf.stop_gradient(self.labeled_bounds(x, x_seen, every_class, noise))  # (batch, n_classes)
        unlabeled = objectives.unlabeled_bound(bounds, y_log_prob)  # (batch,)

        known = y >= 0
        y = tf.where(known, y, _draw_class(y_log_prob, seed + 20))
        one_class = tf.one_hot(y, self.config.n_classes)[:, None]
        labeled = self.labeled_bounds(x, x_seen, one_class, noise)[:, 0]  # (batch,)
        gradient_only = labeled - tf.stop_gradient(labeled)
        bound = tf.where(known, labeled, unlabeled + gradient_only)
        cross_entropy = tf.fill(tf.shape(bound), self._cross_entropy(seed + 30))
        return {
            "loss": bound + self.config.alpha * cross_entropy,
            "bound": bound,
            "cross_entropy": cross_entropy,
        }

    def labeled_bounds(self, x: tf.Tensor, x_seen: tf.Tensor, y: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Return L(x, y) for the classes of each sample.

        Parameters
        ----------
        x, x_seen : tensors of shape (batch, n_features)
            As the decoder owes them, and as the encoder sees them.
        y : tensor of shape (batch or 1, n, n_classes)
            n classes, one-hot.
        noise : tensor of shape (batch, 1, n_components)
            One draw for all classes, so that they differ by nothing else.

        Returns
        -------
        tensor of shape (batch, n)
        """
        posterior = self.encoder(x_seen[:, None], y)
        z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]  # (batch, n, n_components)
        z = objectives.reparameterize(z_mean, z_log_var, noise)
        log_prob = self.likelihood.log_prob(x[:, None], self.decoder(z, y)["x_location"])
        log_prior = tf.linalg.matvec(y, self.log_prior)
        return objectives.labeled_bound(log_prob, log_prior, objectives.gaussian_kl(z_mean, z_log_var))

    def _views(self, x: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if self.config.dynamic_binarization:
            x = binarize(x, seed + 1)
        return x, corrupt(self.config, x, seed + 2)

    def _cross_entropy(self, seed: tf.Tensor) -> tf.Tensor:
        """Return the mean cross-entropy of q(y|x) over a minibatch of labelled samples."""
        X, y = self.labeled
        if len(y) > self.labeled_batch_size:
            shape = (self.labeled_batch_size,)
            drawn = tf.random.stateless_uniform(shape, seed, 0, len(y), tf.int32, alg="philox")
            X, y = tf.gather(X, drawn), tf.gather(y, drawn)
        _, x_seen = self._views(X, seed + 1)
        return tf.reduce_mean(objectives.categorical_cross_entropy(y, self.classifier(x_seen)))


def _draw_class(log_prob: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draw a class of each row of ``log_prob``, (batch, n_classes), by the Gumbel-max trick."""
    uniform = tf.random.stateless_uniform(tf.shape(log_prob), seed, 1e-6, 1.0, alg="philox")
    return tf.argmax(log_prob - tf.math.log(-tf.math.log(uniform)), axis=-1, output_type=tf.int32)
