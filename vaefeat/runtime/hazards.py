"""Refuse graphs with which ONNX Runtime is known to crash, or to grow without end.

What can be seen in the file is refused here, at no cost; :mod:`vaefeat.runtime.sandbox` finds the rest by
trying the model in a separate process. Two kinds depend on the rows, so that no trial finds them: an
integer divided by zero, and the smallest integer divided by -1. Both kill the process. So integers may be
divided only by constants.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime.wire import (
    MalformedError,
    Value,
    as_int,
    as_message,
    as_signed,
    as_text,
    read_fields,
    read_integers,
)

MAX_FEATURES = 2**22
MAX_GROWTH = 2**12  # how many times its input a chain of concatenations may hold

# How many inputs must be given, for the operators that have optional ones; for the others, all.
_N_REQUIRED = {
    **dict.fromkeys("Clip Dropout ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean".split(), 1),
    **dict.fromkeys("ReduceMin ReduceProd ReduceSum ReduceSumSquare Split Squeeze".split(), 1),
    **dict.fromkeys("Conv ConvTranspose Gemm MatMulInteger".split(), 2),
    "Scan": 1,
    "Slice": 3,
}
_LOWEST = {"Conv": ("group", 1), "ConvTranspose": ("group", 1), "GatherND": ("batch_dims", 0)}
_FLOAT, _UINT8, _INT32, _INT64, _BOOL = 1, 2, 6, 7, 9  # of TensorProto.DataType
_INTEGERS: dict[int | None, np.dtype] = {
    **{2: np.dtype("<u1"), 3: np.dtype("<i1"), 4: np.dtype("<u2"), 5: np.dtype("<i2")},
    **{6: np.dtype("<i4"), 7: np.dtype("<i8"), 12: np.dtype("<u4"), 13: np.dtype("<u8")},
}
# The types of outputs that differ from the type of the first input.
_TYPES: dict[str, tuple[int | None, ...]] = {
    **dict.fromkeys("Equal Greater GreaterOrEqual IsNaN Less LessOrEqual".split(), (_BOOL,)),
    **dict.fromkeys("ArgMax ArgMin LabelEncoder Shape".split(), (_INT64,)),
    **dict.fromkeys("LinearClassifier SVMClassifier TreeEnsembleClassifier".split(), (_INT64, _FLOAT)),
    **dict.fromkeys("FeatureVectorizer LinearRegressor Normalizer OneHotEncoder Scaler".split(), (_FLOAT,)),
    **dict.fromkeys("SVMRegressor TreeEnsembleRegressor".split(), (_FLOAT,)),
    **dict.fromkeys("MaxPool TopK".split(), (None, _INT64)),
    "DynamicQuantizeLinear": (_UINT8, _FLOAT, _UINT8),
    "MatMulInteger": (_INT32,),
}
_FIXED_WIDTH = {"Conv", "ConvTranspose", "Gemm", "MatMul", "MatMulInteger"}  # set by their weights


@dataclass
class Node:
    """A node of a graph."""

    op_type: str = ""
    domain: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: list[memoryview] = field(default_factory=list)

    def attribute(self, name: str, number: int) -> Value | None:
        """Return field ``number`` of an attribute; None if there is none."""
        found = None
        for message in self.attributes:
            fields = dict(read_fields(message))
            if 1 in fields and as_text(fields[1]) == name:
                found = fields.get(number)
        return found


def read_node(message: memoryview) -> Node:
    """Parse a NodeProto."""
    node = Node()
    for number, value in read_fields(message):
        if number == 1:
            node.inputs.append(as_text(value))
        elif number == 2:
            node.outputs.append(as_text(value))
        elif number == 4:
            node.op_type = as_text(value)
        elif number == 5:
            node.attributes.append(as_message(value))
        elif number == 7:
            node.domain = as_text(value)
    return node


def check_node(node: Node) -> None:
    """Refuse a node that crashes ONNX Runtime by itself.

    Raises
    ------
    InvalidModelError
        If an input that must be given has no name, or an attribute is out of its range.
    """
    required = node.inputs[: _N_REQUIRED.get(node.op_type, len(node.inputs))]
    if "" in required:
        raise InvalidModelError(f"A node {node.op_type!r} of the model lacks an input.")
    if node.op_type not in _LOWEST:
        return
    name, lowest = _LOWEST[node.op_type]
    value = node.attribute(name, 3)
    if value is not None and as_signed(value) < lowest:
        raise InvalidModelError(
            f"A node {node.op_type!r} has {name} {as_signed(value)}, expected {lowest} or more."
        )


@dataclass
class _Facts:
    """What is known of the tensors of a graph, by name."""

    types: dict[str, int | None] = field(default_factory=dict)
    divisors: dict[str, memoryview] = field(default_factory=dict)  # constants
    sizes: dict[str, int] = field(default_factory=dict)  # in multiples of the input


def check_graph(message: memoryview) -> None:
    """Refuse a graph that can crash ONNX Runtime, depending on the rows, or that grows without end.

    Parameters
    ----------
    message : memoryview
        A GraphProto whose operators are allowed.

    Raises
    ------
    InvalidModelError
        If integers are divided by something other than constants, or by 0 or -1; if there are too many
        features or concatenations; if a Scan is within a Scan.
    """
    _visit_graph(message, _Facts(), [], is_inner=False)


def _visit_graph(message: memoryview, facts: _Facts, given: list[str], *, is_inner: bool) -> list[int | None]:
    """Check the nodes of a graph; return the types of its outputs."""
    outer = facts.types
    facts = _Facts(dict(outer), dict(facts.divisors), dict(facts.sizes))
    inputs, outputs, nodes = [], [], []
    for number, value in read_fields(message):
        if number == 1:
            nodes.append(read_node(as_message(value)))
        elif number == 5:
            _add_constant(as_message(value), facts)
        elif number == 11:
            inputs.append(_read_declaration(as_message(value)))
        elif number == 12:
            outputs.append(_read_declaration(as_message(value))[0])
    for position, (name, type_, dims) in enumerate(inputs):
        if not is_inner and any(dim > MAX_FEATURES for dim in dims):
            raise InvalidModelError(
                f"The model takes {max(dims)} features, more than the {MAX_FEATURES} allowed."
            )
        known = outer.get(given[position]) if position < len(given) else None
        facts.types.setdefault(name, known if known is not None else type_)
    for node in nodes:
        _visit_node(node, facts, is_inner=is_inner)
    return [facts.types.get(name) for name in outputs]


def _visit_node(node: Node, facts: _Facts, *, is_inner: bool) -> None:
    if node.op_type == "Div":
        _check_division(node, facts)
    sizes = [facts.sizes.get(name, 1) for name in node.inputs]
    size = sum(sizes) if node.op_type == "Concat" else max(sizes, default=1)
    if size > MAX_GROWTH:
        raise InvalidModelError(f"The model concatenates its input with itself more than {MAX_GROWTH} times.")
    types = _types_of(node, facts, is_inner=is_inner)
    for position, name in enumerate(node.outputs):
        facts.sizes[name] = 1 if node.op_type in _FIXED_WIDTH else size
        facts.types[name] = types[position] if position < len(types) else None


def _types_of(node: Node, facts: _Facts, *, is_inner: bool) -> list[int | None]:
    """Return the types of the outputs of a node; the last one stands for all that follow."""
    first = facts.types.get(node.inputs[0]) if node.inputs else None
    if node.op_type == "Cast":
        to = node.attribute("to", 3)
        return [None if to is None else as_int(to)]
    if node.op_type in ("Where", "CastLike"):
        return [facts.types.get(name) for name in node.inputs[1:2]]
    if node.op_type == "Constant":
        return [_constant_type(node, facts)]
    if node.op_type == "Scan":
        if is_inner:
            raise InvalidModelError("The model holds a Scan within a Scan, which is not allowed.")
        body = node.attribute("body", 6)
        return [] if body is None else _visit_graph(as_message(body), facts, node.inputs, is_inner=True)
    types = [first if type_ is None else type_ for type_ in _TYPES.get(node.op_type, (None,))]
    return types + [types[-1]] * (len(node.outputs) - len(types))


def _constant_type(node: Node, facts: _Facts) -> int | None:
    value = node.attribute("value", 5)
    if value is not None and node.outputs:
        return _add_constant(as_message(value), facts, node.outputs[0])
    is_integer = node.attribute("value_int", 3) is not None or node.attribute("value_ints", 8) is not None
    return _INT64 if is_integer else _FLOAT


def _add_constant(message: memoryview, facts: _Facts, name: str = "") -> int | None:
    fields = dict(read_fields(message))
    name = name or as_text(fields.get(8, memoryview(b"")))
    facts.types[name] = type_ = as_int(fields.get(2, 0))
    facts.divisors[name] = message
    return type_


def _check_division(node: Node, facts: _Facts) -> None:
    types = {facts.types.get(name) for name in node.inputs}
    if types.isdisjoint(_INTEGERS):
        return
    divisor = facts.divisors.get(node.inputs[-1])
    if divisor is not None and facts.types.get(node.inputs[-1]) not in _INTEGERS:
        return  # both inputs of Div have the same type: what was taken for integers is not
    if divisor is None:
        raise InvalidModelError("The model divides integers by what is not a constant, which is not allowed.")
    if not {0, -1}.isdisjoint(_integers_of(divisor)):
        raise InvalidModelError("The model divides integers by 0 or -1, which is not allowed.")


def _integers_of(tensor: memoryview) -> Iterable[int]:
    """Return the values of a tensor of integers."""
    values: list[int] = []
    type_ = None
    raw = memoryview(b"")
    for number, value in read_fields(tensor):
        if number == 2:
            type_ = as_int(value)
        elif number in (5, 7, 11):  # int32_data, int64_data, uint64_data
            values += (as_signed(each) for each in read_integers(value))
        elif number == 9:
            raw = as_message(value)
    if type_ not in _INTEGERS or len(raw) % _INTEGERS[type_].itemsize:
        raise MalformedError("expected integers")
    return [*values, *np.frombuffer(raw, _INTEGERS[type_]).tolist()]


def _read_declaration(message: memoryview) -> tuple[str, int | None, list[int]]:
    """Return the name, type and fixed dimensions of a ValueInfoProto that describes a tensor."""
    fields = dict(read_fields(message))
    name = as_text(fields.get(1, memoryview(b"")))
    tensor = dict(read_fields(as_message(fields.get(2, memoryview(b"")))))
    described = dict(read_fields(as_message(tensor.get(1, memoryview(b"")))))
    dims = [
        as_signed(dict(read_fields(as_message(dim))).get(1, 0))
        for number, dim in read_fields(as_message(described.get(2, memoryview(b""))))
        if number == 1
    ]
    return name, as_int(described.get(1, 0)) or None, dims
