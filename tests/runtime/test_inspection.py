import hashlib
import json
import os
import pickle

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.onnx_models import FLOAT, RELU, constant_node, external_tensor, linear_model, make_model
from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime import OnnxModel, inspection
from vaefeat.runtime import model as runtime_model
from vaefeat.runtime.inspection import inspect_model, sha256_of_weights

ADD = helper.make_node("Add", ["X", "W"], ["Y"])
ONES = numpy_helper.from_array(np.ones(4, np.float32), "W")
VALID = make_model([ADD], [ONES])
RNG = np.random.default_rng(0)


@pytest.fixture
def sessions(monkeypatch):
    """Return the list of the sessions that were made, none of which is a real one."""
    made = []
    monkeypatch.setattr(
        runtime_model.onnxruntime, "InferenceSession", lambda *args, **kwargs: made.append(args)
    )
    return made


def assert_refused(model, message, sessions):
    with pytest.raises(InvalidModelError, match=message):
        OnnxModel(model)
    assert sessions == []


# --- what is accepted ---


def test_a_valid_model_is_accepted_and_described():
    found = inspect_model(
        make_model(
            [ADD, RELU], [ONES], opsets=[("", 18), ("ai.onnx.ml", 3)], metadata={"name": "tiny", "empty": ""}
        )
    )
    assert found.ir_version == 8
    assert found.opsets == {"": 18, "ai.onnx.ml": 3}
    assert found.n_nodes == 2
    assert found.metadata == {"name": "tiny", "empty": ""}


def test_every_operator_of_the_list_exists():
    for domain, operators in inspection.OPERATORS.items():
        assert {name for name in operators if onnx.defs.has(name, domain)} == operators


@pytest.mark.parametrize("n_dims", [0, 1, 2, 3])
def test_tensors_of_any_rank_and_of_no_elements_are_accepted(n_dims):
    for length in (0, 3):
        tensor = numpy_helper.from_array(np.ones((length,) * n_dims, np.float32), "W")
        assert inspect_model(make_model([ADD], [tensor])).n_nodes == 1


@pytest.mark.parametrize("data_type", [FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT16])
def test_tensors_may_hold_their_values_in_typed_fields(data_type):
    tensor = helper.make_tensor("W", data_type, [2, 2], [0, 1, 1, 0])
    assert inspect_model(make_model([ADD], [tensor])).n_nodes == 1


# --- what is no ONNX file ---


def test_an_empty_file_is_refused(sessions):
    assert_refused(b"", "Got an empty file, expected an ONNX model", sessions)


def test_a_file_truncated_anywhere_is_refused(sessions):
    end_of_graph = VALID.rindex(onnx.load_model_from_string(VALID).opset_import[0].SerializeToString()) - 2
    for n_bytes in range(1, end_of_graph):
        assert_refused(VALID[:n_bytes], "The file is not an ONNX model", sessions)
    for n_bytes in range(end_of_graph + 1, len(VALID)):
        with pytest.raises(InvalidModelError, match=r"not an ONNX model|opset 0 of domain"):
            inspect_model(VALID[:n_bytes])


def test_a_pickle_named_onnx_is_refused_and_not_unpickled(trap, tmp_path, sessions):
    path = tmp_path / "model.onnx"
    path.write_bytes(pickle.dumps(trap))
    with pytest.raises(InvalidModelError, match="The file is not an ONNX model"):
        OnnxModel.load(path)
    assert os.listdir(tmp_path) == ["model.onnx"]
    assert sessions == []


def test_random_bytes_are_refused(sessions):
    for n_bytes in range(1, 500):
        assert_refused(RNG.bytes(n_bytes), "The file is not an ONNX model|The model ", sessions)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x0b", id="a group, which proto3 does not have"),
        pytest.param(b"\x0f", id="a wire type that does not exist"),
        pytest.param(b"\x08" + b"\xff" * 10 + b"\x01" + VALID, id="a number of eleven bytes"),
        pytest.param(b"\x3a\xff\xff\xff\xff\x07", id="a graph of 2 GB that is not there"),
        pytest.param(b"\x38\x01", id="a number in place of the graph"),
        pytest.param(b"\x0a\x01\x08" + VALID, id="a message in place of the IR version"),
        pytest.param(b"\x72\x04\x0a\x02\xff\xfe" + VALID, id="metadata that are not text"),
        pytest.param(b"\x08\x08", id="no graph"),
        pytest.param(VALID + VALID, id="two graphs"),
        pytest.param(make_model([]), id="a graph without nodes"),
    ],
)
def test_malformed_content_is_refused(content, sessions):
    assert_refused(content, "The file is not an ONNX model", sessions)


# --- what refers to other files ---


@pytest.mark.parametrize("location", ["{folder}/secret.bin", "../{name}/secret.bin", "link.bin"])
@pytest.mark.parametrize("place", ["initializer", "constant"])
def test_weights_in_another_file_are_refused(location, place, tmp_path, sessions):
    np.ones(16, np.float32).tofile(tmp_path / "secret.bin")
    (tmp_path / "link.bin").symlink_to(tmp_path / "secret.bin")
    tensor = external_tensor(location.format(folder=tmp_path, name=tmp_path.name))
    path = tmp_path / "model.onnx"
    in_constant = place == "constant"
    nodes, initializers = ([constant_node(value=tensor), ADD], []) if in_constant else ([ADD], [tensor])
    path.write_bytes(make_model(nodes, initializers))
    with pytest.raises(InvalidModelError, match="refers to weights in another file"):
        OnnxModel.load(path)
    assert sessions == []


def mark_alone():
    return TensorProto(
        name="W", data_type=FLOAT, dims=[1], raw_data=b"1234", data_location=TensorProto.EXTERNAL
    )


def entry_alone():
    tensor = external_tensor("secret.bin")
    tensor.ClearField("data_location")
    return tensor


@pytest.mark.parametrize("tensor", [mark_alone(), entry_alone()], ids=["the mark", "the place"])
def test_an_incomplete_reference_to_another_file_is_refused_too(tensor, sessions):
    assert_refused(make_model([ADD], [tensor]), "refers to weights in another file", sessions)


# --- what asks for more than it brings ---

SHAPE_OF_A_TERABYTE = numpy_helper.from_array(np.array([2**19, 2**19], np.int64), "shape")
BOMB = helper.make_node("ConstantOfShape", ["shape"], ["W"])


def test_a_small_file_that_makes_a_large_tensor_is_refused(sessions):
    bomb = make_model([BOMB, ADD], [SHAPE_OF_A_TERABYTE])
    assert len(bomb) < 200
    assert_refused(bomb, "uses the operator 'ConstantOfShape', which is not allowed", sessions)


@pytest.mark.parametrize("dims", [[2**40], [2**20, 2**20], [50], [2**63 - 1, 2**63 - 1], [-1]])
@pytest.mark.parametrize("place", ["initializer", "constant", "constants"])
def test_a_tensor_that_declares_more_than_it_holds_is_refused(dims, place, sessions):
    tensor = TensorProto(name="W", data_type=FLOAT, dims=dims, raw_data=b"123")
    places = {
        "initializer": ([ADD], [tensor]),
        "constant": ([constant_node(value=tensor), ADD], []),
        "constants": ([constant_node(value=[tensor]), ADD], []),
    }
    assert_refused(
        make_model(*places[place]),
        r"A tensor declares (\d+ elements but holds \d+|more elements)",
        sessions,
    )


def test_one_node_more_than_allowed_is_refused(monkeypatch, sessions):
    monkeypatch.setattr(inspection, "MAX_NODES", 3)
    assert inspect_model(make_model([RELU] * 3)).n_nodes == 3
    assert_refused(make_model([RELU] * 4), "has more than 3 nodes", sessions)


def test_the_limit_of_nodes_fits_networks_and_loads_quickly(sessions):
    assert_refused(make_model([RELU] * 10_001), "has more than 10000 nodes", sessions)


def test_one_byte_more_than_allowed_is_refused(monkeypatch, sessions):
    monkeypatch.setattr(inspection, "MAX_BYTES", len(VALID))
    assert inspect_model(VALID).n_nodes == 1
    monkeypatch.setattr(inspection, "MAX_BYTES", len(VALID) - 1)
    message = f"The model has {len(VALID)} bytes, more than the {len(VALID) - 1} allowed"
    assert_refused(VALID, message, sessions)


def test_only_the_beginning_of_too_large_a_file_is_read(tmp_path, monkeypatch, sessions):
    monkeypatch.setattr(inspection, "MAX_BYTES", 1_000)
    monkeypatch.setattr(runtime_model, "MAX_BYTES", 1_000)
    path = tmp_path / "model.onnx"
    path.write_bytes(VALID)
    os.truncate(path, 2**34)
    with pytest.raises(InvalidModelError, match="The model has 1001 bytes, more than the 1000 allowed"):
        OnnxModel.load(path)
    assert sessions == []


# --- features that vaefeat's models do not use ---


def subgraph(depth):
    """Return a node If that holds graphs within graphs."""
    inner = subgraph(depth - 1) if depth > 1 else RELU
    branch = helper.make_graph([inner], "branch", [], [helper.make_tensor_value_info("Y", FLOAT, ["N", 4])])
    return helper.make_node("If", ["condition"], ["Y"], then_branch=branch, else_branch=branch)


def hidden_in_subgraph():
    branch = helper.make_graph([ADD], "branch", [], [], initializer=[external_tensor("secret.bin")])
    return helper.make_node("If", ["condition"], ["Y"], then_branch=branch, else_branch=branch)


def sparse_tensor():
    indices = numpy_helper.from_array(np.array([0], np.int64), "indices")
    values = numpy_helper.from_array(np.ones(1, np.float32), "W")
    return helper.make_sparse_tensor(values, indices, [2**40])


def local_function():
    return helper.make_function("mine", "twice", ["X"], ["Y"], [RELU], [helper.make_opsetid("", 18)])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(
            make_model([helper.make_node("Inverse", ["X"], ["Y"], domain="com.microsoft")]),
            "the operator 'com.microsoft.Inverse', which is not allowed",
            id="a node of another domain",
        ),
        pytest.param(
            make_model(opsets=[("", 18), ("com.microsoft", 1)]),
            "the operator domain 'com.microsoft', which is not allowed",
            id="another domain without nodes",
        ),
        pytest.param(
            make_model(functions=[local_function()]), "defines functions of its own", id="functions"
        ),
        pytest.param(
            make_model([ADD], sparse_initializers=[sparse_tensor()]),
            "holds sparse weights",
            id="sparse weights",
        ),
        pytest.param(
            make_model([constant_node(sparse_value=sparse_tensor()), ADD]),
            "holds sparse weights",
            id="a sparse constant",
        ),
        pytest.param(make_model([subgraph(1)]), "the operator 'If', which is not allowed", id="a subgraph"),
        pytest.param(
            make_model([subgraph(9)]), "nests graphs deeper than 4 levels", id="graphs nested deeply"
        ),
        pytest.param(
            make_model([hidden_in_subgraph()]),
            "refers to weights in another file",
            id="a file named in a subgraph",
        ),
        pytest.param(
            make_model(opsets=[("", 6)]), "has opset 6 of domain '', expected one of 7 to 22", id="old opset"
        ),
        pytest.param(
            make_model(opsets=[("", 23)]), "has opset 23 of domain '', expected one of", id="new opset"
        ),
        pytest.param(
            make_model(opsets=[("", 18), ("ai.onnx.ml", 5)]),
            "opset 5 of domain 'ai.onnx.ml', expected one of 1 to 4. Export it again with opset 18",
            id="new opset of the other domain",
        ),
        pytest.param(
            make_model(ir_version=2), "has IR version 2, expected one of 3 to 10", id="old IR version"
        ),
        pytest.param(
            make_model(ir_version=11), "has IR version 11, expected one of 3 to 10", id="new IR version"
        ),
    ],
)
def test_features_that_exported_models_do_not_use_are_refused(model, message, sessions):
    assert_refused(model, message, sessions)


@pytest.mark.parametrize(
    "operator",
    [
        *[
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
            "Bernoulli",
            "Multinomial",
        ],
        *["If", "Loop", "SequenceMap"],
        *["ConstantOfShape", "Expand", "Tile", "Range", "Resize", "Pad", "OneHot", "EyeLike"],
        "NoSuchOperator",
    ],
)
def test_random_looping_and_expanding_operators_are_refused(operator, sessions):
    model = make_model([helper.make_node(operator, ["X"], ["Y"])])
    assert_refused(model, f"The model uses the operator '{operator}', which is not allowed", sessions)


def test_an_operator_is_looked_up_in_its_own_domain(sessions):
    model = make_model([helper.make_node("Relu", ["X"], ["Y"], domain="ai.onnx.ml")])
    assert_refused(model, "the operator 'ai.onnx.ml.Relu', which is not allowed", sessions)


def test_any_changed_byte_is_accepted_or_refused_without_other_errors():
    model = bytearray(linear_model(np.ones((4, 2)), np.zeros(2)))
    verdicts = []
    for position in range(len(model)):
        for value in (0x00, 0x7F, 0x80, 0xFF, model[position] ^ 1):
            changed = model.copy()
            changed[position] = value
            try:
                inspect_model(bytes(changed))
                verdicts.append("accepted")
            except InvalidModelError:
                verdicts.append("refused")
    assert 0 < verdicts.count("refused") < len(verdicts)


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number, content, *, overflow=False):
    """Return a length-delimited field; its tag may have a 33rd bit, which protobuf's C++ reader drops."""
    return varint((number << 3 | 2) + (2**32 if overflow else 0)) + varint(len(content)) + content


def with_nodes(*fields):
    """Return a model whose graph's nodes are the given bytes."""
    model = onnx.load_model_from_string(make_model())
    graph = model.graph
    nodes = b"".join(fields)
    del graph.node[:]
    rest = graph.SerializeToString()
    model.ClearField("graph")
    return model.SerializeToString() + field(7, nodes + rest)


FORBIDDEN = helper.make_node("Sinh", ["X"], ["Y"]).SerializeToString()


def test_a_field_of_the_wrong_wire_type_does_not_hide_the_operator(sessions):
    disguised = FORBIDDEN + varint(4 << 3 | 5) + b"Relu"  # op_type again, as fixed32: protobuf ignores it
    assert_refused(
        with_nodes(field(1, disguised)), "not an ONNX model|not allowed|declares|too large", sessions
    )


def test_a_tag_of_more_than_32_bits_does_not_hide_a_node(sessions):
    first = helper.make_node("Relu", ["X"], ["h"]).SerializeToString()
    hidden = helper.make_node("Sinh", ["h"], ["Y"]).SerializeToString()
    assert_refused(
        with_nodes(field(1, first), field(1, hidden, overflow=True)),
        "not an ONNX model|not allowed|declares|too large",
        sessions,
    )


def test_fake_dims_of_the_wrong_wire_type_do_not_hide_a_huge_tensor(sessions):
    tensor = TensorProto(name="W", data_type=FLOAT, dims=[2**40]).SerializeToString()
    tensor += varint(1 << 3 | 5) + bytes(4)
    model = onnx.load_model_from_string(make_model([ADD]))
    graph = model.graph.SerializeToString() + field(5, tensor)
    model.ClearField("graph")
    assert_refused(
        model.SerializeToString() + field(7, graph),
        "not an ONNX model|not allowed|declares|too large",
        sessions,
    )


def test_metadata_without_a_key_are_refused(sessions):
    assert_refused(VALID + field(14, b""), "not an ONNX model", sessions)


def test_a_model_without_opset_import_is_refused(sessions):
    model = onnx.load_model_from_string(VALID)
    del model.opset_import[:]
    assert_refused(model.SerializeToString(), "opset", sessions)


def test_any_changed_byte_of_metadata_is_accepted_or_refused():
    model = bytearray(linear_model(np.ones((4, 2)), np.zeros(2), metadata={"k": "v"}))
    for position in range(len(model)):
        for value in (0x00, 0x7F, 0x80, 0xFF, model[position] ^ 1):
            changed = model.copy()
            changed[position] = value
            try:
                inspect_model(bytes(changed))
            except InvalidModelError:
                pass


# --- the sha256 of the weights ---


@pytest.mark.parametrize("name", ["digits-vae", "mnist-vae-50"])
def test_the_sha256_of_the_weights_matches_the_exporter(name):
    with open(f"exported/{name}/model.onnx", "rb") as file:
        content = file.read()
    card = json.loads(inspect_model(content).metadata["vaefeat.card"])
    assert sha256_of_weights(content) == card["weights_sha256"]
    proto = onnx.load_model_from_string(content)
    del proto.metadata_props[:]
    plain = proto.SerializeToString(deterministic=True)
    assert hashlib.sha256(plain).hexdigest() == card["weights_sha256"]


@pytest.mark.parametrize("metadata", [{"k": "v"}, {"vaefeat.card": "{}"}, {"a": "", "b": "x" * 100_000}])
def test_the_sha256_of_the_weights_ignores_metadata(metadata):
    with_metadata = make_model([ADD], [ONES], metadata=metadata)
    assert sha256_of_weights(VALID) == sha256_of_weights(with_metadata) == hashlib.sha256(VALID).hexdigest()
    assert with_metadata.startswith(VALID)
    assert sha256_of_weights(with_metadata[len(VALID) :] + VALID) == sha256_of_weights(VALID)


@pytest.mark.parametrize(
    "other",
    [
        make_model([ADD], [numpy_helper.from_array(np.full(4, 1.0000001, np.float32), "W")]),
        make_model([helper.make_node("Sub", ["X", "W"], ["Y"])], [ONES]),
        make_model([ADD], [ONES], opsets=[("", 17)]),
        VALID + field(99, b"more"),
    ],
)
def test_the_sha256_of_the_weights_covers_everything_else(other):
    assert sha256_of_weights(other) != sha256_of_weights(VALID)


@pytest.mark.parametrize("n_dims", [2, 300, 200_000])
def test_a_tensor_of_endless_dimensions_is_refused_at_once(n_dims):
    tensor = TensorProto(name="W", data_type=TensorProto.FLOAT, dims=[2**62] * n_dims)
    model = make_model([helper.make_node("Add", ["X", "W"], ["Y"])], [tensor])
    with pytest.raises(InvalidModelError, match="declares more elements"):
        inspect_model(model)
