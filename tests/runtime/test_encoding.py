import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper, numpy_helper

from tests.data.test_tables import SUFFIXES, load, save
from tests.onnx_models import linear_model, make_model
from vaefeat.exceptions import DatasetCorruptError, DatasetNotFoundError, InvalidModelError
from vaefeat.runtime import OnnxModel, encode
from vaefeat.runtime.model import CHUNK_ROWS

# Small whole numbers, of which float32 makes the same sum in whatever order it adds them.
RNG = np.random.default_rng(0)
WEIGHTS = RNG.integers(-4, 5, size=(64, 3))
X = RNG.integers(-9, 10, size=(5_000, 64)).astype(np.float32)
X.setflags(write=False)
ROWS = np.eye(3, dtype=np.float32)[[2, 0, 1, 1]]


def with_card(card, n_features=3):
    """Return a model with ``Y = X @ weights`` and ``S``, the sum of each row of Y."""
    metadata = {"vaefeat.card": json.dumps(card)}
    return OnnxModel(linear_model(WEIGHTS[:n_features], np.zeros(3), metadata=metadata))


@pytest.fixture(scope="module")
def model():
    return with_card({}, 64)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Return a folder with the same rows in each format."""
    folder = tmp_path_factory.mktemp("sources")
    for suffix in SUFFIXES:
        save(folder / f"rows{suffix}", X)
    return folder


def outputs_of(path):
    """Return what was written, as the model gives it: Y as a matrix, S as a vector."""
    found = load(path)
    if path.suffix == ".npy":
        return {"Y": found["array"]}
    if path.suffix != ".npz":
        columns = [found.pop(name) for name in list(found) if name.startswith("Y_")]
        found["Y"] = np.stack(columns, axis=1)
    return found


# --- what is written ---


@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("target", SUFFIXES)
def test_the_outputs_are_the_same_from_any_format_to_any_format(source, target, model, sources, tmp_path):
    assert encode(model, sources / f"rows{source}", tmp_path / f"out{target}") == len(X)
    found, expected = outputs_of(tmp_path / f"out{target}"), model.run(X)
    assert found.keys() == ({"Y"} if target == ".npy" else {"Y", "S"})
    for name, values in found.items():
        assert_array_equal(values, expected[name])
        assert "csv" in target or values.dtype == expected[name].dtype
    assert os.listdir(tmp_path) == [f"out{target}"]


@pytest.mark.parametrize("as_path", [str, Path], ids=["str", "Path"])
def test_an_exported_encoder_encodes_the_digits(as_path, digits, tmp_path):
    model = OnnxModel.load("exported/digits-vae/model.onnx")
    save(tmp_path / "rows.npy", digits[0].astype(np.float64))
    encode(model, as_path(tmp_path / "rows.npy"), as_path(tmp_path / "out.npz"))
    for name, values in load(tmp_path / "out.npz").items():
        assert_array_equal(values, model.run(digits[0])[name])


@pytest.mark.parametrize(
    ("names", "written"),
    [(None, ["Y", "S"]), (["Y"], ["Y"]), (["S"], ["S"]), (("S", "Y"), ["S", "Y"]), (["Y", "Y"], ["Y"])],
)
def test_requested_outputs_are_written_in_the_requested_order(names, written, model, sources, tmp_path):
    encode(model, sources / "rows.npy", tmp_path / "out.npz", output_names=names)
    assert list(load(tmp_path / "out.npz")) == written
    encode(model, sources / "rows.npy", tmp_path / "out.parquet", output_names=names)
    columns = {"Y": ["Y_0", "Y_1", "Y_2"], "S": ["S"]}
    assert list(load(tmp_path / "out.parquet")) == [column for name in written for column in columns[name]]


@pytest.mark.parametrize(("names", "width"), [(None, 3), (["Y"], 3), (["S"], None)])
def test_an_npy_holds_the_first_output_or_the_requested_one(names, width, model, sources, tmp_path):
    encode(model, sources / "rows.npy", tmp_path / "out.npy", output_names=names)
    assert np.load(tmp_path / "out.npy").shape == ((len(X), width) if width else (len(X),))


@pytest.mark.parametrize(
    ("target", "names", "message"),
    [
        ("out.npy", ["Y", "S"], r"out\.npy can hold one output, got \['Y', 'S'\]; write an \.npz file"),
        ("out.npz", ["Z"], r"Got the output names \['Z'\], expected some of \['Y', 'S'\]"),
        ("out.csv", ["Y", "Z"], "expected some of"),
        ("out.npy", [], "expected some of"),
        ("out.txt", None, r"Got the file out\.txt, expected one that ends in"),
        ("out", None, "expected one that ends in"),
    ],
)
def test_impossible_outputs_and_targets_are_refused(target, names, message, model, sources, tmp_path):
    with pytest.raises(ValueError, match=message):
        encode(model, sources / "rows.npy", tmp_path / target, output_names=names)
    assert os.listdir(tmp_path) == []


def test_the_same_rows_make_the_same_bytes(model, sources, tmp_path):
    for suffix in set(SUFFIXES) - {".npz"}:
        contents = []
        for name in ("first", "second"):
            encode(model, sources / "rows.npy", tmp_path / f"{name}{suffix}")
            contents.append((tmp_path / f"{name}{suffix}").read_bytes())
        assert contents[0] == contents[1]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_progress_reports_the_rows_done_and_the_share_read(suffix, model, sources, tmp_path):
    calls = []
    encode(model, sources / f"rows{suffix}", tmp_path / "out.npy", progress=lambda *call: calls.append(call))
    assert calls == sorted(calls)
    assert calls[-1] == (len(X), 1)
    assert all(0 < share <= 1 for _, share in calls)
    if "csv" not in suffix:
        assert [n_rows for n_rows, _ in calls] == [CHUNK_ROWS, len(X)]


# --- what the card says ---


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_columns_are_found_by_the_names_of_the_card(suffix, tmp_path):
    model = with_card({"inputs": {"feature_names": ["a", "b", "c"]}})
    save(tmp_path / f"rows{suffix}", np.column_stack([ROWS, ROWS])[:, [2, 3, 1, 0]], ["c", "x", "b", "a"])
    encode(model, tmp_path / f"rows{suffix}", tmp_path / "out.npy")
    assert_array_equal(np.load(tmp_path / "out.npy"), model.run(ROWS)["Y"])


@pytest.mark.parametrize("inputs", [None, {}, {"feature_names": None}])
def test_without_names_in_the_card_columns_are_taken_in_their_order(inputs, tmp_path):
    model = with_card({"inputs": inputs} if inputs is not None else {})
    save(tmp_path / "rows.csv", ROWS, ["c", "b", "a"])
    encode(model, tmp_path / "rows.csv", tmp_path / "out.npy")
    assert_array_equal(np.load(tmp_path / "out.npy"), model.run(ROWS)["Y"])


@pytest.mark.parametrize("names", [[], ["a"], ["a", "a", "b"], list("abcd")])
def test_names_in_the_card_that_do_not_match_the_model_are_an_error(names, tmp_path):
    save(tmp_path / "rows.csv", np.ones((2, 4)), list("abcd"))
    with pytest.raises(ValueError, match=r"rows|features"):
        encode(with_card({"inputs": {"feature_names": names}}), tmp_path / "rows.csv", tmp_path / "out.npy")


@pytest.mark.parametrize("names", [5, True, [{}, [], "a"]])
def test_names_in_the_card_that_are_not_text_are_an_error(names, tmp_path):
    save(tmp_path / "rows.csv", ROWS, list("abc"))
    with pytest.raises(ValueError, match="names"):
        encode(with_card({"inputs": {"feature_names": names}}), tmp_path / "rows.csv", tmp_path / "out.npy")


def classifier(classes, labels=(0, 1, 2), width=3):
    """Return a model of the label and the probabilities of the largest of three features."""
    kind = "strings" if isinstance(labels[0], str) else "int64s"
    nodes = [
        helper.make_node("ArgMax", ["X"], ["i"], axis=1, keepdims=0),
        helper.make_node(
            "LabelEncoder",
            ["i"],
            ["label"],
            domain="ai.onnx.ml",
            keys_int64s=[0, 1, 2],
            **{f"values_{kind}": list(labels)},
        ),
        helper.make_node("Softmax", ["X"], ["probabilities"]),
    ]
    content = make_model(
        nodes,
        inputs=[("X", ("N", 3))],
        outputs=[("label", ("N",)), ("probabilities", ("N", width))],
        opsets=[("", 18), ("ai.onnx.ml", 3)],
        metadata={"vaefeat.card": json.dumps({"classes": classes})},
    )
    proto = onnx.load_model_from_string(content)
    elem_type = TensorProto.STRING if kind == "strings" else TensorProto.INT64
    proto.graph.output[0].type.tensor_type.elem_type = elem_type
    return OnnxModel(proto.SerializeToString())


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "labels", [("tree", 'a, "big" house', "ü"), (7, -1, 2**40)], ids=["text", "integers"]
)
def test_labels_are_written_to_every_format(labels, suffix, tmp_path):
    path = tmp_path / f"out{suffix}"
    encode(classifier(labels, labels), save(tmp_path / "rows.npy", ROWS), path)
    found = load(path)
    expected = np.array(labels)[[2, 0, 1, 1]]
    assert_array_equal(found["array" if suffix == ".npy" else "label"], expected)
    if suffix in (".npy", ".npz"):
        assert found["array" if suffix == ".npy" else "label"].dtype == expected.dtype
    else:
        assert list(found) == ["label", *(f"probabilities_{label}" for label in labels)]


@pytest.mark.parametrize("n_rows", [1, CHUNK_ROWS + 1])
def test_labels_of_many_chunks_have_one_dtype(n_rows, tmp_path):
    labels = ("a", "longer", "b")
    rows = ROWS[[1] * (n_rows - 1) + [2]]  # the longest comes last
    encode(classifier(labels, labels), save(tmp_path / "rows.npy", rows), tmp_path / "out.npy")
    found = np.load(tmp_path / "out.npy")
    assert found[-1] == "longer"
    assert set(found[:-1]) <= {"a"}


@pytest.mark.parametrize(
    ("classes", "columns"), [(None, "012"), ([], "012"), (["a", "b"], "012"), (["x", None, 1.5], None)]
)
def test_columns_of_probabilities_are_numbered_where_the_card_has_other_classes(classes, columns, tmp_path):
    encode(classifier(classes), save(tmp_path / "rows.npy", ROWS), tmp_path / "out.csv")
    expected = [f"probabilities_{column}" for column in columns or ["x", None, 1.5]]
    assert list(load(tmp_path / "out.csv")) == ["label", *expected]


@pytest.mark.parametrize(
    "classes",
    [
        pytest.param(None),
        pytest.param([]),
        pytest.param(["b", "c"]),
        pytest.param([0, 1, 2]),
        pytest.param([None]),
        pytest.param([["b"], ["c", "d"]]),
    ],
)
def test_text_labels_are_never_truncated(classes, tmp_path):
    written, refused = [], ""
    try:
        encode(
            classifier(classes, ("apple", "b", "c")), save(tmp_path / "in.npy", ROWS), tmp_path / "out.npy"
        )
        written = np.load(tmp_path / "out.npy").tolist()
    except ValueError as exc:
        refused = str(exc)
    assert written == ["c", "apple", "b", "b"] or "classes" in refused


def test_classes_with_the_same_name_lose_no_column(tmp_path):
    with pytest.raises(ValueError, match=r"probabilities_1|classes"):
        encode(classifier([1, 1, 2]), save(tmp_path / "rows.npy", ROWS), tmp_path / "out.csv")


# --- models that are not ours ---


def free_width():
    """Return a model whose number of columns is known when it runs."""
    nodes = [
        helper.make_node("Cast", ["X"], ["whole"], to=TensorProto.INT64),
        helper.make_node("ReduceMax", ["whole"], ["largest"], keepdims=0),
        helper.make_node("Unsqueeze", ["largest", "zero"], ["end"]),
        helper.make_node("Slice", ["X", "zero", "end", "one"], ["Y"]),
    ]
    constants = {"zero": np.array([0]), "one": np.array([1])}
    return make_model(
        nodes,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
        inputs=[("X", ("N", 3))],
        outputs=[("Y", ("N", "K"))],
    )


def test_a_model_whose_outputs_have_no_width_is_refused():
    with pytest.raises(InvalidModelError, match=r"Output 'Y' of the model has shape \['N', 'K'\], expected"):
        OnnxModel(free_width())


def test_a_model_writes_nowhere_but_to_the_target(tmp_path):
    name = str(tmp_path / "elsewhere" / "file")
    (tmp_path / "elsewhere").mkdir()
    relu = helper.make_node("Relu", ["X"], [name])
    model = OnnxModel(make_model([relu], inputs=[("X", ("N", 3))], outputs=[(name, ("N", 3))]))
    encode(model, save(tmp_path / "rows.npy", ROWS), tmp_path / "out.npz")
    assert os.listdir(tmp_path / "elsewhere") == []
    assert list(load(tmp_path / "out.npz")) == [name]


# --- what goes wrong ---


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_without_rows_is_refused(suffix, tmp_path):
    save(tmp_path / f"rows{suffix}", X[:0, :3], list("abc"))
    with pytest.raises(DatasetCorruptError, match=f"rows{suffix} has no rows"):
        encode(with_card({}), tmp_path / f"rows{suffix}", tmp_path / "out.npz")
    assert os.listdir(tmp_path) == [f"rows{suffix}"]


def test_a_missing_source_creates_no_folder(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="There is no file"):
        encode(with_card({}), tmp_path / "rows.npy", tmp_path / "new" / "out.npy")
    assert os.listdir(tmp_path) == []


def test_a_target_in_a_new_folder_is_written(model, sources, tmp_path):
    encode(model, sources / "rows.npy", tmp_path / "a" / "b" / "out.npy")
    assert os.listdir(tmp_path / "a" / "b") == ["out.npy"]


def test_a_folder_is_refused_as_target(model, sources, tmp_path):
    (tmp_path / "out.npy").mkdir()
    with pytest.raises(OSError, match=r"out\.npy"):
        encode(model, sources / "rows.npy", tmp_path / "out.npy")
    assert os.listdir(tmp_path) == ["out.npy"]


@pytest.mark.parametrize("link", [None, os.symlink, os.link], ids=["itself", "a soft link", "a hard link"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_rows_are_never_replaced_by_their_own_features(suffix, link, model, sources, tmp_path):
    path = Path(shutil.copy(sources / f"rows{suffix}", tmp_path))
    content = path.read_bytes()
    targets = [path] if link is None else [tmp_path / "out.csv", tmp_path / f"out{suffix}"]
    for target in targets:
        if link is not None:
            link(path, target)
        with pytest.raises(ValueError, match=f"{target.name} is the file of the rows, which would be lost"):
            encode(model, path, target, output_names=["Y"])
        assert path.read_bytes() == content
        if link is not None:
            target.unlink()


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_pipe_is_refused_as_target(through_a_link, model, sources, tmp_path):
    os.mkfifo(tmp_path / "out.npy")
    target = tmp_path / "link.npy" if through_a_link else tmp_path / "out.npy"
    if through_a_link:
        target.symlink_to(tmp_path / "out.npy")
    with pytest.raises(OSError, match=r"out\.npy is a folder, a device or a pipe, expected a regular file"):
        encode(model, sources / "rows.npy", target)
    assert (tmp_path / "out.npy").is_fifo()


@pytest.mark.parametrize("source", SUFFIXES)
def test_values_may_be_missing_where_the_card_says_so_in_every_format(source, tmp_path):
    rows = X[:, :3].copy()
    rows[[0, 4_500], [1, 2]] = np.nan
    model = with_card({"inputs": {"allow_nan": True}})
    encode(model, save(tmp_path / f"rows{source}", rows), tmp_path / "out.npz")
    assert_array_equal(load(tmp_path / "out.npz")["Y"], model.run(rows)["Y"])


@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
def test_values_that_float32_cannot_hold_are_refused_also_where_some_may_be_missing(value, source, tmp_path):
    rows = X[:9, :3].astype(np.float64)
    rows[7, 1] = value
    with pytest.raises(
        DatasetCorruptError, match=r"(row 8|line [89]), column .*: got -?inf, expected a finite"
    ):
        encode(
            with_card({"inputs": {"allow_nan": True}}),
            save(tmp_path / f"rows{source}", rows),
            tmp_path / "o.npy",
        )


def test_the_header_option_overrides_the_rule(tmp_path):
    model, path = with_card({}), tmp_path / "rows.csv"
    path.write_text("1,2,3\n4,5,6\n")
    for header, n_rows in ((True, 1), (False, 2)):
        assert encode(model, path, tmp_path / "out.npy", header=header) == n_rows


def interrupt(*_):
    raise KeyboardInterrupt


def fail_half_way(failure, model, source, target, monkeypatch):
    """Encode rows of which the last but one is bad, or interrupt it, in the middle or at the end."""
    rows = X.copy()
    rows[4_998, 5] = np.nan if failure == "a bad row" else 0
    save(source, rows)
    content = source.read_bytes()
    if failure == "an interrupt at the end":
        monkeypatch.setattr(os, "fsync", interrupt)
    progress = interrupt if failure == "an interrupt in the middle" else None
    with pytest.raises(DatasetCorruptError if failure == "a bad row" else KeyboardInterrupt):
        encode(model, source, target, progress=progress)
    assert source.read_bytes() == content


FAILURES = ["a bad row", "an interrupt in the middle", "an interrupt at the end"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("old", [b"old", None])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_half_way_leaves_the_old_target(failure, old, suffix, model, tmp_path, monkeypatch):
    target = tmp_path / f"out{suffix}"
    if old is not None:
        target.write_bytes(old)
    fail_half_way(failure, model, tmp_path / "rows.npy", target, monkeypatch)
    (tmp_path / "rows.npy").unlink()
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([old] if old is not None else [])


# --- memory ---

PEAK = """
import numpy as np
from vaefeat.runtime import OnnxModel, encode

def peak_mb():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) // 1024

model = OnnxModel.load({model!r})
encode(model, {small!r}, {target!r})  # what is imported and made once
before = peak_mb()
print(encode(model, {large!r}, {target!r}), peak_mb() - before)
whole = np.ones(25_000_000, np.float64)  # the measure itself: 200 MB must be seen
print(peak_mb() - before)
"""


def npy_of_zeros(path, n_rows, n_features):
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, n_features)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 4 * n_rows * n_features)


def parquet_of_rows(path, n_rows, n_features):
    table = pd.DataFrame({f"x{i}": np.arange(n_rows, dtype=float) for i in range(n_features)})
    table.to_parquet(path, compression=None, use_dictionary=False)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell the peak")
@pytest.mark.parametrize(
    ("suffix", "save_rows", "n_rows", "n_features"),
    [
        (".npy", npy_of_zeros, 60_000, 784),  # 188 MB
        pytest.param(".parquet", parquet_of_rows, 300_000, 40),  # 96 MB
    ],
)
def test_memory_does_not_grow_with_the_file(suffix, save_rows, n_rows, n_features, run_fresh, tmp_path):
    paths = {name: tmp_path / f"{name}{suffix}" for name in ("small", "large")}
    save_rows(paths["small"], 5_000, n_features)
    save_rows(paths["large"], n_rows, n_features)
    (tmp_path / "model.onnx").write_bytes(linear_model(np.ones((n_features, 2)), np.zeros(2)))
    names = {name: str(path) for name, path in paths.items()}
    model, target = str(tmp_path / "model.onnx"), str(tmp_path / "out.npy")
    done, whole = run_fresh(PEAK.format(**names, model=model, target=target)).splitlines()
    n_encoded, grown_mb = map(int, done.split())
    assert n_encoded == n_rows
    assert int(whole) > 150
    assert grown_mb < 60
