"""The one form of our ONNX graphs: same computation, same bytes."""

from collections.abc import Iterator, Mapping
from itertools import count

import onnx

from vaefeat.exceptions import ExportError

OPSET = 18  # the highest that tf2onnx writes, and one that skl2onnx can be asked for
OPSETS = {"": OPSET, "ai.onnx.ml": 3}  # the latter goes with opset 18
IR_VERSION = 8  # of opset 18: ONNX Runtime 1.14 and later read it
PRODUCER = "vaefeat"
FEATURES_CAST = "vaefeat_features"  # the name of the node after an encoder within a Pipeline


def canonicalize(proto: onnx.ModelProto, graph_name: str) -> onnx.ModelProto:
    """Give ``proto`` names and an order that depend only on the computation, in place.

    The converters draw names from counters that go on for as long as the process lives, so the same
    weights would otherwise give different bytes at each export.
    """
    graph = proto.graph
    names = {name: name for name in ("", *(value.name for value in (*graph.input, *graph.output)))}
    _rename(graph, names, count())
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    graph.name = graph_name
    graph.doc_string = ""
    return _stamp(proto)


def embeddable(proto: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Return a model in the form in which skl2onnx can add it to a graph of an opset.

    All nodes have names. Tensors, inputs and outputs too, have names that do not end in a digit: skl2onnx
    makes a name unique by appending digits, so that, of t3 and t31, the former could become the latter.

    Raises
    ------
    ExportError
        If the model has operators that this opset does not have.
    """
    proto = at_opset(proto, opset)
    _rename(proto.graph, {"": ""}, count(), "t{}_")
    return proto


def replace_names(graph: onnx.GraphProto, new_names: Mapping[str, str]) -> None:
    """Give some tensors of a graph other names, wherever they occur."""
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [new_names.get(tensor, tensor) for tensor in tensors]
    for value in (*graph.input, *graph.output):
        value.name = new_names.get(value.name, value.name)


def _rename(graph: onnx.GraphProto, names: dict[str, str], numbers: Iterator[int], form: str = "t{}") -> None:
    """Renumber the nodes and the tensors of a graph, and of those within it, in the order of their use."""
    for node in graph.node:
        node.name = f"{node.op_type}_{next(numbers)}"
        node.doc_string = ""
        for tensors in (node.input, node.output):
            tensors[:] = [names.setdefault(name, form.format(len(names))) for name in tensors]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename(attribute.g, names, numbers, form)
    for value in (*graph.input, *graph.output):
        value.name = names.setdefault(value.name, form.format(len(names)))
    order = {name: position for position, name in enumerate(names)}
    initializers = sorted(graph.initializer, key=lambda tensor: order.get(tensor.name, len(order)))
    for tensor in initializers:
        tensor.name = names.setdefault(tensor.name, form.format(len(names)))
    del graph.initializer[:]
    graph.initializer.extend(initializers)
    del graph.value_info[:]


def _stamp(proto: onnx.ModelProto) -> onnx.ModelProto:
    used_domains = {"ai.onnx.ml" if node.domain == "ai.onnx.ml" else "" for node in proto.graph.node}
    del proto.opset_import[:]
    proto.opset_import.extend(
        onnx.helper.make_opsetid(domain, OPSETS[domain]) for domain in sorted({"", *used_domains})
    )
    proto.ir_version = IR_VERSION
    proto.producer_name = PRODUCER
    proto.producer_version = ""
    proto.doc_string = ""
    del proto.metadata_props[:]
    return proto


def at_opset(proto: onnx.ModelProto, target: int) -> onnx.ModelProto:
    """Return the model at another opset.

    Raises
    ------
    ExportError
        If it has operators that this opset does not have.
    """
    if target in (opset.version for opset in proto.opset_import if opset.domain == ""):
        return proto
    try:
        return onnx.version_converter.convert_version(proto, target)
    except RuntimeError as exc:
        raise ExportError(
            f"The encoder cannot be had at opset {target}; ask for target_opset={OPSETS}."
        ) from exc
