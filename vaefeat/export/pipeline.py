"""A fitted scikit-learn estimator, a whole Pipeline for one, as a canonical ONNX graph."""

import copy
from typing import Any

import onnx
from onnx import TensorProto
from onnx.helper import make_node
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, guess_tensor_type
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from skl2onnx.helpers import add_onnx_graph
from sklearn.base import BaseEstimator, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from vaefeat.exceptions import ExportError
from vaefeat.export.canonical import OPSET, OPSETS, canonicalize

LABEL, PROBABILITIES = "label", "probabilities"


def convert_estimator(estimator: BaseEstimator) -> onnx.ModelProto:
    """Convert a fitted estimator into a canonical ONNX model of one float32 matrix ``X``.

    Parameters
    ----------
    estimator : estimator
        Anything that skl2onnx knows, with vaefeat's estimators among its steps.

    Returns
    -------
    onnx.ModelProto
        With the outputs ``label`` and, if the estimator has them, ``probabilities`` (a classifier),
        ``prediction`` (a regressor), or ``features`` (a transformer).

    Raises
    ------
    ExportError
        If skl2onnx has no converter for a step, or cannot convert it.
    """
    has_probabilities = hasattr(estimator, "predict_proba")
    options = {"zipmap": False} if is_classifier(estimator) and has_probabilities else None
    try:
        proto = to_onnx(
            _by_position(estimator),
            initial_types=[("X", FloatTensorType([None, estimator.n_features_in_]))],
            target_opset=OPSETS,
            options=options,
        )
    except (MissingConverter, MissingShapeCalculator, NotImplementedError, RuntimeError) as exc:
        reason = " ".join(str(exc).split())
        raise ExportError(f"skl2onnx cannot convert {type(estimator).__name__}: {reason}") from exc
    names = _output_names(estimator)
    for output, name in zip(list(proto.graph.output), names, strict=False):
        _rename(proto.graph, output.name, name)
    del proto.graph.output[len(names) :]
    return canonicalize(proto, "vaefeat_pipeline")


def _output_names(estimator: BaseEstimator) -> list[str]:
    if is_classifier(estimator):
        return [LABEL, PROBABILITIES] if hasattr(estimator, "predict_proba") else [LABEL]
    return ["prediction"] if hasattr(estimator, "predict") else ["features"]


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for output in graph.output:
        if output.name == old:
            output.name = new


def _by_position(estimator: Any) -> Any:
    """Return the estimator with the columns of its ColumnTransformers named by their positions.

    A file takes one matrix, whose columns have no names.
    """
    if isinstance(estimator, Pipeline):
        steps = [(name, _by_position(step)) for name, step in estimator.steps]
        converted = copy.copy(estimator)
        converted.steps = steps
        return converted
    if isinstance(estimator, ColumnTransformer) and hasattr(estimator, "feature_names_in_"):
        positions = {name: i for i, name in enumerate(estimator.feature_names_in_)}
        converted = copy.copy(estimator)
        converted.transformers_ = [
            (name, _by_position(step), _positions(columns, positions))
            for name, step, columns in estimator.transformers_
        ]
        return converted
    return estimator


def _positions(columns: Any, positions: dict[str, int]) -> Any:
    if isinstance(columns, str):
        return [positions[columns]]
    return [positions.get(column, column) for column in columns]


# --- skl2onnx's hooks of our estimators ---


def encoder_shapes(operator: Any) -> None:
    """Tell skl2onnx the type and the shape of an encoder's features."""
    features = guess_tensor_type(operator.inputs[0].type)  # float64 stays so, as skl2onnx's parser expects
    features.shape = [operator.inputs[0].type.shape[0], operator.raw_operator.encoder_.n_outputs["z_mean"]]
    operator.outputs[0].type = features


def convert_encoder(scope: Any, operator: Any, container: Any) -> None:
    """Put an encoder's graph in the place of its step.

    ::

        X --Cast(float32)--> encoder --z_mean--> Cast(type of features)--> features
    """
    proto = _at_opset(_means_only(operator.raw_operator.encoder_.to_bytes()), container.target_opset)
    to = TensorProto.DOUBLE if isinstance(operator.outputs[0].type, DoubleTensorType) else TensorProto.FLOAT
    graph = proto.graph
    graph.node.insert(0, make_node("Cast", ["X_any"], ["X"], name="cast_X", to=TensorProto.FLOAT))
    graph.node.append(make_node("Cast", ["z_mean"], ["features"], name="cast_z_mean", to=to))
    graph.input[0].name, graph.output[0].name = "X_any", "features"
    add_onnx_graph(scope, operator, container, proto)


def _means_only(model: bytes) -> onnx.ModelProto:
    """Return an encoder without its second output."""
    extractor = onnx.utils.Extractor(onnx.load_model_from_string(model))
    return extractor.extract_model(["X"], ["z_mean"])


def _at_opset(proto: onnx.ModelProto, target: int) -> onnx.ModelProto:
    if target == OPSET:
        return proto
    try:
        return onnx.version_converter.convert_version(proto, target)
    except RuntimeError as exc:
        raise ExportError(
            f"The encoder cannot be had at opset {target}; ask for target_opset={OPSETS}."
        ) from exc
