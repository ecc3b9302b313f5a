import json
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from typer.testing import CliRunner

from tests import hostile_models
from tests.onnx_models import linear_model, make_model
from tests.runtime.test_encoding import free_width
from vaefeat.cli import app
from vaefeat.cli._console import console
from vaefeat.data.tables import open_writer
from vaefeat.export.artifact import serialize
from vaefeat.runtime import OnnxModel, sandbox

ENCODER = "exported/digits-vae/model.onnx"
TRAINING = ["tensorflow", "keras", "sklearn", "onnx", "tf2onnx", "skl2onnx", "pandas", "scipy", "joblib"]
HOSTILE = "\x1b[2J\x07\x9b31m\u202ename"


def invoke(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def said(result):
    """Return what was written to stderr, as one line: the console breaks it at 80 columns."""
    return " ".join(result.stderr.split())


@pytest.fixture
def model(tmp_path):
    """Return the path of a model of three features without a card."""
    path = tmp_path / "linear.onnx"
    path.write_bytes(linear_model(np.eye(3), np.zeros(3)))
    return path


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, np.arange(15.0).reshape(5, 3))
    return path


@pytest.fixture
def pixels(tmp_path):
    path = tmp_path / "pixels.npy"
    np.save(path, np.zeros((3, 64)))
    return path


def with_card(path, card):
    proto = onnx.load(path)
    onnx.helper.set_model_props(proto, {"vaefeat.card": card if isinstance(card, str) else json.dumps(card)})
    path.write_bytes(proto.SerializeToString())
    return path


# --- info ---


def test_info_shows_the_card():
    result = invoke("info", ENCODER)
    assert result.exit_code == 0
    assert result.stderr == ""
    card = OnnxModel.load(ENCODER).card
    shown = " ".join(result.stdout.split())
    assert shown.startswith(f"{card['name']} {card['description']} Input")
    for title in ("Outputs", "Training", "Measured", "Data", "Use it"):
        assert title in result.stdout.splitlines()
    for text in ("n_features 64", "range 0, 1", "z_mean float32, (n_samples, 10)", "epochs 358"):
        assert text in shown
    assert "golden" not in shown


def test_info_fits_a_narrow_terminal(monkeypatch):
    monkeypatch.setattr(console, "width", 45)
    lines = [line.rstrip() for line in invoke("info", ENCODER).stdout.splitlines()]
    assert max(map(len, lines)) <= 45
    entries = [line for line in lines if line.startswith("  ")]
    assert any(line.startswith("  final_loss_nats  ") for line in entries)
    assert sum(line.endswith("…") for line in entries) >= 2
    assert not any(line.startswith(" " * 5) for line in entries)  # none wraps


def test_info_describes_the_file_of_a_model_without_a_card(model):
    result = invoke("info", model)
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[:2] == ["linear", "A model without a description of its own."]
    for line in ("name X", "n_features 3", "Y 3 columns", "S 1 column"):
        assert line in lines
    assert "outputs = model.run(X) # X: array of shape (n_samples, 3)" in lines


@pytest.mark.parametrize(
    "card",
    [
        {"name": None, "description": 3, "inputs": None, "outputs": {}, "training": {"a": None}},
        {"data": {"a": {"b": [1, [2.5, None]]}}, "metrics": {}},
        '{"data": {"a": NaN, "b": -Infinity, "c": %s}}' % ("9" * 4_000),
        '{"data": ' + '{"a":' * 400 + "1" + "}" * 401,
        {"name": "[bold]x[/i]", "data": {"[/a]": "[/b]"}},
    ],
)
def test_info_shows_unusual_cards(card, model):
    assert invoke("info", with_card(model, card)).exit_code == 0


@pytest.mark.parametrize("card", [{"outputs": 3}, {"training": "x"}, {"data": [1]}])
def test_info_names_what_is_not_a_section(card, model):
    result = invoke("info", with_card(model, card))
    assert result.exit_code == 1
    assert "as a section of the card, expected a mapping of names to values" in said(result)


def test_info_reports_too_deeply_nested_cards(model):
    result = invoke("info", with_card(model, '{"data": {"a": ' + "[" * 900 + "]" * 900 + "}}"))
    assert result.stderr.startswith("error") or result.exit_code == 0


def test_a_model_whose_outputs_have_no_width_is_refused(model):
    model.write_bytes(free_width())
    result = invoke("info", model)
    assert result.exit_code == 1
    assert "expected (N,) or (N, a number)" in result.stderr


def test_info_prints_no_control_characters(model):
    card = {"name": HOSTILE, "description": HOSTILE, "data": {HOSTILE: HOSTILE, "list": [HOSTILE]}}
    relu = helper.make_node("Relu", [HOSTILE], [HOSTILE + "Y"])
    content = make_model([relu], inputs=[(HOSTILE, ("N", 3))], outputs=[(HOSTILE + "Y", ("N", 3))])
    model.write_bytes(content)
    result = invoke("info", with_card(model, card))
    assert result.exit_code == 0
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", result.output)
    assert result.output.count("name") >= 8


def test_info_prints_a_name_on_one_line(model):
    result = invoke("info", with_card(model, {"name": "model\n\nMeasured\n  accuracy  100 %"}))
    assert "Measured" not in result.stdout.splitlines()


# --- verify ---


def test_verify_exits_with_0_if_all_checks_pass():
    result = invoke("verify", ENCODER)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        "ok      inspection",
        "ok      file",
        "ok      golden rows",
    ]


def test_verify_does_not_fail_for_absent_information(model):
    result = invoke("verify", model)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["ok", "absent", "absent"]


def test_verify_exits_with_1_if_a_check_fails(tmp_path):
    path = tmp_path / "model.onnx"
    proto = onnx.load(ENCODER)
    card = json.loads(proto.metadata_props[0].value)
    card["golden"]["z_mean"][0][0] += 1
    path.write_bytes(serialize(proto, card))
    result = invoke("verify", path)
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines() if ":" in line] == [
        "ok",
        "absent",
        "FAILED",
    ]
    path.write_bytes(path.read_bytes()[:100])
    result = invoke("verify", path)
    assert result.exit_code == 1
    assert result.stdout.startswith("FAILED  inspection: ")


def test_verify_prints_no_control_characters(model):
    card = {"golden": {"X": [[1, 2, 3]], HOSTILE: [[1]]}}
    result = invoke("verify", with_card(model, card))
    assert result.exit_code == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", result.output)


@pytest.mark.parametrize("verb", ["verify", "encode"])
def test_a_model_that_cannot_run_is_reported_in_one_sentence(verb, model, rows, tmp_path):
    reshape = helper.make_node("Reshape", ["X", "shape"], ["Y"])
    shape = numpy_helper.from_array(np.array([2, 5]), "shape")
    model.write_bytes(make_model([reshape], [shape], inputs=[("X", ("N", 3))], outputs=[("Y", (2, 5))]))
    with_card(model, {"golden": {"X": [[1, 2, 3]], "Y": [[1] * 5] * 2}})
    arguments = [rows, tmp_path / "out.npy"] if verb == "encode" else []
    result = invoke(verb, model, *arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)


# --- encode ---


def test_encode_writes_the_outputs_and_prints_the_number_of_rows(model, rows, tmp_path):
    target = tmp_path / "new" / "out.npz"
    result = invoke("encode", model, rows, target)
    assert result.exit_code == 0
    printed = " ".join(result.stdout.split())
    assert re.fullmatch(r"Wrote 5 rows to .*out\.npz in [\d.]+ s, [\d,]+ rows/s\.", printed)
    with np.load(target) as arrays:
        assert list(arrays) == ["Y", "S"]
        np.testing.assert_array_equal(arrays["Y"], np.load(rows))


def test_encode_writes_the_named_outputs(model, rows, tmp_path):
    target = tmp_path / "out.csv"
    assert invoke("encode", model, rows, target, "--output", "S", "--n-threads", 1).exit_code == 0
    assert target.read_text().split() == ['"S"', "3", "12", "21", "30", "39"]
    assert invoke("encode", model, rows, target, "--output", "S", "--output", "Y").exit_code == 0
    assert target.read_text().split()[:2] == ['"S","Y_0","Y_1","Y_2"', "3,0,1,2"]


@pytest.mark.parametrize("name", ["a[red].npy", "x[/b].npy"])
def test_encode_prints_its_file_name_without_markup(name, model, rows, tmp_path):
    result = invoke("encode", model, rows, tmp_path / name)
    assert result.exit_code == 0
    assert name in result.stdout.replace("\n", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("7,2,3\n1,\x1b[2J\x07,3\n", "rows.csv, line 2, column 2: got "),
        (
            "a,b,c\n1,2,3\n1,2,nan\n",
            "rows.csv, line 3, column 'c': got nan, expected a finite",
        ),
        ("7,2\n3,4\n", "rows.csv has 2 columns, but the model takes 3 features"),
        ("a,b,c\n", "rows.csv has no rows"),
    ],
)
def test_encode_reports_bad_rows_in_one_sentence(content, message, model, tmp_path):
    (tmp_path / "rows.csv").write_text(content)
    result = invoke("encode", model, tmp_path / "rows.csv", tmp_path / "out.npy")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert said(result).startswith(f"error {message}")
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", result.stderr)
    assert not (tmp_path / "out.npy").exists()


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize(("options", "n_rows"), [([], 1), (["--header"], 1), (["--no-header"], 2)])
def test_encode_says_what_it_took_for_a_header_unless_it_is_told(options, n_rows, model, tmp_path):
    (tmp_path / "rows.csv").write_text("0,1,2\n4,5,6\n")
    result = invoke("encode", model, tmp_path / "rows.csv", tmp_path / "out.npy", *options)
    assert result.stdout.startswith(f"Wrote {n_rows} rows")
    warning = "warning rows.csv: took the first line, 0,1,2, as names of the columns. If it is a row, say so"
    assert said(result).startswith(warning) if not options else said(result) == ""


def test_encode_never_overwrites_its_input(model, rows):
    content = rows.read_bytes()
    result = invoke("encode", model, rows, rows)
    assert result.exit_code == 1
    assert f"{rows.name} is the file of the rows, which would be lost; name another output." in said(result)
    assert rows.read_bytes() == content


def test_an_error_is_one_line(model, tmp_path):
    assert invoke("encode", model, "nowhere.npy", tmp_path / "out.npy").stderr.startswith("error")


# --- what is wrong with the arguments ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "nowhere.onnx"], "error [Errno 2] No such file or directory: 'nowhere.onnx'"),
        (["verify", "nowhere.onnx"], "error [Errno 2] No such file or directory: 'nowhere.onnx'"),
        (["encode", "nowhere.onnx", "a.npy", "b.npy"], "No such file or directory: 'nowhere.onnx'"),
        (["info", "exported"], "Is a directory"),
        (["verify", "exported"], "Is a directory"),
        (["info", "pyproject.toml"], "The file is not an ONNX model"),
        (["encode", "pyproject.toml", "a.npy", "b.npy"], "The file is not an ONNX model"),
        (["encode", ENCODER, "nowhere.npy", "{out}/b.npy"], "error There is no file nowhere.npy."),
        (["encode", ENCODER, "pyproject.toml", "{out}/b.npy"], "Got the file pyproject.toml, expected one"),
        (["encode", ENCODER, "{rows}", "{out}/b.npy"], "has 3 columns, but the model takes 64 features"),
        (["encode", ENCODER, "{pixels}", "{out}/b.txt"], "error Got the file b.txt, expected one that ends"),
        (["encode", ENCODER, "{pixels}", "{out}/b.npy", "--output", "y"], "Got the output names ['y'], "),
        (
            ["encode", ENCODER, "{pixels}", "{out}/b.npy", "--output", "z_mean", "--output", "z_log_var"],
            "b.npy can hold one output, got ['z_mean', 'z_log_var']; write an .npz file.",
        ),
    ],
)
def test_failures_are_one_sentence_with_status_1(arguments, message, rows, pixels, tmp_path):
    paths = {"rows": rows, "pixels": pixels, "out": tmp_path / "out"}
    result = invoke(*(argument.format(**paths) for argument in arguments))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message in said(result)
    assert "Traceback" not in result.stderr
    assert list(tmp_path.rglob("b.*")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["info"],
        ["verify"],
        ["encode", "model.onnx", "rows.npy"],
        ["verify", "a.onnx", "b.onnx"],
        ["info", "a.onnx", "--no-such-option"],
        ["encode", "model.onnx", "rows.npy", "out.npy", "--n-threads", "-1"],
        ["encode", "model.onnx", "rows.npy", "out.npy", "--n-threads", "many"],
    ],
)
def test_invalid_arguments_exit_with_2(arguments):
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error" in result.stderr


# --- for other programs ---


def test_info_prints_the_card_as_json():
    shown = json.loads(invoke("info", ENCODER, "--json").stdout)
    assert shown["inputs"]["n_features"] == 64
    assert {**shown, **OnnxModel.load(ENCODER).card} == shown


def test_what_is_no_finite_number_is_null_in_json(model):
    result = invoke("info", with_card(model, '{"metrics": {"a": NaN, "b": -Infinity, "c": 1}}'), "--json")
    assert json.loads(result.stdout, parse_constant=pytest.fail)["metrics"] == {"a": None, "b": None, "c": 1}


def test_verify_prints_its_checks_as_json(model):
    good, bad = invoke("verify", ENCODER, "--json"), invoke("verify", model.with_name("none.onnx"), "--json")
    assert json.loads(good.stdout)["passed"] is True
    assert [check["name"] for check in json.loads(good.stdout)["checks"]] == [
        "inspection",
        "file",
        "golden rows",
    ]
    assert bad.exit_code == 1


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "csv.gz", "parquet"])
def test_encode_reads_the_standard_input_and_writes_the_standard_output(kind, model, rows, tmp_path):
    X = np.load(rows)
    with open_writer(tmp_path / f"in.{kind}", {"X": ["a", "b", "c"]}) as write:
        write({"X": X})
    assert invoke("encode", model, rows, tmp_path / "out.csv").exit_code == 0
    content = (tmp_path / f"in.{kind}").read_bytes()
    result = CliRunner().invoke(app, ["encode", str(model), "-", "-"], input=content)
    assert result.exit_code == 0, result.stderr
    assert result.stdout_bytes == (tmp_path / "out.csv").read_bytes()
    assert "Wrote 5 rows to -" in result.stderr


def test_encode_takes_the_format_of_a_csv(model, rows, tmp_path):
    (tmp_path / "rows.csv").write_text("1,5|2|3\n4|5|6\n")
    options = ["--separator", "|", "--decimal", ",", "--encoding", "latin-1", "--no-header"]
    result = invoke("encode", model, tmp_path / "rows.csv", tmp_path / "out.npy", *options)
    assert result.exit_code == 0, result.output
    assert np.load(tmp_path / "out.npy").tolist() == [[1.5, 2, 3], [4, 5, 6]]


# --- in processes of their own ---


def test_output_and_errors_go_to_separate_streams(pixels, tmp_path):
    def run(*arguments):
        command = [sys.executable, "-W", "error", "-m", "vaefeat", "encode", ENCODER, *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    done = run(str(pixels), str(tmp_path / "out.npy"))
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert "Wrote 3 rows" in done.stdout
    failed = run(str(tmp_path / "rows.csv"), str(tmp_path / "out.npy"))
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.strip().startswith("error There is no file")


def test_all_commands_work_without_training_packages_and_name_pyarrow(run_fresh, pixels, tmp_path):
    np.savetxt(tmp_path / "rows.csv", np.zeros((3, 64)), delimiter=",")
    shutil.copy(ENCODER, tmp_path / "model.onnx")
    script = f"""
    import os
    from typer.testing import CliRunner
    from vaefeat.cli import app

    os.chdir({str(tmp_path)!r})
    for arguments in (
        "info model.onnx",
        "verify model.onnx",
        "encode model.onnx pixels.npy out.npz",
        "encode model.onnx rows.csv out.npy",
        "encode model.onnx pixels.npy out.parquet",
    ):
        result = CliRunner().invoke(app, arguments.split())
        print(result.exit_code, " ".join(result.stderr.split()))
    """
    sentence = 'error pyarrow is not installed. Install it with: pip install "vaefeat[tables]"'
    assert [line.strip() for line in run_fresh(script, absent=[*TRAINING, "pyarrow"]).splitlines()] == [
        *["0"] * 3,
        *[f"1 {sentence}"] * 2,
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"pixels.npy", "rows.csv", "model.onnx", "out.npz"}


# --- models that harm the process that runs them ---


@pytest.mark.parametrize("kind", ["CRASH", "GREED"])
@pytest.mark.parametrize("verb", ["info", "verify", "encode", "export"])
def test_a_harmful_model_is_refused_in_one_sentence(kind, verb, tmp_path, rows, monkeypatch):
    monkeypatch.setattr(sandbox, "_PROGRAM", hostile_models.BLIND + sandbox._PROGRAM)
    (tmp_path / "bad.onnx").write_bytes(getattr(hostile_models, kind))
    others = {"encode": [rows, tmp_path / "out.npy"], "export": [tmp_path / "out", "--triton"]}.get(verb, [])
    result = invoke(verb, tmp_path / "bad.onnx", *others)
    assert result.exit_code == 1
    assert re.search("kills the process|Failed to allocate memory", said(result) + result.stdout)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.slow
def test_a_process_that_is_told_to_end_leaves_nothing_half_written(model, tmp_path):
    source, target = tmp_path / "rows.npy", tmp_path / "out" / "features.npy"
    np.lib.format.open_memmap(source, "w+", np.float32, (50_000_000, 3)).flush()  # takes no space
    command = [sys.executable, "-m", "vaefeat", "encode", str(model), str(source), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not list(tmp_path.glob("out/.*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        assert process.wait(60) == 143
    assert list(tmp_path.glob("out/*")) == list(tmp_path.glob("out/.*")) == []


def test_encode_of_a_folder_writes_a_folder_and_leaves_bad_rows_out(model, tmp_path):
    (tmp_path / "in").mkdir()
    for i in range(3):
        np.save(tmp_path / "in" / f"{i}.npy", np.full((5, 3), i, float))
    result = invoke("encode", model, tmp_path / "in", tmp_path / "out", "--n-threads", 2)
    assert "Wrote 15 rows" in result.stdout
    np.save(tmp_path / "in" / "3.npy", np.full((2, 3), np.nan))
    failed = invoke("encode", model, tmp_path / "in" / "*.npy", tmp_path / "out")
    assert (failed.exit_code, "3.npy, row 1, column 1: got nan" in said(failed)) == (1, True)
    result = invoke("encode", model, tmp_path / "in", tmp_path / "out", "--on-bad-row", "quarantine")
    assert "Wrote 15 rows" in result.stdout
    assert "2 rows have values that the model does not take" in " ".join(result.stdout.split())


def test_options_for_many_files_are_refused_for_one(model, rows, tmp_path):
    result = invoke("encode", model, rows, tmp_path / "out.npy", "--scheduler", "local")
    assert (result.exit_code, "for an INPUT that is a folder" in said(result)) == (1, True)
