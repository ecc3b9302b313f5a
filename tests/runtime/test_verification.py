import hashlib
import json
import pickle
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.onnx_models import RELU, external_tensor, linear_model, make_model
from vaefeat.export.artifact import serialize
from vaefeat.runtime import verify
from vaefeat.runtime.inspection import sha256_of_weights

WEIGHTS = np.array([[2, 0], [0, 3], [1, -1]])
ROWS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
Y = [[5.0, 3.0], [14.0, 9.0]]
GOLDEN = {"X": ROWS, "Y": Y, "S": [8.0, 23.0]}
FAR = [[5.0, 3.0], [14.0, 9.001]]
WIDE = 10**400  # a number that JSON has and float64 has not


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


@pytest.fixture
def encoder(path):
    """Return the path of a copy of an exported encoder, with its card beside it."""
    for suffix in (".onnx", ".json", ".md"):
        shutil.copy(f"exported/digits-vae/model{suffix}", path.with_suffix(suffix))
    return path


def write(path, card, content=None):
    """Write a model with a card of it; a card that is text is written as it is."""
    content = content or linear_model(WEIGHTS, np.zeros(2))
    if isinstance(card, dict):
        card = json.dumps({"weights_sha256": sha256_of_weights(content)} | card)
    proto = onnx.load_model_from_string(content)
    onnx.helper.set_model_props(proto, {"vaefeat.card": card})
    path.write_bytes(proto.SerializeToString(deterministic=True))
    return path


def change(path, changed):
    """Change a model or its card within its file."""
    proto = onnx.load(path)
    card = json.loads(proto.metadata_props[0].value)
    changed(proto, card)
    path.write_bytes(serialize(proto, card))


def outcomes(path):
    checks = verify(path)
    assert all(check.detail for check in checks)
    return {check.name: check.passed for check in checks}


def detail(path, name):
    return next(check.detail for check in verify(path) if check.name == name)


def labels_model(golden):
    """Return a model of a label and of probabilities, of which it may have one column."""
    n_classes = len(golden.get("probabilities", [[0.0] * 3])[0])
    nodes = [
        helper.make_node("ArgMax", ["X"], ["label"], axis=1, keepdims=0),
        helper.make_node("Slice", ["X", "zero", "end", "one"], ["probabilities"]),
    ]
    constants = {"zero": np.array([0]), "one": np.array([1]), "end": np.array([n_classes])}
    content = make_model(
        nodes,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
        inputs=[("X", ("N", 3))],
        outputs=[("label", ("N",)), ("probabilities", ("N", n_classes))],
    )
    proto = onnx.load_model_from_string(content)
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    return proto.SerializeToString()


# --- whole models ---


def test_a_good_file_passes_every_check(encoder):
    assert outcomes(encoder) == {"inspection": True, "file": True, "golden rows": True}
    assert "its weights match its card" in detail(encoder, "inspection")
    assert "as in model.json" in detail(encoder, "file")
    assert detail(encoder, "golden rows").startswith("2 rows, largest deviation ")


@pytest.mark.parametrize("as_path", [str, lambda path: path], ids=["str", "Path"])
def test_a_path_may_be_a_string(encoder, as_path):
    assert [check.passed for check in verify(as_path(encoder))] == [True] * 3


def test_changed_golden_rows_fail(encoder):
    change(encoder, lambda proto, card: card["golden"]["z_mean"][1].__setitem__(3, 9.0))
    assert outcomes(encoder) == {"inspection": True, "file": False, "golden rows": False}
    assert "Output 'z_mean' of the ONNX model deviates by" in detail(encoder, "golden rows")


def test_changed_weights_fail_the_inspection(encoder):
    def halve(proto, card):
        weights = max(proto.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) / 2, weights.name))

    change(encoder, halve)
    assert outcomes(encoder) == {"inspection": False, "file": False}
    assert "not the one that its card was written for" in detail(encoder, "inspection")


def test_a_model_without_a_card_has_nothing_to_compare_with(path):
    path.write_bytes(make_model())
    assert outcomes(path) == {"inspection": True, "file": None, "golden rows": None}
    assert detail(path, "inspection") == "safe to load; it has no card"
    assert detail(path, "file") == "there is no model.json beside it"


def test_a_card_may_lack_a_sha256_of_the_weights(path):
    write(path, json.dumps({"name": "linear", "golden": GOLDEN}))
    assert "no card" not in detail(path, "inspection")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        pickle.dumps({"name": "model"}),
        linear_model(WEIGHTS, np.zeros(2))[:-50],
        make_model([helper.make_node("Sinh", ["X"], ["Y"])]),
        make_model([helper.make_node("Add", ["X", "W"], ["Y"])], [external_tensor("/etc/passwd")]),
        make_model([RELU], opsets=[("", 99)]),
        make_model([helper.make_node("Relu", ["nowhere"], ["Y"])]),
        make_model(inputs=[("X", (2, 4))], outputs=[("Y", (2, 4))]),
        make_model(metadata={"vaefeat.card": "{"}),
        make_model(metadata={"vaefeat.card": '{"golden": 3}'}),
    ],
)
def test_a_hostile_or_broken_file_fails_the_inspection_and_is_not_run(content, path):
    path.write_bytes(content)
    assert outcomes(path) == {"inspection": False, "file": None}


def test_a_pickle_is_not_unpickled(trap, path):
    path.write_bytes(pickle.dumps(trap))
    assert outcomes(path)["inspection"] is False
    assert list(path.parent.iterdir()) == [path]


def test_a_missing_file_is_the_caller_s_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        verify(tmp_path / "nowhere.onnx")
    with pytest.raises(OSError, match="directory"):
        verify(tmp_path)


# --- the card beside it ---


def test_a_file_that_differs_from_the_card_beside_it_fails(encoder):
    card = json.loads(encoder.with_suffix(".json").read_text())
    card["file"]["sha256"] = "0" * 64
    encoder.with_suffix(".json").write_text(json.dumps(card))
    assert outcomes(encoder) == {"inspection": True, "file": False, "golden rows": True}
    assert detail(encoder, "file").endswith("but model.json says 000000000000...")


def test_a_refused_file_is_still_compared_with_the_card_beside_it(path):
    path.write_bytes(b"garbage")
    sha256 = hashlib.sha256(b"garbage").hexdigest()
    path.with_suffix(".json").write_text(json.dumps({"file": {"sha256": sha256}}))
    assert outcomes(path) == {"inspection": False, "file": True}


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        *["", "{", "[]", "3", "null", "{}", '{"file": 3}', '{"file": []}', '{"file": {}}', "9" * 5_000],
        *['{"file": "abc"}', '{"file": {"sha256": null}}', '{"file": {"sha256": [1]}}', "\udcff"],
        pytest.param("[" * 100_000),
        pytest.param('{"a":' * 100_000),
    ],
)
def test_garbage_in_the_card_beside_it_fails(content, path):
    write(path, {"golden": GOLDEN})
    path.with_suffix(".json").write_text(content, errors="surrogateescape")
    assert outcomes(path) == {"inspection": True, "file": False, "golden rows": True}
    assert "model.json" in detail(path, "file")


def test_a_file_without_a_suffix_has_its_card_beside_it(tmp_path):
    write(tmp_path / "model", {})
    assert outcomes(tmp_path / "model")["file"] is None
    (tmp_path / "model.json").write_text("{}")
    assert outcomes(tmp_path / "model")["file"] is False


# --- golden rows ---


@pytest.mark.parametrize(
    "golden", [GOLDEN, {"X": ROWS, "S": GOLDEN["S"]}, {"X": ROWS[:1], "Y": [[5.000001, 3]]}]
)
def test_golden_rows_that_the_model_reproduces_pass(golden, path):
    assert outcomes(write(path, {"golden": golden}))["golden rows"] is True
    assert detail(path, "golden rows").startswith(f"{len(golden['X'])} rows")


@pytest.mark.parametrize("golden", [None, {}])
def test_a_card_without_golden_rows_has_nothing_to_compare_with(golden, path):
    assert outcomes(write(path, {"golden": golden}))["golden rows"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "golden",
    [
        {"X": ROWS, "Y": FAR},
        {"X": ROWS, "Y": Y[:1]},
        {"X": ROWS[:1], "Y": Y},
        {"X": ROWS, "Y": Y, "Z": Y},
        {"X": ROWS},
        {"Y": Y},
        *({"X": rows, "Y": Y} for rows in (None, 3, "abc", [], [[]], {}, [[1], [1, 2]], [ROWS], ["abc"])),
        *({"X": [[value] * 3] * 2, "Y": Y} for value in (None, float("nan"), float("inf"), 1e39, "a")),
        *({"X": ROWS, "Y": rows} for rows in (None, 3, "abc", [], {}, [[1], [1, 2]], [Y], ["ab"])),
        *({"X": ROWS, "Y": [[value] * 2] * 2} for value in (None, float("nan"), True, 1e300, {}, "a")),
        pytest.param({"X": [[WIDE] * 3], "Y": Y}),
        pytest.param({"X": ROWS, "Y": [[WIDE] * 2] * 2}),
        pytest.param({"X": ROWS, "Y": [[float("inf")] * 2] * 2}),
        pytest.param({"X": ROWS, "Y": [[5, 3], [14, -float("inf")]]}),
    ],
)
def test_golden_rows_that_the_model_does_not_reproduce_fail(golden, path):
    assert outcomes(write(path, {"golden": golden})) == {
        "inspection": True,
        "file": None,
        "golden rows": False,
    }


def test_the_stated_tolerance_is_the_applied_one(path):
    golden = {"X": [[1e3, 0, 0]], "Y": [[2000.005, 0]]}
    assert outcomes(write(path, {"golden": golden}))["golden rows"] is True
    assert detail(path, "golden rows") == (
        "1 rows, largest deviation 5.0e-03, allowed 1e-05 of the largest value"
    )


TIE = [[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]]


@pytest.mark.parametrize(
    ("golden", "passed"),
    [
        ({"X": ROWS, "label": [2, 2], "probabilities": ROWS}, True),
        ({"X": ROWS, "label": [2, 2]}, True),
        ({"X": ROWS, "label": [2, 1], "probabilities": ROWS}, False),
        ({"X": TIE, "label": [1, 2], "probabilities": TIE}, True),
        ({"X": TIE, "label": [1, 2]}, False),
        ({"X": TIE, "label": [1, 1], "probabilities": TIE}, False),
        ({"X": ROWS, "label": [2, 2, 2]}, False),
        ({"X": ROWS, "label": ["a", "b"]}, False),
        ({"X": ROWS, "label": 2}, False),
        ({"X": ROWS, "label": None}, False),
        ({"X": ROWS, "label": [WIDE, 2]}, False),
        pytest.param({"X": ROWS, "label": [2]}, False),
        pytest.param({"X": ROWS, "label": [[2], [2]]}, False),
        pytest.param({"X": ROWS, "label": [2, 1], "probabilities": [[1.0], [4.0]]}, False),
    ],
)
def test_golden_labels_may_differ_only_at_ties(golden, passed, path):
    assert outcomes(write(path, {"golden": golden}, labels_model(golden)))["golden rows"] is passed


def test_a_model_that_onnx_runtime_cannot_run_fails(path):
    shape = numpy_helper.from_array(np.array([2, 5]), "shape")
    reshape = helper.make_node("Reshape", ["X", "shape"], ["Y"])
    content = make_model([reshape], [shape], inputs=[("X", ("N", 3))], outputs=[("Y", (2, 5))])
    assert outcomes(write(path, {"golden": {"X": ROWS, "Y": Y}}, content))["inspection"] is False
