"""What export, plotting and the explorer may ask of a fitted estimator.

Everything is declared here, and nothing else is read: a class that has these methods is exported, drawn and
explored as vaefeat's own estimators are.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import onnx

    from vaefeat.data.plan import ColumnPlan
    from vaefeat.runtime import OnnxModel


@runtime_checkable
class GraphTransformer(Protocol):
    """A transformer whose computation is one ONNX graph."""

    def onnx_graph(self) -> "onnx.ModelProto":
        """Return what ``transform`` computes as a model with one input and one output."""

    def get_feature_names_out(self, input_features: Any = None) -> "np.ndarray":
        """Return the names of the features, (n_features_out,)."""


@runtime_checkable
class ColumnStep(Protocol):
    """A transformer of frames by a column plan, which a card can hold."""

    def column_plan(self) -> "ColumnPlan":
        """Return the plan."""

    def transform(self, X: Any) -> "np.ndarray":
        """Return the features of a frame."""


@runtime_checkable
class NetworkEstimator(Protocol):
    """An estimator whose fitted state is ONNX models."""

    def networks(self) -> "Mapping[str, OnnxModel]":
        """Return the models by their roles: "encoder", "decoder", "classifier", "posterior"."""

    def training_summary(self) -> dict[str, Any]:
        """Return what a card says about the training, as JSON can hold it."""


@runtime_checkable
class FeatureEncoder(GraphTransformer, NetworkEstimator, Protocol):
    """A transformer whose features come from an encoder."""

    @property
    def feature_name(self) -> str:
        """The name of the features: an output of the encoder, or "reconstruction"."""

    @property
    def input_range(self) -> tuple[float, float] | None:
        """The range in which features must lie, or None."""


@runtime_checkable
class ScoredModel(Protocol):
    """An estimator whose scores of samples are an ONNX graph."""

    def onnx_score_graph(self) -> "onnx.ModelProto":
        """Return what ``score_samples`` computes as a model."""


@runtime_checkable
class LatentModel(FeatureEncoder, ScoredModel, Protocol):
    """A feature encoder with a decoder: an autoencoder or a VAE."""

    code_name: ClassVar[str]  # the output of the encoder that the decoder takes
    image_shape: Any  # (rows, columns) or (rows, columns, channels), or None

    @property
    def loss_unit(self) -> str:
        """The unit of the loss."""

    def encode(self, X: Any) -> "np.ndarray":
        """Return the code that the decoder takes, (n_samples, n_components), whatever the features are."""

    def inverse_transform(self, Z: Any) -> "np.ndarray":
        """Decode codes: (n_samples, n_components) to (n_samples, n_features)."""
