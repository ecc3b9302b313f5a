"""A fitted scikit-learn estimator, such as a whole Pipeline, as a canonical ONNX graph."""

import warnings
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto
from onnx.helper import make_node, make_tensor_value_info
from onnx.numpy_helper import from_array
from skl2onnx import to_onnx, update_registered_parser
from skl2onnx._parse import sklearn_parsers_map
from skl2onnx.common.data_types import FloatTensorType
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from sklearn.base import BaseEstimator, is_outlier_detector
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from vaefeat.exceptions import ExportError
from vaefeat.export.canonical import FEATURES_CAST, OPSETS, canonicalize, replace_names
from vaefeat.export.outputs import LABEL, PROBABILITIES, file_outputs
from vaefeat.export.rewriting import is_column, rewrite
from vaefeat.export.steps import by_position, encoders_of
from vaefeat.protocols import FeatureEncoder

# What skl2onnx raises for what it does not know.
FAILURES = (
    MissingConverter,
    MissingShapeCalculator,
    KeyError,
    NotImplementedError,
    AssertionError,
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
        With the outputs of :func:`vaefeat.export.outputs.file_outputs`; of an encoder itself, with all
        outputs of the encoder.

    Raises
    ------
    ExportError
        If skl2onnx has no converter for a step, or cannot convert it.
    """
    if isinstance(estimator, FeatureEncoder):
        return _convert_encoder_alone(estimator)
    try:
        proto = _convert(estimator)
    except FAILURES as exc:
        reason = " ".join(str(exc).split())
        raise ExportError(f"skl2onnx cannot convert {type(estimator).__name__}: {reason}") from exc
    if is_outlier_detector(estimator):
        _as_columns(proto.graph)
    if with_features:
        _add_features(proto.graph, encoders_of(estimator))
    return canonicalize(proto, "vaefeat_pipeline")


def _convert(estimator: BaseEstimator) -> onnx.ModelProto:
    """Return the graph of skl2onnx with the names of our outputs, in operators that files may hold."""
    names = [output.name for output in file_outputs(estimator)]
    options = _options(estimator, names)
    for part in estimator.get_params().values():
        if hasattr(part, "onnx_converter"):
            part.onnx_converter()  # registers its class, which skl2onnx asks for within meta-estimators
    with warnings.catch_warnings():  # skl2onnx reads attributes that scikit-learn is about to drop
        warnings.simplefilter("ignore", FutureWarning)
        proto = to_onnx(
            by_position(estimator),
            initial_types=[("X", FloatTensorType([None, estimator.n_features_in_]))],
            target_opset=OPSETS,
            options=options,
        )
    _name_outputs(proto.graph, names)
    return rewrite(proto)


_parse_column_transformer = sklearn_parsers_map[ColumnTransformer]


def _parse_columns(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Tell skl2onnx how many columns there are to choose from, which it does not know after some steps."""
    if len(inputs) == 1 and inputs[0].type.shape in ([], [None, None]):
        inputs[0].type.shape = [None, model.n_features_in_]
    return _parse_column_transformer(scope, model, inputs, custom_parsers=custom_parsers)


update_registered_parser(ColumnTransformer, _parse_columns)


def _options(estimator: BaseEstimator, names: list[str]) -> dict[Any, dict[str, Any] | bool]:
    """Return the options of skl2onnx: no dictionaries of probabilities."""
    if PROBABILITIES in names:
        return {"zipmap": False}
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return {id(estimator): {}}  # else skl2onnx asks for "zipmap", which such classifiers do not know


def _convert_encoder_alone(estimator: FeatureEncoder) -> onnx.ModelProto:
    """Return an encoder with all its outputs, or the graph of features that are not among these."""
    name, encoder = estimator.feature_name, estimator.networks()["encoder"]
    if name in encoder.output_names:
        proto = onnx.load_model_from_string(encoder.to_bytes())
        del proto.metadata_props[:]  # the card
        return proto
    proto = estimator.onnx_graph()
    replace_names(proto.graph, {proto.graph.input[0].name: "X", proto.graph.output[0].name: name})
    return canonicalize(proto, "vaefeat_pipeline")


def _name_outputs(graph: onnx.GraphProto, names: list[str]) -> None:
    """Give the first outputs these names, and drop the others."""
    outputs = [output.name for output in graph.output]
    taken = {name: f"inner_{name}" for name in names if name not in outputs}  # by tensors within
    replace_names(graph, taken)
    replace_names(graph, dict(zip(outputs, names, strict=False)))
    del graph.output[len(names) :]
    for output in graph.output:
        dims = output.type.tensor_type.shape.dim
        is_unknown = len(dims) == 0 or (len(dims) == 2 and not dims[1].dim_value)
        if output.name == LABEL and (is_unknown or is_column(graph, LABEL)):
            _reshape(graph, output, [-1])
            del dims[:]
            dims.add()


def _as_columns(graph: onnx.GraphProto) -> None:
    """Give the outputs of a detector a column where they have none: converters differ in this."""
    for output in graph.output:
        shape = output.type.tensor_type.shape
        if len(shape.dim) == 1:
            _reshape(graph, output, [-1, 1])
            shape.dim.add().dim_value = 1


def _reshape(graph: onnx.GraphProto, output: onnx.ValueInfoProto, shape: list[int]) -> None:
    name, inner = output.name, f"unshaped_{output.name}"
    replace_names(graph, {name: inner})
    output.name = name
    graph.initializer.append(from_array(np.array(shape), f"{inner}_shape"))
    graph.node.append(make_node("Reshape", [inner, f"{inner}_shape"], [name]))


def _add_features(graph: onnx.GraphProto, encoders: list[FeatureEncoder]) -> None:
    """Make what the one encoder gives an output."""
    if len(encoders) != 1:
        raise ExportError(f"with_features=True needs one VAE step, got {len(encoders)}.")
    name = encoders[0].feature_name
    cast = next(node for node in graph.node if node.name.startswith(FEATURES_CAST))
    width = len(encoders[0].get_feature_names_out())
    graph.node.append(make_node("Identity", [cast.input[0]], [name]))
    graph.output.append(make_tensor_value_info(name, TensorProto.FLOAT, ["N", width]))
