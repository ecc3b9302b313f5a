"""Damaged models: exported ones with something changed, and each allowed operator with odd arguments."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ODD = [0, 1, -1, 2, 3, 7, 2**31 - 1, -(2**31), 2**40, 2**63 - 1, -(2**63)]
TYPES = [TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.UINT8]
OPSETS = {"": 18, "ai.onnx.ml": 3}
OPERATORS = {
    "": "Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Clip Concat Constant Conv "
    "ConvTranspose Cos Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Flatten Floor Gather "
    "GatherElements GatherND Gelu Gemm GlobalAveragePool Greater GreaterOrEqual HardSigmoid Identity IsNaN "
    "LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul MatMulInteger Max MaxPool Mean Min "
    "Mul Neg Not Or Pow Reciprocal ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin "
    "ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round Scan Selu Shape Sigmoid Sign Sin Slice Softmax "
    "Softplus Softsign Split Sqrt Squeeze Sub Sum Tanh TopK Transpose Unsqueeze Where Xor",
    "ai.onnx.ml": "ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier "
    "LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsembleClassifier "
    "TreeEnsembleRegressor",
}


def mutants(models: Sequence[bytes], n_mutants: int, seed: int = 0) -> Iterator[bytes]:
    """Yield damaged models, the same ones for the same seed.

    Parameters
    ----------
    models : sequence of bytes
        Sound ones, of which half the mutants are made.
    n_mutants : int
    seed : int
    """
    rng = np.random.default_rng(seed)
    operators = [(domain, name) for domain, names in OPERATORS.items() for name in names.split()]
    for k in range(n_mutants):
        if k % 2:
            yield odd_operator(rng, *operators[k // 2 % len(operators)])
        else:
            yield damaged(rng, models[k // 2 % len(models)])


def damaged(rng: np.random.Generator, model: bytes) -> bytes:
    """Change one to three things in a model, without its card, which has a sha256."""
    proto = onnx.load_model_from_string(model)
    del proto.metadata_props[:]
    for _ in range(rng.integers(1, 4)):
        change = [_rename_input, _change_operator, _change_attribute, _change_shape, _change_value, _double]
        change[rng.integers(len(change))](rng, proto.graph)
    content = proto.SerializeToString()
    return content if rng.random() < 0.8 else _flip(rng, content)


def odd_operator(rng: np.random.Generator, domain: str, op_type: str) -> bytes:
    """Return a model with one operator, with inputs and attributes by chance; a third work on integers."""
    constants = [_constant(rng, f"c{k}") for k in range(4)]
    on_integers = rng.random() < 0.3
    first = "i" if on_integers else "X"
    names = [first, first, "", *(each.name for each in constants)]
    inputs = [first, *(names[rng.integers(len(names))] for _ in range(rng.integers(0, 4)))]
    node = helper.make_node(op_type, inputs, ["h"], domain=domain, **_attributes(rng, domain, op_type))
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["X"], ["i"], to=TYPES[rng.integers(1, len(TYPES))]),
            node,
            helper.make_node("Cast", ["h"], ["Y"], to=TensorProto.FLOAT),
        ],
        "graph",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["N", int(rng.integers(1, 6))])],
        initializer=constants,
    )
    opsets = [helper.make_opsetid(*version) for version in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def _attributes(rng: np.random.Generator, domain: str, op_type: str) -> dict[str, object]:
    schema = onnx.defs.get_schema(op_type, OPSETS[domain], domain) if op_type != "Gelu" else None
    values = {name: _value(rng, each) for name, each in (schema.attributes if schema else {}).items()}
    return {name: value for name, value in values.items() if value is not None}


def _constant(rng: np.random.Generator, name: str) -> TensorProto:
    shape = [(), (1,), (2,), (4,), (4, 4), (1, 4), (0,), (2, 3, 1, 1), (4, 1, 3, 3)][rng.integers(9)]
    dtype = [np.float32, np.int64, np.int32, np.bool_, np.uint8][rng.integers(5)]
    values = rng.choice(np.array([0, 1, 2, 3, -1, 5, 2**31 - 1, -(2**31)], object), shape)
    return numpy_helper.from_array(np.asarray(values, object).astype(np.int64).astype(dtype), name)


def _value(rng: np.random.Generator, attribute: onnx.defs.OpSchema.Attribute) -> object:
    if not attribute.required and rng.random() < 0.6:
        return None
    kinds = onnx.defs.OpSchema.AttrType
    n = int(rng.integers(0, 6))
    match attribute.type:
        case kinds.INT:
            return ODD[rng.integers(len(ODD))]
        case kinds.INTS:
            return [ODD[rng.integers(len(ODD))] for _ in range(n)] or None
        case kinds.FLOAT:
            return float(rng.choice([0, 1, -1, np.nan, np.inf, 1e-30]))
        case kinds.FLOATS:
            return [float(value) for value in rng.normal(size=n)] or None
        case kinds.STRING:
            return str(rng.choice(["", "NONE", "SAME_UPPER", "VALID", "SOFTMAX", "BRANCH_LEQ", "\x1b[2J\n"]))
        case kinds.STRINGS:
            return [str(rng.choice(["BRANCH_LEQ", "LEAF", "a", ""])) for _ in range(n)] or None
        case kinds.TENSOR:
            return _constant(rng, "t")
    return None


# --- changes ---


def _pick(rng: np.random.Generator, items: Sequence) -> Any:
    return items[rng.integers(len(items))]


def _rename_input(rng: np.random.Generator, graph: onnx.GraphProto) -> None:
    node = _pick(rng, graph.node)
    if node.input:
        known = ["", "X", *(each.name for each in graph.initializer)]
        known += [name for each in graph.node for name in each.output]
        node.input[rng.integers(len(node.input))] = _pick(rng, known)


def _change_operator(rng: np.random.Generator, graph: onnx.GraphProto) -> None:
    domain = "" if rng.random() < 0.8 else "ai.onnx.ml"
    node = _pick(rng, graph.node)
    node.op_type, node.domain = str(_pick(rng, OPERATORS[domain].split())), domain


def _change_attribute(rng: np.random.Generator, graph: onnx.GraphProto) -> None:
    attributes = [each for node in graph.node for each in node.attribute]
    if not attributes:
        return _rename_input(rng, graph)
    attribute = _pick(rng, attributes)
    if attribute.type == onnx.AttributeProto.INTS and attribute.ints:
        attribute.ints[rng.integers(len(attribute.ints))] = _pick(rng, ODD)
    else:
        attribute.type, attribute.i = onnx.AttributeProto.INT, _pick(rng, ODD)


def _change_shape(rng: np.random.Generator, graph: onnx.GraphProto) -> None:
    tensor = _pick(rng, graph.initializer) if graph.initializer else None
    if tensor is None or not tensor.dims:
        return _rename_input(rng, graph)
    k = rng.integers(len(tensor.dims))
    tensor.dims[k] = int(_pick(rng, [0, 1, -1, tensor.dims[k] * 2, 2**31, 2**40]))


def _change_value(rng: np.random.Generator, graph: onnx.GraphProto) -> None:
    integers = [each for each in graph.initializer if each.data_type in (6, 7) and each.raw_data]
    if not integers:
        return _change_operator(rng, graph)
    tensor = _pick(rng, integers)
    values = np.frombuffer(tensor.raw_data, np.int32 if tensor.data_type == 6 else np.int64).copy()
    values[rng.integers(values.size)] = _pick(rng, ODD[:7])
    tensor.raw_data = values.tobytes()


def _double(rng: np.random.Generator, graph: onnx.GraphProto) -> None:
    graph.node.insert(int(rng.integers(len(graph.node))), _pick(rng, graph.node))


def _flip(rng: np.random.Generator, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.integers(1, 8)):
        changed[rng.integers(len(changed))] = rng.integers(256)
    return bytes(changed)
