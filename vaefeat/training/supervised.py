"""An encoder that is trained with the labels."""

from collections.abc import Hashable, Mapping

import tensorflow as tf

from vaefeat.training.interface import Batch, Losses, Network, TrainableModel
from vaefeat.training.networks import NetworkConfig, build_classifier, build_encoder
from vaefeat.values.objectives import categorical_cross_entropy


class EncoderClassifier(TrainableModel):
    """An encoder of a VAE's shape whose means feed a softmax, trained with labels only.

    This is the network of Annex F of the 2018 thesis: no decoder, no KL term, no unlabeled data.
    """

    def __init__(self, config: NetworkConfig, n_classes: int, seed: int) -> None:
        super().__init__(name="encoder_classifier")
        self.config = config
        self.encoder = build_encoder(config, seed)
        self.encoder.get_layer("z_log_var").trainable = False  # only the means feed the softmax
        head = NetworkConfig(
            n_inputs=config.n_outputs,
            n_outputs=n_classes,
            hidden_layer_sizes=(),
            kernel_initializer=config.kernel_initializer,
        )
        self.head = build_classifier(head, seed + 1_000)
        self.built = True

    @property
    def loss_names(self) -> tuple[str, ...]:
        return ("loss",)

    @property
    def structure(self) -> Hashable:
        return self.config, self.head.output_shape

    def networks(self) -> Mapping[str, Network]:
        names = tuple(name for name in ("z_mean", "z_log_var", "hidden") if name in self.encoder.output)
        return {"encoder": Network(self.encoder, self.config.n_inputs, "X", names, rows=lambda X: X)}

    def example_losses(self, batch: Batch, seed: tf.Tensor) -> Losses:
        """Return the cross-entropy of each example, in nats. Nothing is drawn: ``seed`` is ignored."""
        x, y = batch  # (batch, n_features), (batch,)
        return {"loss": categorical_cross_entropy(y, self.head(self.encoder(x)["z_mean"]))}
