"""From a Keras network to a canonical ONNX graph: same weights, same bytes."""

import logging
import threading
from collections.abc import Callable, Sequence

import onnx
import tensorflow as tf
import tf2onnx

OPSET = 18  # the highest that tf2onnx writes, and what skl2onnx can be asked for
IR_VERSION = 8  # the one of opset 18: ONNX Runtime 1.14 and later read it
ML_OPSET = 3  # of the ai.onnx.ml domain, at opset 18
PRODUCER = "vaefeat"

# tf2onnx numbers its names with one counter for the whole process.
_lock = threading.Lock()


def to_onnx(
    function: Callable, n_inputs: int, input_name: str, output_names: Sequence[str], graph_name: str
) -> onnx.ModelProto:
    """Convert a function of one float32 matrix into a canonical ONNX model.

    Parameters
    ----------
    function : callable
        From a tensor (n_samples, n_inputs) to a dict of tensors.
    n_inputs : int
    input_name, graph_name : str
    output_names : sequence of str
        The keys of that dict, in the order that the model is to have.

    Returns
    -------
    onnx.ModelProto
        Opset 18, IR version 8, one free dimension ``N``.
    """
    signature = [tf.TensorSpec([None, n_inputs], tf.float32, name=input_name)]
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with _lock:
        proto, _ = tf2onnx.convert.from_function(
            tf.function(function, autograph=False), input_signature=signature, opset=OPSET
        )
    outputs = sorted(proto.graph.output, key=lambda value: output_names.index(value.name))
    del proto.graph.output[:]
    proto.graph.output.extend(outputs)
    return canonicalize(proto, graph_name)


def canonicalize(proto: onnx.ModelProto, graph_name: str) -> onnx.ModelProto:
    """Give ``proto`` names and an order that depend on the computation alone, in place.

    tf2onnx draws names from counters that go on for as long as the process lives, so the same
    weights would otherwise make other bytes at each export.
    """
    graph = proto.graph
    interface = {value.name for value in (*graph.input, *graph.output)}
    new_names = {"": ""} | {name: name for name in interface}
    for i, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{i}"
        node.doc_string = ""
        for names in (node.input, node.output):
            for k, name in enumerate(names):
                names[k] = new_names.setdefault(name, f"t{len(new_names)}")
    initializers = sorted(graph.initializer, key=lambda tensor: int(new_names[tensor.name][1:]))
    for tensor in initializers:
        tensor.name = new_names[tensor.name]
    del graph.initializer[:]
    graph.initializer.extend(initializers)
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    graph.name = graph_name
    graph.doc_string = ""
    return _stamp(proto)


def _stamp(proto: onnx.ModelProto) -> onnx.ModelProto:
    used_domains = {node.domain for node in proto.graph.node}
    versions = {"": OPSET, "ai.onnx.ml": ML_OPSET}
    del proto.opset_import[:]
    proto.opset_import.extend(
        onnx.helper.make_opsetid(domain, versions[domain]) for domain in sorted(used_domains)
    )
    proto.ir_version = IR_VERSION
    proto.producer_name = PRODUCER
    proto.producer_version = ""
    proto.doc_string = ""
    del proto.metadata_props[:]
    return proto
