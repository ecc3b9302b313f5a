"""M2: a semi-supervised model in which the class of a sample is a latent variable."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from vaefeat.training.interface import Batch, Dispersion, GenerativeModel, Losses, Network
from vaefeat.training.networks import (
    ClassConditional,
    ClassConditionalMean,
    NetworkConfig,
    build_classifier,
    start_from,
)
from vaefeat.training.noise import binarize, corrupt, draw_class, stateless_noise
from vaefeat.values import objectives
from vaefeat.values.corruptions import Corruption
from vaefeat.values.likelihoods import Likelihood


@dataclass(frozen=True, kw_only=True)
class M2Config:
    """All that defines an M2 model, except its seed."""

    encoder: NetworkConfig
    classifier: NetworkConfig
    log_prior: tuple[float, ...]  # log p(y) of each class
    alpha: float
    likelihood: Likelihood
    posterior_variance: str = "xy"  # what it depends on
    dynamic_binarization: bool = False
    corruption: Corruption | None = None

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.log_prior)


class M2(GenerativeModel):
    r"""Semi-supervised M2: a class y and a latent z behind each sample, which has a label or has none.

    Minimizes :math:`L(x, y)` for a sample with a label and :math:`U(x)` for one without, plus
    :math:`\alpha` times the cross-entropy of q(y|x), a mean over a minibatch of labeled samples:

    .. math:: J^\alpha / N = \frac1N \Big(\sum_{labeled} L(x, y) + \sum_{others} U(x)\Big)
        + \alpha\, E_{labeled}[-\log q(y|x)]

    U enumerates the classes. Its gradient with respect to q(y|x) is exact. With respect to p(x|y,z) and
    q(z|x,y) it is :math:`\sum_y q(y|x) \nabla L(x, y)`, the expectation over q(y|x) of the gradient of
    one class, and one class is drawn: unbiased, and each step goes through K classes forward, but only
    through one backward. In the forward pass, the classes share the products of x with the weights.

    With d features, one hidden layer of h units, c latent units and K classes, a step takes about
    ``3 h d`` multiplications per sample for q(y|x), and as many per sample of the labeled minibatch; for
    the bound, ``h d + K h (3 c + d)`` forward, and ``3 h (2 d + 3 c)`` for the drawn class. All classes
    forward and backward would take ``3 (h d + K h (3 c + d))``. A step of a VAE takes
    ``3 h (2 d + 3 c)``; one of M2 costs about 4 times as much on images (d = 784, h = 500, c = 50, K = 10).
    A variance with a network of its own takes about ``4 h d`` more.

    Parameters
    ----------
    config : M2Config
    X : ndarray of shape (n_labeled, n_features), float32
        The labeled samples, for the cross-entropy.
    y : ndarray of shape (n_labeled,), int32
    labeled_batch_size : int
        How many of them a step draws, with replacement; it takes all if there are fewer.
    seed : int

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models", section 3.1.2.
    """

    def __init__(
        self, config: M2Config, X: np.ndarray, y: np.ndarray, labeled_batch_size: int, seed: int
    ) -> None:
        super().__init__(name="m2")
        self.config = config
        self.likelihood = config.likelihood
        # Variables, not constants: so the steps that are traced serve other samples, too.
        self.labeled = tuple(
            self.add_weight(values.shape, "zeros", values.dtype, trainable=False, name=f"labeled_{name}")
            for name, values in (("X", X), ("y", y))
        )
        self.log_prior = tf.constant(config.log_prior, tf.float32)
        self.n_labeled = len(y)
        self.labeled_batch_size = labeled_batch_size
        encoder, decoder = config.encoder, config.encoder.mirrored()
        K = config.n_classes
        self.classifier = build_classifier(config.classifier, seed)
        if config.posterior_variance == "x":
            self.encoder = ClassConditionalMean(encoder, K, seed + 1_000)
        else:
            self.encoder = ClassConditional(encoder, K, ("z_mean", "z_log_var"), seed + 1_000)
        self.decoder = ClassConditional(decoder, K, ("x_location",), seed + 2_000)
        self.dispersion = Dispersion(config.likelihood, encoder.n_inputs)
        self.built = True
        for variable, values in zip(self.labeled, (X, y), strict=True):
            variable.assign(values)

    @property
    def loss_names(self) -> tuple[str, ...]:
        return "loss", "bound", "cross_entropy"

    @property
    def structure(self) -> Hashable:
        return self.config, self.n_labeled, self.labeled_batch_size

    def start_from(self, X: np.ndarray) -> None:
        """Start from the mean and the dispersion of each feature in ``X``, (n_samples, n_features)."""
        start_from(self.classifier, self.config.classifier, X)
        self.encoder.center(X)
        self.decoder.heads[0].bias.assign(self.likelihood.start(X))
        self.dispersion.start_from(X)

    def networks(self) -> Mapping[str, Network]:
        """Return q(y|x), q(z|x,y) and p(x|y,z); y is one-hot, in the last columns of ``XY`` and ``ZY``."""
        n_features, n_latents = self.config.encoder.n_inputs, self.config.encoder.n_outputs
        K = self.config.n_classes

        def classify(x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probabilities": keras.ops.softmax(self.classifier(x))}

        def infer(xy: tf.Tensor) -> dict[str, tf.Tensor]:
            return self.encoder(xy[:, :n_features], xy[:, n_features:])

        def locate(zy: tf.Tensor) -> tf.Tensor:
            return self.decoder(zy[:, :n_latents], zy[:, n_latents:])["x_location"]

        def with_classes(X: np.ndarray) -> np.ndarray:
            return np.hstack([X, np.eye(K, dtype=np.float32)[np.arange(len(X)) % K]])

        posterior = ("z_mean", "z_log_var")
        return {
            "classifier": Network(classify, n_features, "X", ("probabilities",), rows=lambda X: X),
            "posterior": Network(infer, n_features + K, "XY", posterior, rows=with_classes),
            "decoder": self.decoder_network(locate, n_latents + K, "ZY"),
        }

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """Return the mean of p(x|y,z) at the most probable class and the mean of q(z|x,y)."""
        y = tf.one_hot(tf.argmax(self.classifier(x), axis=-1), self.config.n_classes)
        return self.likelihood.mean(self.decoder(self.encoder(x, y)["z_mean"], y)["x_location"])

    def example_losses(self, batch: Batch, seed: tf.Tensor) -> Losses:
        """Return the loss of each example, its bound, and the cross-entropy of the step, in nats.

        Parameters
        ----------
        batch : tensors of shape (batch, n_features), and (batch,): the class, or -1 if it is unknown
        seed : tensor of two integers
            Determines the noise, the corruption, the drawn classes and the labeled minibatch.
        """
        x, y = batch  # (batch, n_features), (batch,): -1 is unknown
        x, x_seen = self._views(x, seed)
        y_log_prob = objectives.log_softmax(self.classifier(x_seen))  # (batch, n_classes)
        noise = stateless_noise((tf.shape(x)[0], 1, self.config.encoder.n_outputs), seed)
        every_class = tf.eye(self.config.n_classes)
        bounds = tf.stop_gradient(self.labeled_bounds(x, x_seen, every_class, noise))  # (batch, n_classes)
        unlabeled = objectives.unlabeled_bound(bounds, y_log_prob)  # (batch,)

        known = y >= 0
        y = tf.where(known, y, draw_class(y_log_prob, seed + 20))
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
            As the decoder is to reconstruct them, and as the encoder sees them.
        y : tensor of shape (batch or 1, n, n_classes)
            n classes, one-hot.
        noise : tensor of shape (batch, 1, n_components)
            One draw for all classes, so that they differ by nothing else.

        Returns
        -------
        tensor of shape (batch, n)
        """
        posterior = self.encoder(x_seen[:, None], y)
        z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]  # (batch, n or 1, n_components)
        z = objectives.reparameterize(z_mean, z_log_var, noise)
        log_prob = self.likelihood.log_prob(
            x[:, None], self.decoder(z, y)["x_location"], self.dispersion.value()
        )
        log_prior = tf.linalg.matvec(y, self.log_prior)
        return objectives.labeled_bound(log_prob, log_prior, objectives.gaussian_kl(z_mean, z_log_var))

    def _views(self, x: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if self.config.dynamic_binarization:
            x = binarize(x, seed + 1)
        return x, corrupt(self.config.corruption, x, seed + 2, self.config.encoder.image_shape)

    def _cross_entropy(self, seed: tf.Tensor) -> tf.Tensor:
        """Return the mean cross-entropy of q(y|x) over a minibatch of labeled samples."""
        X, y = map(tf.convert_to_tensor, self.labeled)
        if self.n_labeled > self.labeled_batch_size:
            shape = (self.labeled_batch_size,)
            drawn = tf.random.stateless_uniform(shape, seed, 0, self.n_labeled, tf.int32, alg="philox")
            X, y = tf.gather(X, drawn), tf.gather(y, drawn)
        _, x_seen = self._views(X, seed + 1)
        return tf.reduce_mean(objectives.categorical_cross_entropy(y, self.classifier(x_seen)))
