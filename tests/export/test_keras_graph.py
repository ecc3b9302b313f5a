import keras
import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose
from onnx import helper, numpy_helper

from tests.onnx_models import FLOAT
from vaefeat.export.keras_graph import canonicalize, to_onnx, with_weights
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.inspection import OPSETS

RNG = np.random.default_rng(0)
WEIGHTS = RNG.standard_normal((3, 2)).astype(np.float32)
X = RNG.standard_normal((7, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def weights():
    return keras.Variable(WEIGHTS, name="kernel")


@pytest.fixture(scope="module")
def convert(weights):
    def two_outputs(x):
        hidden = keras.ops.tanh(keras.ops.matmul(x, weights))
        return {"first": hidden, "second": hidden * 2.0 + 1.0}

    def convert(output_names=("first", "second")):
        return with_weights(to_onnx(two_outputs, 3, "X", output_names, [weights]), [weights], "pair")

    return convert


@pytest.fixture(scope="module")
def proto(convert):
    return convert()


def test_the_graph_computes_the_function(proto):
    outputs = OnnxModel(proto.SerializeToString()).run(X)
    hidden = np.tanh(X @ WEIGHTS)
    assert_allclose(outputs["first"], hidden, atol=1e-6)
    assert_allclose(outputs["second"], 2 * hidden + 1, atol=1e-6)


@pytest.mark.parametrize("names", [("first", "second"), ("second", "first")])
def test_outputs_have_the_order_that_is_asked_for(names, convert):
    assert [output.name for output in convert(names).graph.output] == list(names)


def test_an_output_that_nobody_named_is_an_error(convert):
    with pytest.raises(ValueError, match="second"):
        convert(["first"])


def test_the_interface_is_a_float32_matrix_of_free_length(proto):
    (X,) = proto.graph.input
    assert X.name == "X"
    for value, width in ((X, 3), *((output, 2) for output in proto.graph.output)):
        kind = value.type.tensor_type
        assert kind.elem_type == FLOAT
        assert [dim.dim_param or dim.dim_value for dim in kind.shape.dim] == ["N", width]


def test_versions_and_domains_follow_the_contract(proto):
    assert proto.ir_version == 8
    assert [(opset.domain, opset.version) for opset in proto.opset_import] == [("", 18)]
    assert set(OPSETS) >= {node.domain for node in proto.graph.node}
    onnx.checker.check_model(proto, full_check=True)


def test_nothing_of_the_converter_s_counters_versions_and_comments_remains(proto):
    assert (proto.producer_name, proto.producer_version, proto.doc_string) == ("vaefeat", "", "")
    assert (proto.graph.name, proto.graph.doc_string) == ("pair", "")
    assert not proto.metadata_props
    assert not proto.graph.value_info
    for i, node in enumerate(proto.graph.node):
        assert (node.name, node.doc_string) == (f"{node.op_type}_{i}", "")
    assert b"StatefulPartitionedCall" not in proto.SerializeToString()


def test_the_same_function_gives_the_same_bytes_each_time(proto, convert):
    convert(("second", "first"))  # moves the counters that TensorFlow and tf2onnx take names from
    again = convert()
    assert again.SerializeToString(deterministic=True) == proto.SerializeToString(deterministic=True)


# --- weights ---


def test_one_graph_serves_other_weights():
    graph = to_onnx(lambda x: {"y": x @ kernel}, 3, "X", ["y"], [kernel := keras.Variable(WEIGHTS)])
    filled = with_weights(graph, [keras.Variable(2 * WEIGHTS)], "linear")
    assert_allclose(OnnxModel(filled.SerializeToString()).run(X)["y"], 2 * X @ WEIGHTS, atol=1e-6)
    assert len(graph.graph.initializer) == 0


def test_what_depends_on_weights_alone_is_computed_once():
    kernel, unused = keras.Variable(WEIGHTS.T), keras.Variable(np.ones(1_000))

    def function(x):
        return {"y": x @ keras.ops.exp(keras.ops.transpose(kernel))}

    graph = to_onnx(function, 3, "X", ["y"], [kernel, unused])
    filled = with_weights(graph, [kernel, unused], "linear")
    assert [node.op_type for node in filled.graph.node] == ["MatMul"]
    assert [tuple(tensor.dims) for tensor in filled.graph.initializer] == [(3, 2)]
    assert_allclose(OnnxModel(filled.SerializeToString()).run(X)["y"], X @ np.exp(WEIGHTS), atol=1e-5)


# --- canonical names ---


def named_model(hidden, weights, bias, *, reverse=False):
    """Return a model (N, 3) -> (N, 2) whose inner names are given."""
    nodes = [
        helper.make_node("MatMul", ["X", weights], [hidden], name=f"node of {hidden}", doc_string=hidden),
        helper.make_node("Clip", [hidden, "", bias], ["Y"]),
    ]
    initializers = [
        numpy_helper.from_array(WEIGHTS, weights),
        numpy_helper.from_array(np.array(0.5, np.float32), bias),
    ]
    graph = helper.make_graph(
        nodes,
        "made elsewhere",
        [helper.make_tensor_value_info("X", FLOAT, [None, 3])],
        [helper.make_tensor_value_info("Y", FLOAT, [None, 2])],
        initializers[::-1] if reverse else initializers,
        doc_string=hidden,
        value_info=[helper.make_tensor_value_info(hidden, FLOAT, [None, 2])],
    )
    model = helper.make_model(graph, producer_name="another", producer_version=hidden, doc_string=hidden)
    helper.set_model_props(model, {"made of": weights})
    return model


def test_names_comments_and_the_order_of_weights_leave_no_trace_in_the_bytes():
    one = canonicalize(named_model("h_17", "kernel", "limit"), "graph")
    other = canonicalize(named_model("h_4", "a/b/c:0", "z", reverse=True), "graph")
    assert one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)


def test_canonical_names_keep_the_interface_empty_inputs_and_the_computation():
    proto = canonicalize(named_model("h", "W", "limit"), "graph")
    assert proto.graph.node[1].input[1] == ""
    assert [node.output[0] for node in proto.graph.node][-1] == "Y"
    assert_allclose(OnnxModel(proto.SerializeToString()).run(X)["Y"], np.minimum(X @ WEIGHTS, 0.5), atol=1e-6)


def test_other_weights_give_other_bytes():
    changed = named_model("h", "W", "limit")
    changed.graph.initializer[0].CopyFrom(numpy_helper.from_array(WEIGHTS + 1, "W"))
    assert canonicalize(changed, "graph") != canonicalize(named_model("h", "W", "limit"), "graph")


def test_a_canonical_model_is_unchanged(proto):
    again = onnx.ModelProto()
    again.CopyFrom(proto)
    assert canonicalize(again, "pair") == proto


def test_the_domain_of_classical_estimators_gets_the_opset_of_the_contract():
    model = named_model("h", "W", "limit")
    model.graph.node.append(helper.make_node("Normalizer", ["Y"], ["Z"], domain="ai.onnx.ml"))
    opsets = canonicalize(model, "graph").opset_import
    assert [(opset.domain, opset.version) for opset in opsets] == [("", 18), ("ai.onnx.ml", 3)]
