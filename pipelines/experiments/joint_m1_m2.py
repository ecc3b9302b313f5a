"""M1+M2 trained as one model, which the 2019 thesis leaves to future work.

The thesis trains M2 on the means of a finished M1. Here both start from there, as ``thesis_2019`` trains
them, and go on together. A row of ``pipelines/results/joint-m1-m2.jsonl`` has the test errors in %, the first
before that and one after each epoch; known rows are not measured again. With ``--freeze-m1``, M2 goes on
alone, which tells what more epochs do by themselves. ``--models`` and ``--epochs`` are those of
``thesis_2019``: M1 is trained if it is not kept there.

    python -m pipelines.experiments.joint_m1_m2 [--joint-epochs N] [--freeze-m1] [--epochs MODEL=N] [--smoke]
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipelines.experiments.command import RESULTS, collect_with_bar, load, options
from pipelines.experiments.semi_supervised_curves import ErrorCurve
from pipelines.experiments.thesis_2019 import KEPT, MAX_ITER, Thesis, epochs
from vaefeat import mask_labels
from vaefeat.comparison import Row, Task
from vaefeat.comparison.grid import describe, hash_of
from vaefeat.data import UNLABELED
from vaefeat.training.interface import Batch, Losses, Network, TrainableModel
from vaefeat.training.loop import Trainer
from vaefeat.training.m2 import M2
from vaefeat.training.noise import binarize, stateless_noise
from vaefeat.training.schedules import cosine_schedule
from vaefeat.training.vae import VAE
from vaefeat.values import objectives

N_LABELED = 100
JOINT_EPOCHS = 50
BATCH_SIZE = 200
LEARNING_RATE = 3e-4  # that of M2 in the thesis: both models are trained already


class JointM1M2(TrainableModel):
    r"""M1 and M2 as one model, :math:`p(x|z_1)\, p(z_1|y,z_2)\, p(y)\, p(z_2)`.

    Minimizes a bound of the negative log-density of a sample, plus :math:`\alpha` times the cross-entropy of
    the labeled ones:

    .. math:: E_{q(z_1|x)}[-\log p(x|z_1) + \log q(z_1|x) + B(z_1)] + \alpha\, E_{labeled}[-\log q(y|z_1)]

    B is the bound of M2 with z1 for its features: L(z1, y) of a sample with a label, U(z1) of one without. It
    takes the place of :math:`-\log p(z_1)` in the bound of M1. Units of z1 that M1 has left inactive are not
    among these features, and keep N(0, 1).

    Parameters
    ----------
    m1 : VAE
    m2 : M2
        Of the units of z1 that are active; without corruption, as z1 is drawn.
    units : ndarray of shape (n_active_units,)
        Their indices.
    X : ndarray of shape (n_labeled, n_features), float32
        The labeled samples, for the cross-entropy.
    y : ndarray of shape (n_labeled,), int32

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models", section 2.3.
    """

    def __init__(self, m1: VAE, m2: M2, units: np.ndarray, X: np.ndarray, y: np.ndarray) -> None:
        super().__init__(name="joint_m1_m2")
        self.m1, self.m2 = m1, m2
        self.units = units
        self.inactive = np.setdiff1d(np.arange(m1.config.encoder.n_outputs), units)
        self.labeled = tf.constant(X), tf.constant(y)
        self.built = True

    @property
    def loss_names(self) -> tuple[str, ...]:
        return "loss", "bound", "cross_entropy"

    def networks(self) -> Mapping[str, Network]:
        return {}

    def classifier(self, x: tf.Tensor) -> tf.Tensor:
        """Return the logits of q(y|z1) at the mean of q(z1|x), (batch, n_classes)."""
        return self.m2.classifier(tf.gather(self.m1.encoder(x)["z_mean"], self.units, axis=1))

    def example_losses(self, batch: Batch, seed: tf.Tensor) -> Losses:
        """Return the loss of each example, its bound, and the cross-entropy of the step, in nats.

        Parameters
        ----------
        batch : tensors of shape (batch, n_features), and (batch,): the class, or -1 if it is unknown
        seed : tensor of two integers
            Determines all that is drawn.
        """
        x, y = batch
        x = binarize(x, seed + 40)
        z, z_mean, z_log_var = self._draw(x, seed + 41)
        active, inactive = (
            [tf.gather(values, units, axis=1) for values in (z, z_mean, z_log_var)]
            for units in (self.units, self.inactive)
        )
        bound = (
            -self.m1.likelihood.log_prob(x, self.m1.decoder(z), self.m1.dispersion.value())
            + objectives.gaussian_log_prob(*active)
            + self.m2.example_losses((active[0], y), seed)["bound"]
            + objectives.gaussian_kl(*inactive[1:])
        )  # (batch,)
        cross_entropy = tf.fill(tf.shape(bound), self._cross_entropy(seed + 50))
        loss = bound + self.m2.config.alpha * cross_entropy
        return {"loss": loss, "bound": bound, "cross_entropy": cross_entropy}

    def _draw(self, x: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return a draw of z1 from q(z1|x), its mean and its log-variance, each (batch, n_components)."""
        posterior = self.m1.encoder(x)
        z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]
        noise = stateless_noise(tf.shape(z_mean), seed)
        return objectives.reparameterize(z_mean, z_log_var, noise), z_mean, z_log_var

    def _cross_entropy(self, seed: tf.Tensor) -> tf.Tensor:
        """Return the mean cross-entropy of q(y|z1) over the labeled samples."""
        X, y = self.labeled
        z, _, _ = self._draw(binarize(X, seed), seed + 1)
        y_logits = self.m2.classifier(tf.gather(z, self.units, axis=1))
        return tf.reduce_mean(objectives.categorical_cross_entropy(y, y_logits))


class Weights(keras.callbacks.Callback):
    """Keeps the configuration of a network, and its weights before and after a training."""

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.config, self.before = self.model.config, self.model.get_weights()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.after = self.model.get_weights()


def start(thesis: Thesis, y: np.ndarray) -> JointM1M2:
    """Return the model with the weights of M1 and of M1+M2 of the thesis."""
    X, labeled = thesis.dataset.X, y != UNLABELED
    Z, _ = thesis.features("M1+M2")
    of_m1, of_m2 = Weights(), Weights()
    # An estimator shows its weights only when it trains: a copy does, for one step; what counts is before it.
    deepcopy(thesis.m1).set_params(callbacks=[of_m1]).partial_fit(X[:BATCH_SIZE])
    steps = thesis.unfitted("M1+M2").set_params(m2classifier__callbacks=[of_m2]).fit(Z, y)
    Z, labels = steps[:-1].transform(Z[labeled]), y[labeled].astype(np.int32)

    m1 = VAE(of_m1.config, seed=0)
    m2 = M2(replace(of_m2.config, corruption=None), Z, labels, BATCH_SIZE, seed=0)
    m1.set_weights(of_m1.before)
    m2.set_weights(of_m2.after)
    return JointM1M2(m1, m2, steps[0].get_support(indices=True), X[labeled], labels)


def measure(thesis: Thesis, n_epochs: int, freeze_m1: bool) -> Row:
    """Return the test errors in %, the first before the training, and the terms of the loss by epoch."""
    dataset = thesis.dataset
    y = mask_labels(dataset.y, N_LABELED, random_state=0)
    model = start(thesis, y)
    model.m1.trainable = not freeze_m1
    test = ErrorCurve(dataset.X_test, dataset.y_test)
    test.set_model(model)
    test.on_epoch_end(-1)
    history = Trainer(model, keras.optimizers.Adam(LEARNING_RATE), BATCH_SIZE).train(
        (dataset.X, y.astype(np.int32)),
        max_epochs=n_epochs,
        seed=0,
        callbacks=[cosine_schedule(LEARNING_RATE, n_epochs), test],
    )
    return {"error_before": test.errors[0], "error": test.errors[-1], "test_errors": test.errors, **history}


def task(thesis: Thesis, n_epochs: int, freeze_m1: bool) -> Task:
    """Return the task of training the model."""
    config = {
        "data": thesis.dataset.sha256,
        "n_train": len(thesis.dataset.X),
        "n_labeled": N_LABELED,
        "m1_params": describe(thesis.unfitted("M1")),
        "m2_params": describe(thesis.unfitted("M1+M2")),
        "epochs": n_epochs,
        "learning_rate": LEARNING_RATE,
        "freeze_m1": freeze_m1,
    }
    measured = partial(measure, thesis, n_epochs, freeze_m1)
    return Task({"key": hash_of(config)} | config, measured, f"{n_epochs} epochs")


def main() -> None:
    parser = options(__doc__, smoke="500 images, one epoch", out=RESULTS / "joint-m1-m2.jsonl")
    parser.add_argument("--models", type=Path, default=KEPT, help="where M1 is kept")
    parser.add_argument("--epochs", type=epochs, nargs="+", default=[], metavar="MODEL=N", help="before that")
    parser.add_argument("--joint-epochs", type=int, default=JOINT_EPOCHS, help="of M1 and M2 together")
    parser.add_argument("--freeze-m1", action="store_true", help="train M2 alone")
    arguments = parser.parse_args()
    n_epochs, max_iter = arguments.joint_epochs, MAX_ITER
    if arguments.smoke:
        n_epochs, max_iter = 1, dict.fromkeys(MAX_ITER, 1)
    thesis = Thesis(load("mnist", arguments.smoke), arguments.models, max_iter | dict(arguments.epochs))
    tasks = [task(thesis, n_epochs, arguments.freeze_m1)]
    collect_with_bar(tasks, arguments.out, "M1 and M2 together")


if __name__ == "__main__":
    main()
