import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import vaefeat
from vaefeat import OnnxModel, load_dataset
from vaefeat.cli import app
from vaefeat.cli._console import console
from vaefeat.comparison import Comparison


def invoke(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """Run the command in its own process, as a user does."""
    out = tmp_path_factory.mktemp("comparison")
    command = [sys.executable, "-m", "vaefeat", "compare", "--smoke", "--out", str(out)]
    return out, subprocess.run(command, capture_output=True, text=True, check=True)


@pytest.mark.slow
def test_compare_prints_a_table_and_no_messages_of_tensorflow(smoke):
    _, process = smoke
    assert "Test accuracy on digits" in process.stdout
    for extractor in ("raw", "pca", "untrained", "vae", "image vae", "supervised"):
        assert extractor in process.stdout
    # TensorFlow 2.20 writes remarks of level INFO whatever its log level is; 2.21 does not.
    remarks = re.compile(r"I\d{4} |WARNING: All log messages before absl")
    assert [line for line in process.stderr.splitlines() if not remarks.match(line)] == []


@pytest.mark.slow
def test_compare_writes_rows_plot_and_encoder(smoke):
    out, _ = smoke
    written = {path.name for path in out.iterdir()}
    assert {"label_efficiency.png", "rows.jsonl"} <= written
    assert (out / "label_efficiency.png").read_bytes()[:4] == b"\x89PNG"
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    assert len(rows) == 10 * 2 * 2
    assert rows[0]["dataset_sha256"] == load_dataset("digits").sha256


@pytest.mark.slow
def test_a_second_compare_computes_nothing_and_keeps_the_rows(smoke):
    out, _ = smoke
    before = (out / "rows.jsonl").read_bytes()
    result = invoke("compare", "--smoke", "--out", out)
    assert result.exit_code == 0
    assert (out / "rows.jsonl").read_bytes() == before
    assert "encoder.onnx" not in result.output.split("Wrote")[1]


@pytest.mark.slow
def test_compare_takes_a_user_file(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    table = np.column_stack([X, X[:, 0] > 0])
    header = "width,height,depth,kind"
    np.savetxt(tmp_path / "boxes.csv", table, delimiter=",", header=header, comments="")
    arguments = ["--target", "kind", "--smoke", "--n-labeled", 20, "--out", tmp_path / "out"]
    result = invoke("compare", "--data", tmp_path / "boxes.csv", *arguments)
    assert result.exit_code == 0, result.output
    assert "Test accuracy on boxes.csv" in result.output
    assert (
        "boxes.csv: 80 rows to learn from, of which each draw is tested on the labels that it leaves out"
        in result.output
    )
    assert "then trains classifiers on 20 labels, 2 times each" in result.output
    assert "majority" in result.output
    assert "random forest" in result.output
    assert re.search("With 20 labels: .* features, ", result.output)
    assert not (tmp_path / "out" / "encoder.onnx").exists()  # it lost


def test_compare_predicts_quantities(tmp_path, monkeypatch):
    monkeypatch.setattr(console, "width", 45)
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"width": rng.normal(size=80), "color": rng.choice(["red", "blue"], 80)})
    table.assign(price=3 * table["width"] + 0.1).to_csv(tmp_path / "boxes.csv", index=False)
    arguments = ["--target", "price", "--smoke", "--n-labeled", 40, "--out", tmp_path / "out"]
    result = invoke("compare", tmp_path / "boxes.csv", *arguments)
    assert result.exit_code == 0, result.output
    assert "The target has 80 different numbers, and is predicted as a quantity" in result.output
    assert "Test R² on boxes.csv" in result.output
    assert "With 40 labels: " in result.output
    lines = [line.rstrip() for line in result.output.splitlines()]
    table = lines[lines.index("Test R² on boxes.csv") + 1 :][:9]
    assert [line.split()[0] for line in table[:3]] == ["features", "raw", "mean"]
    assert "UserWarning" not in result.output
    assert max(map(len, table)) <= 45
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"rows.jsonl", "label_efficiency.png"}


def test_an_interrupted_compare_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("vaefeat.comparison.compare", interrupt)
    result = invoke("compare", "--smoke", "--out", tmp_path)
    assert result.exit_code == 130
    assert "The same command goes on where it stopped." in result.stderr


@pytest.mark.slow
def test_compare_prints_what_it_found_as_json(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    table.assign(kind=table["a"] > 0).to_csv(tmp_path / "rows.csv", index=False)
    options = ["--target", "kind", "--smoke", "--json", "--out", tmp_path / "out"]
    result = invoke("compare", tmp_path / "rows.csv", *options)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["verdict"].startswith("With 45 labels: ")
    assert {row["extractor"] for row in found["summary"]} >= {"raw", "vae", "majority", "random forest"}
    assert "rows.jsonl" in found["written"]


@pytest.mark.slow
def test_compare_writes_the_encoder_that_won(tmp_path, monkeypatch):
    monkeypatch.setattr(Comparison, "winner", lambda self: "vae")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"width": rng.normal(size=80), "color": rng.choice(["red", "blue"], 80)})
    table.assign(kind=table["width"] > 0).to_csv(tmp_path / "boxes.csv", index=False)
    arguments = ["--target", "kind", "--smoke", "--n-labeled", 20, "--as-they-come"]
    result = invoke("compare", tmp_path / "boxes.csv", *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    encoder = OnnxModel.load(tmp_path / "out" / "encoder.onnx")
    assert encoder.n_features == 3
    assert encoder.run(table)["z_mean"].shape == (80, 3)
    assert "StandardScaler" in encoder.card["training"]["estimator"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nothing"], "Unknown data 'nothing'"),
        (["--data", "absent.csv"], "There is no file absent.csv"),
        (["--data", "digits", "--n-labeled", "many"], "expected a number of labels or all"),
    ],
)
def test_bad_arguments_end_in_one_sentence_and_exit_code_1(arguments, message, tmp_path):
    result = invoke("compare", *arguments, "--out", tmp_path)
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_version_is_printed():
    assert invoke("--version").output.strip() == vaefeat.__version__


@pytest.mark.parametrize("arguments", [["-h"], ["fit", "-h"], ["encode", "--help"]])
def test_help_is_near(arguments):
    assert "Usage: " in invoke(*arguments).stdout


def test_a_shell_can_complete_commands(monkeypatch):
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # there need not be any shell
    result = CliRunner().invoke(app, ["--show-completion", "bash"], prog_name="vaefeat")
    assert "_VAEFEAT_COMPLETE=" in result.stdout
