import copy
import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import onnx
import pytest
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper, numpy_helper

from tests.onnx_models import RELU, linear_model, make_model
from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime import OnnxModel
from vaefeat.runtime import model as runtime_model
from vaefeat.runtime.inspection import sha256_of_weights
from vaefeat.runtime.model import CHUNK_ROWS

# Small whole numbers, of which float32 makes the same sum in whatever order it adds them.
RNG = np.random.default_rng(0)
WEIGHTS = RNG.integers(-4, 5, size=(5, 3))
BIAS = RNG.integers(-4, 5, size=3)
X = RNG.integers(-9, 10, size=(40, 5)).astype(np.float32)
X.setflags(write=False)
Y = X @ WEIGHTS.astype(np.float32) + BIAS.astype(np.float32)
CONTENT = linear_model(WEIGHTS, BIAS, metadata={"vaefeat.card": json.dumps({"name": "linear"})})


@pytest.fixture(scope="module")
def model():
    return OnnxModel(CONTENT)


# --- what it says and computes ---


def test_outputs_match_a_computation_by_hand(model):
    outputs = model.run(X)
    assert list(outputs) == ["Y", "S"]
    assert_array_equal(outputs["Y"], Y)
    assert_array_equal(outputs["S"], Y.sum(axis=1))
    assert outputs["Y"].dtype == outputs["S"].dtype == np.float32


def test_attributes_describe_the_interface_and_the_card(model):
    assert model.input_name == "X"
    assert model.n_features == 5
    assert model.output_names == ["Y", "S"]
    assert model.n_outputs == {"Y": 3, "S": 1}
    assert model.card == {"name": "linear"}
    assert model.to_bytes() == CONTENT


def test_a_model_without_a_card_has_an_empty_one():
    assert OnnxModel(make_model()).card == {}


@pytest.mark.parametrize("as_path", [str, lambda path: path], ids=["str", "Path"])
def test_loading_from_a_file_or_bytes_gives_the_same_model(as_path, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(CONTENT)
    loaded = OnnxModel.load(as_path(path))
    assert loaded.to_bytes() == CONTENT
    assert_array_equal(loaded.run(X)["Y"], Y)


@pytest.mark.parametrize("names", [["Y"], ["S"], ["S", "Y"], ("Y", "S")])
def test_only_the_requested_outputs_are_returned(model, names):
    outputs = model.run(X, names)
    assert list(outputs) == list(names)
    for name in names:
        assert_array_equal(outputs[name], model.run(X)[name])


@pytest.mark.parametrize(
    "options", [{"n_threads": 1}, {"n_threads": 2}, {"providers": ["CPUExecutionProvider"]}]
)
def test_threads_and_providers_do_not_change_outputs(options, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(CONTENT)
    for made in (OnnxModel(CONTENT, **options), OnnxModel.load(path, **options)):
        assert_array_equal(made.run(X)["Y"], Y)


def test_threads_and_providers_reach_the_session(monkeypatch):
    asked = []
    make = runtime_model.onnxruntime.InferenceSession

    def record(content, options, providers):
        asked.append((options.intra_op_num_threads, providers))
        return make(content, options, providers=providers)

    monkeypatch.setattr(runtime_model.onnxruntime, "InferenceSession", record)
    OnnxModel(CONTENT, n_threads=3)
    assert asked == [(3, ["CPUExecutionProvider"])]


@pytest.mark.parametrize(
    "rows",
    [
        X.tolist(),
        X.astype(int),
        X.astype(np.float64),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
    ],
    ids=["lists", "integers", "float64", "columns first", "every other column"],
)
def test_rows_of_any_numeric_type_give_the_same_outputs(model, rows):
    assert_array_equal(model.run(rows)["Y"], Y)


def test_rows_are_not_changed(model):
    rows = X.copy()
    model.run(rows)
    assert_array_equal(rows, X)


# --- chunks ---


@pytest.mark.parametrize("n_rows", [CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1, 2 * CHUNK_ROWS + 5])
def test_many_rows_give_the_outputs_of_each_row_alone(model, n_rows):
    rows = RNG.integers(-9, 10, size=(n_rows, 5)).astype(np.float32)
    together = model.run(rows)
    alone = [model.run(rows[i : i + 1]) for i in range(n_rows)]
    for name, values in together.items():
        assert_array_equal(values, np.concatenate([answer[name] for answer in alone]))


def test_no_run_sees_more_rows_than_a_chunk(model, monkeypatch):
    monkeypatch.setattr(runtime_model, "CHUNK_ROWS", 16)
    seen = []
    session = model._current_session()

    class Recorder:
        def run(self, names, feed):
            seen.append(len(feed["X"]))
            return session.run(names, feed)

    monkeypatch.setattr(model, "_current_session", Recorder)
    assert_array_equal(model.run(X)["Y"], Y)
    assert seen == [16, 16, 8]


def test_no_rows_give_empty_outputs_of_the_right_width(model):
    outputs = model.run(np.empty((0, 5)))
    assert outputs["Y"].shape == (0, 3)
    assert outputs["S"].shape == (0,)


# --- bad rows ---


def with_value(value):
    rows = X.astype(np.float64)
    rows[3, 2] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (X[:, :4], r"Expected rows of 5 features, got an array of shape \(40, 4\)"),
        (X[0], r"Expected rows of 5 features, got an array of shape \(5,\)"),
        (X[:, :, None], r"Expected rows of 5 features, got an array of shape \(40, 5, 1\)"),
        (3.0, r"Expected rows of 5 features, got an array of shape \(\)"),
        (X[:0, :4], r"Expected rows of 5 features, got an array of shape \(0, 4\)"),
        (with_value(np.nan), "NaN or infinity: got nan in row 3, column 2, expected finite float32 values"),
        (with_value(-np.inf), "NaN or infinity: got -inf in row 3, column 2, expected finite float32 values"),
        (with_value(1e39), "NaN or infinity: got inf in row 3, column 2, expected finite float32 values"),
        ([["a"] * 5], "could not convert string to float"),
    ],
)
def test_bad_rows_are_refused_with_a_reason(model, rows, message):
    with pytest.raises(ValueError, match=message):
        model.run(rows)


# --- persistence, threads, processes ---


@pytest.mark.parametrize(
    "copied",
    [lambda model: pickle.loads(pickle.dumps(model)), copy.deepcopy, copy.copy],
    ids=["pickle", "deepcopy", "copy"],
)
def test_a_copy_gives_the_same_outputs(model, copied):
    other = copied(model)
    assert_array_equal(other.run(X)["Y"], Y)
    assert other.card == model.card
    assert other.output_names == model.output_names


def test_joblib_keeps_the_model_and_no_session(model, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    other = joblib.load(tmp_path / "model.joblib")
    assert other._session is None
    assert_array_equal(other.run(X)["S"], Y.sum(axis=1))
    assert other._session is not None


@pytest.mark.parametrize("unpickled", [False, True])
def test_four_threads_get_the_same_outputs_as_one(model, unpickled):
    shared = pickle.loads(pickle.dumps(model)) if unpickled else model
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: shared.run(X)["Y"], range(200)))
    for answer in answers:
        assert_array_equal(answer, Y)


FORK = """
import multiprocessing, os, pickle
from vaefeat.runtime import OnnxModel

content, rows = bytes.fromhex({content!r}), {rows!r}
model = {model}
expected = OnnxModel(content, n_threads=1).run(rows)["Y"].tolist()

def answer(pipe):
    pipe.send((model.run(rows)["Y"].tolist(), model._session[0] == os.getpid()))

context = multiprocessing.get_context("fork")
for _ in range(2):
    here, there = context.Pipe()
    child = context.Process(target=answer, args=(there,), daemon=True)
    child.start()
    if not here.poll(20):
        child.kill()
        raise SystemExit("the child does not answer")
    print(here.recv() == (expected, True), model.run(rows)["Y"].tolist() == expected)
    child.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize(
    "model",
    ["OnnxModel(content, n_threads=1)", "pickle.loads(pickle.dumps(OnnxModel(content, n_threads=1)))"],
    ids=["of one thread", "unpickled"],
)
def test_a_model_runs_in_a_forked_process_with_a_session_of_its_own(model, run_fresh):
    script = FORK.format(content=CONTENT.hex(), rows=X.tolist(), model=model)
    assert run_fresh(script).split() == ["True"] * 4


# --- models that pass inspection and are not ours ---


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            make_model(
                [helper.make_node("Add", ["X", "Z"], ["Y"])], inputs=[("X", ("N", 4)), ("Z", ("N", 4))]
            ),
            "one float32 input of shape",
            id="two inputs",
        ),
        pytest.param(
            make_model(inputs=[("X", ("N",))], outputs=[("Y", ("N",))]),
            "one float32 input of shape",
            id="a vector",
        ),
        pytest.param(
            make_model(inputs=[("X", ("N", "K"))], outputs=[("Y", ("N", "K"))]),
            "one float32 input of shape",
            id="free width",
        ),
        pytest.param(
            make_model([helper.make_node("Relu", ["nowhere"], ["Y"])]),
            "ONNX Runtime cannot load the model: .*nowhere",
            id="a name that nothing makes",
        ),
    ],
)
def test_models_with_another_interface_are_refused(content, message):
    with pytest.raises(InvalidModelError, match=message):
        OnnxModel(content)


def test_a_missing_file_raises_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        OnnxModel.load(tmp_path / "nowhere.onnx")


def test_a_bad_model_is_refused_before_a_session_is_made(monkeypatch):
    made = []
    monkeypatch.setattr(runtime_model.onnxruntime, "InferenceSession", made.append)
    with pytest.raises(InvalidModelError, match="has opset 3"):
        OnnxModel(make_model([RELU], opsets=[("", 3)]))
    assert made == []


def test_a_multithreaded_model_runs_again_in_a_forked_process(run_fresh):
    script = FORK.format(content=CONTENT.hex(), rows=X.tolist(), model="OnnxModel(content); model.run(rows)")
    assert run_fresh(script).split() == ["True"] * 4


@pytest.mark.parametrize("card", ["{", "[" * 100_000, "1" * 5_000, "[1]", "3"])
def test_a_card_that_is_not_a_json_object_is_refused(card):
    with pytest.raises(InvalidModelError, match="The model's card is not"):
        OnnxModel(make_model(metadata={"vaefeat.card": card}))


@pytest.mark.parametrize(
    ("entry", "kind"), [("inputs", "object"), ("golden", "object"), ("classes", "array")]
)
@pytest.mark.parametrize("value", [3, "text", True, 0, "", [1], {"a": 1}])
def test_a_card_with_an_entry_of_the_wrong_type_is_refused(entry, kind, value):
    content = make_model(metadata={"vaefeat.card": json.dumps({entry: value})})
    if isinstance(value, dict if kind == "object" else list):
        assert OnnxModel(content).card == {entry: value}
        return
    with pytest.raises(
        InvalidModelError, match=f"The entry '{entry}' of the model's card is not a JSON {kind}"
    ):
        OnnxModel(content)


def test_a_card_may_leave_its_entries_out_or_empty():
    card = {"inputs": None, "golden": None, "classes": None}
    assert OnnxModel(make_model(metadata={"vaefeat.card": json.dumps(card)})).card == card


@pytest.mark.parametrize("allow_nan", [True, False, None])
def test_the_card_decides_about_nan_but_infinity_is_always_refused(allow_nan):
    model = OnnxModel(make_model(metadata={"vaefeat.card": json.dumps({"inputs": {"allow_nan": allow_nan}})}))
    rows = [[0, np.nan, -1, 1]]
    if allow_nan:
        assert np.isnan(model.run(rows)["Y"][0, 1])
        rows[0][1] = np.inf
    with pytest.raises(ValueError, match=r"got (nan|inf) in row 0, column 1"):
        model.run(rows)


def test_a_card_is_accepted_with_its_own_weights():
    card = json.dumps({"weights_sha256": sha256_of_weights(CONTENT)})
    assert_array_equal(OnnxModel(linear_model(WEIGHTS, BIAS, metadata={"vaefeat.card": card})).run(X)["Y"], Y)
    with pytest.raises(InvalidModelError, match="not the one that its card was written for"):
        OnnxModel(linear_model(WEIGHTS, BIAS + 1, metadata={"vaefeat.card": card}))


@pytest.mark.parametrize("digest", [None, 3, "", [], "0" * 64, sha256_of_weights(CONTENT).upper()])
def test_a_card_with_another_sha256_of_the_weights_is_refused_before_a_session_is_made(digest, monkeypatch):
    made = []
    monkeypatch.setattr(runtime_model.onnxruntime, "InferenceSession", made.append)
    card = json.dumps({"weights_sha256": digest})
    with pytest.raises(InvalidModelError, match="their sha256 differ"):
        OnnxModel(linear_model(WEIGHTS, BIAS, metadata={"vaefeat.card": card}))
    assert made == []


@pytest.mark.parametrize("data_type", [TensorProto.DOUBLE, TensorProto.STRING])
def test_an_input_of_another_type_is_refused(data_type):
    model = onnx.load_model_from_string(make_model([helper.make_node("Identity", ["X"], ["Y"])]))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = data_type
    with pytest.raises(InvalidModelError, match="float"):
        OnnxModel(model.SerializeToString())


def test_an_input_of_a_fixed_number_of_rows_is_refused():
    with pytest.raises(InvalidModelError, match=r"\(N, n_features\)"):
        OnnxModel(make_model(inputs=[("X", (1, 4))], outputs=[("Y", (1, 4))]))


@pytest.mark.parametrize("names", [["nope"], []])
def test_unknown_outputs_are_refused_with_a_reason(names):
    with pytest.raises(ValueError, match="output"):
        OnnxModel(CONTENT).run(X, names)


@pytest.mark.parametrize(
    "path", sorted(Path("exported").glob("*/model.onnx")), ids=lambda path: path.parent.name
)
def test_no_rows_give_no_rows_of_the_same_widths_and_types(path):
    model = OnnxModel.load(path)
    some = model.run(np.zeros((2, model.n_features)))
    none = model.run(np.zeros((0, model.n_features)))
    assert {name: (Y.shape[1:], Y.dtype) for name, Y in none.items()} == {
        name: (Y.shape[1:], Y.dtype) for name, Y in some.items()
    }
    assert {len(Y) for Y in none.values()} == {0}


def test_rows_reach_onnx_runtime_only_if_there_are_some():
    """FeatureVectorizer aborts the process without rows."""
    node = helper.make_node("FeatureVectorizer", ["X"], ["Y"], inputdimensions=[4], domain="ai.onnx.ml")
    model = OnnxModel(make_model([node], opsets=[("", 18), ("ai.onnx.ml", 3)]))
    assert model.run(np.zeros((0, 4)))["Y"].shape == (0, 4)


def test_onnx_runtime_prints_nothing_of_what_a_file_says(capfd):
    unused = numpy_helper.from_array(np.ones(1, np.float32), "\x1b[2J unused")
    OnnxModel(make_model(initializers=[unused])).run(np.zeros((1, 4)))
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_a_pipe_is_no_model_file_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.onnx")
    with pytest.raises(OSError, match="expected a regular file"):
        OnnxModel.load(tmp_path / "model.onnx")
