"""A fitted scikit-learn estimator, a whole Pipeline for one, as a canonical ONNX graph."""

import copy
import warnings
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto
from onnx.helper import make_node, make_tensor_value_info
from onnx.numpy_helper import from_array
from skl2onnx import to_onnx, update_registered_converter
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
    guess_tensor_type,
)
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from skl2onnx.helpers import add_onnx_graph
from sklearn.base import BaseEstimator, is_classifier, is_outlier_detector
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from vaefeat.exceptions import ExportError
from vaefeat.export.canonical import OPSETS, canonicalize, rename, replace_names
from vaefeat.export.composition import one_output

LABEL, PROBABILITIES, SCORES = "label", "probabilities", "scores"
# What skl2onnx raises for what it does not know.
FAILURES = (
    MissingConverter,
    MissingShapeCalculator,
    NotImplementedError,
    RuntimeError,
    NameError,
    ValueError,
)


def convert_estimator(estimator: BaseEstimator, *, with_features: bool = False) -> onnx.ModelProto:
    """Convert a fitted estimator into a canonical ONNX model of one float32 matrix ``X``.

    Parameters
    ----------
    estimator : estimator
        Anything that skl2onnx knows, with vaefeat's estimators among its steps.
    with_features : bool, default=False
        Add what its VAE step gives as an output of that name: ``z_mean``, or ``hidden``.

    Returns
    -------
    onnx.ModelProto
        With the outputs ``label`` and, if the estimator has them, ``probabilities`` (a classifier);
        ``label`` and ``scores``, its ``decision_function`` (an outlier detector); ``prediction`` (a
        regressor), ``features`` (a transformer) or ``z_mean`` (one that ends in a VAE step); of an
        encoder itself, all that it gives.

    Raises
    ------
    ExportError
        If skl2onnx has no converter for a step, or cannot convert it.
    """
    if hasattr(estimator, "encoder_"):
        return _convert_encoder_alone(estimator)
    has_probabilities = is_classifier(estimator) and hasattr(estimator, "predict_proba")
    try:
        with warnings.catch_warnings():  # skl2onnx reads attributes that scikit-learn is about to drop
            warnings.simplefilter("ignore", FutureWarning)
            proto = to_onnx(
                _by_position(estimator),
                initial_types=[("X", FloatTensorType([None, estimator.n_features_in_]))],
                target_opset=OPSETS,
                options={"zipmap": False} if has_probabilities else None,
            )
    except FAILURES as exc:
        reason = " ".join(str(exc).split())
        raise ExportError(f"skl2onnx cannot convert {type(estimator).__name__}: {reason}") from exc
    _name_outputs(proto.graph, _output_names(estimator))
    if with_features:
        _add_features(proto.graph, encoders_of(estimator))
    return canonicalize(proto, "vaefeat_pipeline")


def _convert_encoder_alone(estimator: BaseEstimator) -> onnx.ModelProto:
    """Return an encoder with all that it gives, or the graph of features that it does not give itself."""
    name = estimator._output_name
    if name in estimator.encoder_.output_names:
        return _without_card(onnx.load_model_from_string(estimator.encoder_.to_bytes()))
    proto = estimator._graph()
    replace_names(proto.graph, {proto.graph.input[0].name: "X", proto.graph.output[0].name: name})
    return canonicalize(proto, "vaefeat_pipeline")


def without_passthrough(pipeline: Pipeline) -> Pipeline:
    """Return a Pipeline without the steps that do nothing, and do not know their width."""
    return Pipeline([step for step in pipeline.steps if step[1] not in ("passthrough", None)])


def _output_names(estimator: BaseEstimator) -> list[str]:
    if is_classifier(estimator):
        return [LABEL, PROBABILITIES] if hasattr(estimator, "predict_proba") else [LABEL]
    if is_outlier_detector(estimator):
        return [LABEL, SCORES]
    return ["prediction"] if hasattr(estimator, "predict") else [features_name(estimator)]


def features_name(estimator: BaseEstimator) -> str:
    """Return the name of a transformer's output: the encoder's if it ends in one, else ``features``."""
    last_step = estimator
    while isinstance(last_step, Pipeline):
        last_step = last_step[-1]
    return last_step._output_name if hasattr(last_step, "encoder_") else "features"


def _name_outputs(graph: onnx.GraphProto, names: list[str]) -> None:
    """Give the first outputs these names, and drop the others."""
    replace_names(graph, dict(zip([output.name for output in graph.output], names, strict=False)))
    del graph.output[len(names) :]


def encoders_of(estimator: Any) -> list[Any]:
    """Return the estimators with an encoder, however deep they are among the steps."""
    if hasattr(estimator, "encoder_"):
        return [estimator]
    steps = [
        *getattr(estimator, "steps", ()),
        *getattr(estimator, "transformer_list", ()),
        *getattr(estimator, "transformers_", ()),
    ]
    return [encoder for _, step, *_ in steps for encoder in encoders_of(step)]


def _add_features(graph: onnx.GraphProto, encoders: list[Any]) -> None:
    """Make what the one encoder gives an output."""
    if len(encoders) != 1:
        raise ExportError(f"with_features=True needs one VAE step, got {len(encoders)}.")
    name = encoders[0]._output_name
    cast = next(node for node in graph.node if node.name.startswith(_CAST_FEATURES))
    width = encoders[0]._n_features_out
    graph.node.append(make_node("Identity", [cast.input[0]], [name]))
    graph.output.append(make_tensor_value_info(name, TensorProto.FLOAT, ["N", width]))


def _by_position(estimator: Any) -> Any:
    """Return the estimator with the columns of its ColumnTransformers named by their positions.

    A file takes one matrix, whose columns have no names.
    """
    converted = copy.copy(estimator)
    if isinstance(estimator, Pipeline):
        converted.steps = [(name, _by_position(step)) for name, step in estimator.steps]
    elif isinstance(estimator, ColumnTransformer) and hasattr(estimator, "feature_names_in_"):
        positions = {name: i for i, name in enumerate(estimator.feature_names_in_)}
        converted.transformers_ = [
            (name, _by_position(step), _positions(columns, positions))
            for name, step, columns in estimator.transformers_
        ]
    return converted


def _positions(columns: Any, positions: dict[str, int]) -> list[int]:
    if isinstance(columns, str):
        columns = [columns]
    return [positions.get(column, column) for column in columns]


# --- skl2onnx's hooks of our estimators ---

_CAST_FEATURES = "vaefeat_features"


def encoder_shapes(operator: Any) -> None:
    """Tell skl2onnx the type and the shape of an encoder's features."""
    encoder = operator.raw_operator
    features = guess_tensor_type(operator.inputs[0].type)  # float64 stays so, as skl2onnx's parser expects
    features.shape = [operator.inputs[0].type.shape[0], encoder._n_features_out]
    operator.outputs[0].type = features


def convert_encoder(scope: Any, operator: Any, container: Any) -> None:
    """Put an encoder's graph in the place of its step.

    ::

        X --Cast(float32)--> encoder --features--> Cast(type of features)
    """
    encoder = operator.raw_operator
    proto = at_opset(encoder._graph(), container.target_opset)
    graph = _begin_with_cast(proto)
    to = TensorProto.DOUBLE if isinstance(operator.outputs[0].type, DoubleTensorType) else TensorProto.FLOAT
    features = graph.output[0]
    name = _CAST_FEATURES if hasattr(encoder, "encoder_") else "step_cast"  # an imputer's are no features
    graph.node.append(make_node("Cast", [features.name], ["step_Z"], name=name, to=to))
    features.name = "step_Z"
    add_onnx_graph(scope, operator, container, proto)


def classifier_shapes(operator: Any) -> None:
    """Tell skl2onnx the types and the shapes of a classifier's labels and probabilities."""
    n_rows, classes = operator.inputs[0].type.shape[0], operator.raw_operator.classes_
    label = Int64TensorType if _are_numbers(classes) else StringTensorType
    operator.outputs[0].type = label([n_rows])
    operator.outputs[1].type = FloatTensorType([n_rows, len(classes)])


def _are_numbers(classes: np.ndarray) -> bool:
    """Tell whether labels become int64, as skl2onnx has it for booleans too, or strings."""
    return classes.dtype.kind in "biuf"


def classifier_converter(kind: type) -> Any:
    """Return the converter of a class of ours, once skl2onnx knows that ZipMap may follow it or not.

    skl2onnx asks for that the table of its registered converters, which an estimator's hooks bypass.
    """
    update_registered_converter(
        kind,
        f"Vaefeat{kind.__name__}",
        classifier_shapes,
        convert_classifier,
        options={
            "zipmap": [True, False, "columns"],
            "nocl": [True, False],
            "output_class_labels": [False, True],
        },
    )
    return convert_classifier


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Put a classifier's graph in the place of its step.

    ::

        X --Cast(float32)--> classifier --probabilities--> ArgMax --> Gather(classes) --> label
    """
    classifier = operator.raw_operator
    proto = at_opset(one_output(classifier.classifier_, PROBABILITIES), container.target_opset)
    graph = _begin_with_cast(proto)
    classes = classifier.classes_
    values = classes.astype(np.int64 if _are_numbers(classes) else object)
    graph.initializer.append(from_array(values, "step_classes"))
    probabilities = graph.output[0].name
    graph.node.append(
        make_node("ArgMax", [probabilities], ["step_code"], name="step_code", axis=1, keepdims=0)
    )
    graph.node.append(make_node("Gather", ["step_classes", "step_code"], [LABEL], name="step_label"))
    kind = TensorProto.INT64 if _are_numbers(classes) else TensorProto.STRING
    graph.output.insert(0, make_tensor_value_info(LABEL, kind, ["N"]))
    add_onnx_graph(scope, operator, container, proto)


def add_step(scope: Any, operator: Any, container: Any, proto: onnx.ModelProto) -> None:
    """Put a graph in the place of a step, whatever the numbers that it is given."""
    proto = at_opset(proto, container.target_opset)
    _begin_with_cast(proto)
    add_onnx_graph(scope, operator, container, proto)


def _begin_with_cast(proto: onnx.ModelProto) -> onnx.GraphProto:
    """Let the graph take any numbers, and return it."""
    rename(proto.graph)  # another's graph may have nodes without names, which skl2onnx cannot take
    X = proto.graph.input[0]
    cast = make_node("Cast", ["step_X"], [X.name], name="cast_X", to=TensorProto.FLOAT)
    proto.graph.node.insert(0, cast)
    X.name = "step_X"
    return proto.graph


def _without_card(proto: onnx.ModelProto) -> onnx.ModelProto:
    del proto.metadata_props[:]
    return proto


def at_opset(proto: onnx.ModelProto, target: int) -> onnx.ModelProto:
    """Return the model at another opset.

    Raises
    ------
    ExportError
        If it has operators that this opset has not.
    """
    if target in (opset.version for opset in proto.opset_import if opset.domain == ""):
        return proto
    try:
        return onnx.version_converter.convert_version(proto, target)
    except RuntimeError as exc:
        raise ExportError(
            f"The encoder cannot be had at opset {target}; ask for target_opset={OPSETS}."
        ) from exc
