"""How skl2onnx converts our estimators: shape calculators and converters, within any Pipeline.

A *shape calculator* tells skl2onnx the types and shapes of the outputs of a step, and a *converter* adds the
operators of the step to the graph. An estimator names both by its methods ``onnx_shape_calculator`` and
``onnx_converter``.

Symbols: N is the number of rows, d that of features in, k that of features out or of classes.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto
from onnx.helper import make_node, make_tensor_value_info
from onnx.numpy_helper import from_array
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
    guess_tensor_type,
)
from skl2onnx.helpers import add_onnx_graph

from vaefeat.export.canonical import FEATURES_CAST, embeddable
from vaefeat.export.composition import Graph, Output, one_output
from vaefeat.export.outputs import LABEL, PROBABILITIES, SCORES
from vaefeat.export.scores import score_model
from vaefeat.protocols import FeatureEncoder

# --- transformers: encoders and imputers ---


def transformer_shapes(operator: Any) -> None:
    """Tell skl2onnx the type and the shape of a transformer's features: (N, k), of the type of the input."""
    transformer = operator.raw_operator
    features = guess_tensor_type(operator.inputs[0].type)  # float64 stays so, as skl2onnx's parser expects
    features.shape = [operator.inputs[0].type.shape[0], len(transformer.get_feature_names_out())]
    operator.outputs[0].type = features


def convert_transformer(scope: Any, operator: Any, container: Any) -> None:
    """Put a transformer's graph in the place of its step.

    ::

        X (N, d) --Cast(float32)--> graph --features--> Cast(type of X) --> (N, k)

    In NumPy: ``transformer.transform(X).astype(X.dtype)``.
    """
    transformer = operator.raw_operator
    proto = embeddable(transformer.onnx_graph(), container.target_opset)
    graph = _begin_with_cast(proto)
    to = TensorProto.DOUBLE if isinstance(operator.outputs[0].type, DoubleTensorType) else TensorProto.FLOAT
    features = graph.output[0]
    name = FEATURES_CAST if isinstance(transformer, FeatureEncoder) else "step_cast"
    graph.node.append(make_node("Cast", [features.name], ["step_Z"], name=name, to=to))
    features.name = "step_Z"
    add_onnx_graph(scope, operator, container, proto)


# --- classifiers ---


def classifier_shapes(operator: Any) -> None:
    """Tell skl2onnx the types and the shapes of a classifier's labels, (N,), and probabilities, (N, k)."""
    n_rows, classes = operator.inputs[0].type.shape[0], operator.raw_operator.classes_
    label = Int64TensorType if _are_numbers(classes) else StringTensorType
    operator.outputs[0].type = label([n_rows])
    operator.outputs[1].type = FloatTensorType([n_rows, len(classes)])


def _are_numbers(classes: np.ndarray) -> bool:
    """Return whether labels become int64, as in skl2onnx for booleans too, or strings."""
    return classes.dtype.kind in "biuf"


def classifier_converter(kind: type) -> Any:
    """Return the converter of one of our classes, once skl2onnx knows whether ZipMap may follow it.

    To find out, skl2onnx asks the table of its registered converters, which an estimator's hooks bypass.
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

        X (N, d) --Cast(float32)--> classifier --probabilities (N, k)--+--> probabilities
                                                                       |
                                                                    ArgMax --> Gather(classes) --> label (N,)

    In NumPy: ``label = classes[probabilities.argmax(axis=1)]``.
    """
    classifier = operator.raw_operator
    network = classifier.networks()["classifier"]
    proto = embeddable(one_output(network, PROBABILITIES), container.target_opset)
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


# --- outlier detectors ---


def detector_shapes(operator: Any) -> None:
    """Tell skl2onnx the types and the shapes of a detector's labels and scores, (N, 1), as for its own."""
    n_rows = operator.inputs[0].type.shape[0]
    operator.outputs[0].type = Int64TensorType([n_rows, 1])
    operator.outputs[1].type = FloatTensorType([n_rows, 1])


def convert_detector(scope: Any, operator: Any, container: Any) -> None:
    """Put a detector's graph in the place of its step.

    ::

        X (N, d) --Cast(float32)--> score (N,) --minus offset--> scores (N, 1) --sign--> label (N, 1)

    In NumPy: ``scores = score_samples(X) - offset; label = np.where(scores >= 0, 1, -1)``.
    """
    detector = operator.raw_operator
    score = score_model(detector.estimator_)
    graph = Graph(detector.n_features_in_)
    decision = graph.op("Sub", graph.call(score, "X")["score"], detector.offset_)
    decision = graph.op("Unsqueeze", decision, [1])
    is_inlier = graph.op("GreaterOrEqual", decision, 0.0)
    label = graph.op("Where", is_inlier, np.int64(1), np.int64(-1))
    outputs = Output(LABEL, label, 1, onnx.TensorProto.INT64), Output(SCORES, decision, 1)
    proto = embeddable(graph.model(*outputs), container.target_opset)
    _begin_with_cast(proto)
    add_onnx_graph(scope, operator, container, proto)


def _begin_with_cast(proto: onnx.ModelProto) -> onnx.GraphProto:
    """Let the graph take any numbers, and return it."""
    X = proto.graph.input[0]
    cast = make_node("Cast", ["step_X"], [X.name], name="cast_X", to=TensorProto.FLOAT)
    proto.graph.node.insert(0, cast)
    X.name = "step_X"
    return proto.graph
