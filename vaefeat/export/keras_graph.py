"""From a Keras network to a canonical ONNX graph: same weights, same bytes."""

import logging
import threading
from collections.abc import Callable, Sequence

import onnx
import tensorflow as tf
import tf2onnx

from vaefeat.export.canonical import OPSET, canonicalize

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
