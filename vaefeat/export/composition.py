"""Graphs made of the graphs of fitted encoders and decoders: what follows them, in ONNX's operators."""

from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array

from vaefeat.export.canonical import IR_VERSION, OPSETS
from vaefeat.runtime import OnnxModel


class Output(NamedTuple):
    """A tensor of a graph that is an output of the model; without a width, a vector."""

    name: str
    tensor: str
    width: int | None = None
    kind: int = onnx.TensorProto.FLOAT


class Graph:
    """An ONNX graph under construction, of one float32 matrix ``X``: tensors are known by their names.

    Parameters
    ----------
    n_features : int
    """

    def __init__(self, n_features: int) -> None:
        self._input = make_tensor_value_info("X", onnx.TensorProto.FLOAT, ["N", n_features])
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[Any, onnx.TensorProto] = {}
        self._n_names = 0

    def op(self, op_type: str, *inputs: Any, n_outputs: int = 1, **attributes: Any) -> str:
        """Apply an operator to tensors, or to arrays, which become constants; return its first output."""
        names = [each if isinstance(each, str) else self._constant(each) for each in inputs]
        outputs = [self._new_name() for _ in range(n_outputs)]
        self._nodes.append(make_node(op_type, names, outputs, **attributes))
        return outputs[0]

    def call(self, model: OnnxModel | onnx.ModelProto, x: str) -> dict[str, str]:
        """Apply a model to a matrix; return its outputs by their names.

        A model that is called twice has its weights in the graph once.
        """
        proto = model if isinstance(model, onnx.ModelProto) else onnx.load_from_string(model.to_bytes())
        names = {"": "", proto.graph.input[0].name: x}
        for tensor in proto.graph.initializer:
            names[tensor.name] = self._constant(onnx.numpy_helper.to_array(tensor))
        for node in proto.graph.node:
            copied = onnx.NodeProto()
            copied.CopyFrom(node)
            copied.name = ""  # names of nodes are unique, and another call has used them
            copied.input[:] = [names[name] for name in node.input]
            copied.output[:] = [names.setdefault(name, self._new_name()) for name in node.output]
            self._nodes.append(copied)
        return {output.name: names[output.name] for output in proto.graph.output}

    def model(self, *outputs: "Output") -> onnx.ModelProto:
        """Return the graph as a model with these outputs."""
        ends = [make_node("Identity", [each.tensor], [each.name]) for each in outputs]
        values = [
            make_tensor_value_info(each.name, each.kind, ["N"] if each.width is None else ["N", each.width])
            for each in outputs
        ]
        weights = list(self._weights.values())
        graph = make_graph([*self._nodes, *ends], "vaefeat", [self._input], values, weights)
        opsets = [make_opsetid(*opset) for opset in OPSETS.items()]
        return make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)

    def _constant(self, value: Any) -> str:
        array = np.asarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        key = array.dtype, array.shape, array.tobytes()
        if key not in self._weights:
            self._weights[key] = from_array(array, self._new_name())
        return self._weights[key].name

    def _new_name(self) -> str:
        self._n_names += 1
        return f"g{self._n_names}"


def one_output(model: OnnxModel, name: str) -> onnx.ModelProto:
    """Return a model without its other outputs."""
    proto = onnx.load_model_from_string(model.to_bytes())
    return onnx.utils.Extractor(proto).extract_model([model.input_name], [name])


def reconstruction(encoder: OnnxModel, decoder: OnnxModel, code: str) -> onnx.ModelProto:
    """Return the decoded code as a model: ``X`` -> ``reconstruction``, of the same width."""
    graph = Graph(encoder.n_features)
    decoded = graph.call(decoder, graph.call(encoder, "X")[code])["x_mean"]
    return graph.model(Output("reconstruction", decoded, encoder.n_features))


def imputation(
    encoder: OnnxModel,
    decoder: OnnxModel,
    code: str,
    *,
    start: np.ndarray,
    n_iter: int,
    indicator: np.ndarray | None,
) -> onnx.ModelProto:
    """Return the iterated reconstruction of what is NaN as a model: ``X`` -> ``imputed``.

    Parameters
    ----------
    encoder, decoder : OnnxModel
    code : str
        The output of the encoder that the decoder takes.
    start : ndarray of shape (n_features,)
        The values from which missing ones start.
    n_iter : int
        Number of times that a row is encoded and decoded.
    indicator : ndarray of int, or None
        Features whose missingness is appended to the imputed ones, as 1 or 0.
    """
    graph = Graph(encoder.n_features)
    missing = graph.op("IsNaN", "X")
    imputed = graph.op("Where", missing, start, "X")
    for _ in range(n_iter):
        decoded = graph.call(decoder, graph.call(encoder, imputed)[code])["x_mean"]
        imputed = graph.op("Where", missing, decoded, "X")
    return _with_indicator(graph, imputed, missing, encoder.n_features, indicator)


def gap_imputation(imputer: OnnxModel, *, indicator: np.ndarray | None) -> onnx.ModelProto:
    """Return what a network puts in the place of what is NaN as a model: ``X`` -> ``imputed``.

    Parameters
    ----------
    imputer : OnnxModel
        From features, with 0 in their gaps, beside 1 where they are observed, else 0, to ``imputed``.
    indicator : ndarray of int, or None
        Features whose missingness is appended to the imputed ones, as 1 or 0.
    """
    n_features = imputer.n_features // 2
    graph = Graph(n_features)
    missing = graph.op("IsNaN", "X")
    observed = graph.op("Cast", graph.op("Not", missing), to=onnx.TensorProto.FLOAT)
    rows = graph.op("Concat", graph.op("Where", missing, 0.0, "X"), observed, axis=1)
    imputed = graph.op("Where", missing, graph.call(imputer, rows)["imputed"], "X")
    return _with_indicator(graph, imputed, missing, n_features, indicator)


def _with_indicator(
    graph: Graph, imputed: str, missing: str, n_features: int, indicator: np.ndarray | None
) -> onnx.ModelProto:
    if indicator is None:
        return graph.model(Output("imputed", imputed, n_features))
    told = graph.op("Cast", graph.op("Gather", missing, indicator, axis=1), to=onnx.TensorProto.FLOAT)
    both = graph.op("Concat", imputed, told, axis=1)
    return graph.model(Output("imputed", both, n_features + len(indicator)))
