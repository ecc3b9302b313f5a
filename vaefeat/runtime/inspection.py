"""Refuse hostile or broken ONNX files before ONNX Runtime sees them.

A crafted model can read files, ask for gigabytes while it is being loaded, or kill the process
(docs/security.md of onnx lists such cases). The models that vaefeat exports need none of the features
that make this possible, so only a short list of operators is allowed, without the combinations that crash
ONNX Runtime (:mod:`vaefeat.runtime.hazards`).

The work of the allowed operators is not limited. What the commands and the service load is therefore tried
first in a process with its own limits (:mod:`vaefeat.runtime.sandbox`).
"""

import hashlib
from dataclasses import dataclass, field

from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime.hazards import check_graph, check_node, read_node
from vaefeat.runtime.wire import (
    MalformedError,
    as_int,
    as_message,
    as_text,
    read_fields,
    read_integers,
    scan,
)

MAX_BYTES = 512 * 2**20
MAX_NODES = 10_000
MAX_DEPTH = 4  # of graphs within nodes within graphs
IR_VERSIONS = range(3, 11)
OPSETS = {"": range(7, 23), "ai.onnx.ml": range(1, 5)}

# The layers of encoders and decoders, and what skl2onnx converts scikit-learn's estimators to. Left out
# on purpose: operators that branch or loop (except Scan, which ends with its input and which distances to
# neighbors need), random ones, and those that create large tensors from small files (ConstantOfShape,
# Expand, Tile, Range, Resize, Pad, OneHot). Compress, CumSum, LpNormalization and NonZero are needed by
# scikit-learn's imputers and ensembles, and return no more than they are given.
OPERATORS = {
    "": frozenset(
        "Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Clip Compress Concat "
        "Constant Conv ConvTranspose Cos CumSum Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp "
        "Flatten Floor Gather GatherElements GatherND Gelu Gemm GlobalAveragePool Greater GreaterOrEqual "
        "HardSigmoid Identity IsNaN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax "
        "LpNormalization MatMul MatMulInteger Max MaxPool Mean Min Mul Neg NonZero Not Or Pow Reciprocal "
        "ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
        "ReduceSumSquare Relu Reshape Round Scan Selu Shape Sigmoid Sign Sin Slice Softmax Softplus "
        "Softsign Split Sqrt Squeeze Sub Sum Tanh TopK Transpose Unsqueeze Where Xor".split()
    ),
    "ai.onnx.ml": frozenset(
        "ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier "
        "LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsembleClassifier "
        "TreeEnsembleRegressor".split()
    ),
}

_EXTERNAL = 1  # TensorProto.DataLocation
_METADATA = 14  # field of ModelProto


@dataclass
class Inspection:
    """The facts that an accepted file states about itself."""

    ir_version: int = 0
    opsets: dict[str, int] = field(default_factory=dict)
    n_nodes: int = 0
    metadata: dict[str, str] = field(default_factory=dict)


def inspect_model(model: bytes) -> Inspection:
    """Check a serialized ONNX model, and return the facts that it states about itself.

    Parameters
    ----------
    model : bytes

    Returns
    -------
    Inspection

    Raises
    ------
    InvalidModelError
        If the file is not an ONNX model, is too large, refers to other files, or uses a domain, a
        function, an operator, an opset or an IR version that vaefeat's models do not use.
    """
    if not model:
        raise InvalidModelError("Got an empty file, expected an ONNX model.")
    if len(model) > MAX_BYTES:
        raise InvalidModelError(f"The model has {len(model)} bytes, more than the {MAX_BYTES} allowed.")
    found = Inspection()
    try:
        n_graphs = _visit_model(memoryview(model), found)
    except (LookupError, UnicodeDecodeError, MalformedError) as exc:
        raise InvalidModelError("The file is not an ONNX model, or it is truncated.") from exc
    if n_graphs != 1 or not found.n_nodes:
        raise InvalidModelError("The file is not an ONNX model: it does not hold one graph.")
    _check_versions(found)
    return found


def sha256_of_weights(model: bytes) -> str:
    """Return the sha256 of a serialized model without its metadata.

    The exporter writes it into the card, which is part of the metadata.
    """
    message = memoryview(model)
    digest = hashlib.sha256()
    for field_ in scan(message):
        if field_.number != _METADATA:
            digest.update(message[field_.start : field_.stop])
    return digest.hexdigest()


def _check_versions(found: Inspection) -> None:
    if found.ir_version not in IR_VERSIONS:
        raise InvalidModelError(
            f"The model has IR version {found.ir_version}, expected one of "
            f"{IR_VERSIONS.start} to {IR_VERSIONS.stop - 1}."
        )
    if "" not in found.opsets:
        raise InvalidModelError("The model does not say which opset it uses.")
    for domain, version in found.opsets.items():
        if domain not in OPSETS:
            raise InvalidModelError(f"The model uses the operator domain {domain!r}, which is not allowed.")
        allowed = OPSETS[domain]
        if version not in allowed:
            raise InvalidModelError(
                f"The model has opset {version} of domain {domain!r}, expected one of "
                f"{allowed.start} to {allowed.stop - 1}. Export it again with opset 18."
            )


# --- ONNX messages, by the field numbers of onnx.proto ---


def _visit_model(message: memoryview, found: Inspection) -> int:
    n_graphs = 0
    for number, value in read_fields(message):
        if number == 1:
            found.ir_version = as_int(value)
        elif number == 7:
            n_graphs += 1
            _visit_graph(as_message(value), found, depth=1)
            check_graph(as_message(value))
        elif number == 8:
            opset = dict(read_fields(as_message(value)))
            found.opsets[as_text(opset.get(1, memoryview(b"")))] = as_int(opset.get(2, 0))
        elif number == _METADATA:
            entry = dict(read_fields(as_message(value)))
            found.metadata[as_text(entry[1])] = as_text(entry.get(2, memoryview(b"")))
        elif number == 25:
            raise InvalidModelError("The model defines functions of its own, which is not allowed.")
    return n_graphs


def _visit_graph(message: memoryview, found: Inspection, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidModelError(f"The model nests graphs deeper than {MAX_DEPTH} levels.")
    for number, value in read_fields(message):
        if number == 1:
            _visit_node(as_message(value), found, depth)
        elif number == 5:
            _visit_tensor(as_message(value))
        elif number == 15:
            raise InvalidModelError("The model holds sparse weights, which is not allowed.")


def _visit_node(message: memoryview, found: Inspection, depth: int) -> None:
    found.n_nodes += 1
    if found.n_nodes > MAX_NODES:
        raise InvalidModelError(f"The model has more than {MAX_NODES} nodes.")
    node = read_node(message)
    for attribute in node.attributes:
        _visit_attribute(attribute, found, depth)
    if node.op_type not in OPERATORS.get(node.domain, ()):
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        raise InvalidModelError(f"The model uses the operator {name!r}, which is not allowed.")
    check_node(node)


def _visit_attribute(message: memoryview, found: Inspection, depth: int) -> None:
    for number, value in read_fields(message):
        if number in (5, 10):  # t, tensors
            _visit_tensor(as_message(value))
        elif number in (6, 11):  # g, graphs
            _visit_graph(as_message(value), found, depth + 1)
        elif number in (22, 23):  # sparse_tensor, sparse_tensors
            raise InvalidModelError("The model holds sparse weights, which is not allowed.")


def _visit_tensor(message: memoryview) -> None:
    n_elements, n_bytes = 1, 0  # n_elements stays small: too large a value is refused at once
    for number, value in read_fields(message):
        if number == 13 or (number == 14 and value == _EXTERNAL):
            raise InvalidModelError("The model refers to weights in another file, which is not allowed.")
        if number == 1:  # dims, packed or one by one
            for dim in read_integers(value):
                n_elements *= dim
                if n_elements > MAX_BYTES:
                    raise InvalidModelError("A tensor declares more elements than a file may have bytes.")
        elif not isinstance(value, int):
            n_bytes += len(value)
        else:
            n_bytes += 8
    # Every stored number takes at least one byte, except in int4 tensors, which vaefeat does not export.
    if n_elements > n_bytes:
        raise InvalidModelError(f"A tensor declares {n_elements} elements but holds {n_bytes} bytes.")
