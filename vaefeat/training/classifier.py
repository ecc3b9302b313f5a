"""A classifier that learns from classes of all samples."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from vaefeat.training.interface import Batch, Losses, Network, TrainableModel
from vaefeat.training.networks import NetworkConfig, build_classifier, start_from
from vaefeat.training.noise import corrupt
from vaefeat.values.corruptions import Corruption
from vaefeat.values.objectives import categorical_cross_entropy


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """All that defines a classifier, except its seed."""

    network: NetworkConfig
    corruption: Corruption | None = None


class Classifier(TrainableModel):
    """q(y|x), trained with the class of each sample, which it sees distorted."""

    def __init__(self, config: ClassifierConfig, seed: int) -> None:
        super().__init__(name="classifier")
        self.config = config
        self.classifier = build_classifier(config.network, seed)
        self.built = True

    @property
    def loss_names(self) -> tuple[str, ...]:
        return ("loss",)

    @property
    def structure(self) -> Hashable:
        return self.config

    def start_from(self, X: np.ndarray) -> None:
        """Let the first layer see the features less their means in ``X``, (n_samples, n_features)."""
        start_from(self.classifier, self.config.network, X)

    def networks(self) -> Mapping[str, Network]:
        def classify(x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probabilities": keras.ops.softmax(self.classifier(x))}

        n_inputs = self.config.network.n_inputs
        return {"classifier": Network(classify, n_inputs, "X", ("probabilities",), rows=lambda X: X)}

    def example_losses(self, batch: Batch, seed: tf.Tensor) -> Losses:
        """Return the cross-entropy of each example, in nats; ``seed`` determines the corruption."""
        x, y = batch  # (batch, n_features), (batch,)
        x = corrupt(self.config.corruption, x, seed, self.config.network.image_shape)
        return {"loss": categorical_cross_entropy(y, self.classifier(x))}
