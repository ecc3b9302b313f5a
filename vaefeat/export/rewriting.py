"""Graphs of skl2onnx in the operators that files may hold.

Files whose operators make large tensors from nothing are refused (:mod:`vaefeat.runtime.inspection`). Where
skl2onnx emits such an operator, it asks for a tensor shaped like another one, which other operators can give.
"""

from collections.abc import Iterator

import numpy as np
import onnx
import onnx.inliner
from onnx import NodeProto, TensorProto
from onnx.helper import get_node_attr_value, make_node
from onnx.numpy_helper import from_array, to_array

UNUSABLE = {"SequenceConstruct", "ZipMap"}  # they make outputs that are not tensors


def rewrite(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model without local functions, without ConstantOfShape and without sequences.

    ::

        like --Shape--> ConstantOfShape(value)        is written as
        like --Equal(like)--> And(False) --> Cast --> Add(value)

    Raises
    ------
    NotImplementedError
        If operators remain that ONNX does not have.
    """
    if proto.functions:
        proto = onnx.inliner.inline_local_functions(proto)
    graph = proto.graph
    if any(node.op_type in UNUSABLE for node in graph.node):
        _drop_unused(graph)
    producers = {name: node for node in graph.node for name in node.output}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            nodes += _filled_like(graph, node, producers)
        else:
            nodes.append(node)
    if foreign := {node.op_type for node in nodes if not onnx.defs.has(node.op_type, node.domain)}:
        raise NotImplementedError(f"it needs {sorted(foreign)}, which are no operators of ONNX.")
    if len(nodes) != len(graph.node):
        del graph.node[:]
        graph.node.extend(nodes)
    return proto


def is_column(graph: onnx.GraphProto, name: str) -> bool:
    """Return whether labels are of shape (N, 1), whatever is declared, since an ArgMax keeps dimensions."""
    producers = {output: node for node in graph.node for output in node.output}
    node = producers.get(name)
    while node is not None and node.op_type in ("Cast", "Identity"):
        node = producers.get(node.input[0])
    if node is None or node.op_type != "ArgMax":
        return False
    return all(attribute.i for attribute in node.attribute if attribute.name == "keepdims")


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Drop the nodes that no output depends on."""
    needed = {value.name for value in graph.output}
    nodes = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            nodes.append(node)
    nodes.reverse()
    del graph.node[:]
    graph.node.extend(nodes)


def _filled_like(
    graph: onnx.GraphProto, node: NodeProto, producers: dict[str, NodeProto]
) -> Iterator[NodeProto]:
    """Yield what stands for a ConstantOfShape whose shape is that of a tensor, or (N, a number)."""
    value = _value_of(node)
    fixed = _constant(graph, node.input[0])
    (output,) = node.output
    if fixed is not None:
        graph.initializer.append(from_array(np.full(fixed, value), output))
        return
    like = _tensor_of_that_shape(producers.get(node.input[0]), producers)
    if like is None:
        yield node  # which is refused
        return
    tensor, n_columns = like
    like_name = tensor
    if n_columns:
        like_name = f"{output}_like"
        width = _constant(graph, n_columns)
        columns = np.zeros(1 if width is None else int(width[0]), np.int64)
        graph.initializer.append(from_array(columns, f"{output}_columns"))
        yield make_node("Gather", [tensor, f"{output}_columns"], [like_name], axis=1)
    graph.initializer.append(from_array(np.array(False), f"{output}_false"))
    graph.initializer.append(from_array(value, f"{output}_value"))
    yield make_node("Equal", [like_name, like_name], [f"{output}_equal"])
    yield make_node("And", [f"{output}_equal", f"{output}_false"], [f"{output}_none"])
    kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    yield make_node("Cast", [f"{output}_none"], [f"{output}_zeros"], to=kind)
    yield make_node("Add", [f"{output}_zeros", f"{output}_value"], [output])


def _tensor_of_that_shape(shape: NodeProto | None, producers: dict[str, NodeProto]) -> tuple[str, str] | None:
    """Return the tensor whose shape a node gives, and, if it takes only the rows, the number of columns."""
    if shape is not None and shape.op_type == "Shape":
        return shape.input[0], ""
    if shape is not None and shape.op_type == "Concat" and len(shape.input) == 2:
        n_rows = producers.get(shape.input[0])
        whole = producers.get(n_rows.input[0]) if n_rows is not None else None
        if whole is not None and whole.op_type == "Shape":
            return whole.input[0], shape.input[1]
    return None


def _value_of(node: NodeProto) -> np.ndarray:
    tensor: TensorProto | None = get_node_attr_value(node, "value") if node.attribute else None
    return np.zeros((), np.float32) if tensor is None else to_array(tensor).reshape(())


def _constant(graph: onnx.GraphProto, name: str) -> np.ndarray | None:
    return next((to_array(tensor) for tensor in graph.initializer if tensor.name == name), None)
