"""From a Keras network to a canonical ONNX graph: same weights, same bytes."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from vaefeat.export.canonical import OPSET, canonicalize

# tf2onnx numbers its names with one counter for the whole process.
_lock = threading.Lock()


def to_onnx(
    function: Callable,
    n_inputs: int,
    input_name: str,
    output_names: Sequence[str],
    variables: Sequence[keras.Variable] = (),
) -> onnx.ModelProto:
    """Convert a function of one float32 matrix into an ONNX model whose weights are further inputs.

    The converter would copy weights a dozen times. Without them, its result serves all networks of a kind.

    Parameters
    ----------
    function : callable
        From a tensor (n_samples, n_inputs) to a dict of tensors.
    n_inputs : int
    input_name : str
    output_names : sequence of str
        The keys of that dict, in the order that the model is to have.
    variables : sequence of keras.Variable
        Those that the function reads; others are allowed.

    Returns
    -------
    onnx.ModelProto
        Opset 18. See :func:`with_weights` for what is left to do.
    """

    def of_weights(x: tf.Tensor, *values: tf.Tensor) -> dict[str, tf.Tensor]:
        with keras.StatelessScope(list(zip(variables, values, strict=True))):
            return function(x)

    signature = [
        tf.TensorSpec([None, n_inputs], tf.float32, name=input_name),
        *(tf.TensorSpec(each.shape, each.dtype, name=_name(i)) for i, each in enumerate(variables)),
    ]
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with _lock:
        proto, _ = tf2onnx.convert.from_function(
            tf.function(of_weights, autograph=False), input_signature=signature, opset=OPSET
        )
    outputs = sorted(proto.graph.output, key=lambda value: output_names.index(value.name))
    del proto.graph.output[:]
    proto.graph.output.extend(outputs)
    return proto


def with_weights(
    proto: onnx.ModelProto, variables: Sequence[keras.Variable], graph_name: str
) -> onnx.ModelProto:
    """Return a model in canonical form, with the values of variables for the weights that are inputs.

    What depends on weights alone, such as a transposed kernel, is computed once and for all.

    Parameters
    ----------
    proto : onnx.ModelProto
        By :func:`to_onnx`; left as it is.
    variables : sequence of keras.Variable
        As for that function, or those of another network of its kind.
    graph_name : str

    Returns
    -------
    onnx.ModelProto
        Opset 18, IR version 8, one free dimension ``N``.
    """
    filled = onnx.ModelProto()
    filled.CopyFrom(proto)
    graph = filled.graph
    used = {name for node in graph.node for name in node.input}
    values = {_name(i): np.asarray(each) for i, each in enumerate(variables) if _name(i) in used}
    nodes = _fold(graph, values)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.input[1:], graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    graph.initializer.extend(_empty(value, name) for name, value in values.items() if name in used)
    canonicalize(filled, graph_name)
    for tensor in graph.initializer:
        if tensor.HasField("doc_string"):
            tensor.raw_data = numpy_helper.from_array(values.pop(tensor.doc_string)).raw_data
            tensor.ClearField("doc_string")
    return filled


def _empty(value: np.ndarray, name: str) -> onnx.TensorProto:
    """Return a tensor without its data, which would be copied whenever the tensor is moved."""
    data_type = helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.TensorProto(name=name, doc_string=name, data_type=data_type, dims=value.shape)


def _name(i: int) -> str:
    return f"weight_{i}"


def _fold(graph: onnx.GraphProto, values: dict[str, np.ndarray]) -> list[onnx.NodeProto]:
    """Return the nodes that depend on more than weights; add what the others give to ``values``."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if values.keys() & set(node.input) and set(node.input) <= values.keys() | constants.keys():
            values |= _run(node, {name: values.get(name, constants.get(name)) for name in node.input})
        else:
            nodes.append(node)
    return nodes


def _run(node: onnx.NodeProto, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the outputs of one node by their names."""
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in inputs.items()
    ]
    graph = helper.make_graph([node], "node", given, [onnx.ValueInfoProto(name=name) for name in node.output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    return dict(zip(node.output, ReferenceEvaluator(model).run(None, dict(inputs)), strict=True))
