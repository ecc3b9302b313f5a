import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from vaefeat import OnnxModel
from vaefeat.cli import app
from vaefeat.cli._console import console
from vaefeat.cli._fit import duration, seconds_of
from vaefeat.cli._options import parse_shape

QUICK = ["--time", "0s", "--classifier", "logistic-regression"]


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=80)
    kind = np.where(x > 0, "good", "bad").astype(object)
    kind[40:] = None
    home = rng.choice(["rent", "own"], 80)
    return pd.DataFrame({"a": x, "home": home, "one": 1, "kind": kind})


def run(*args):
    return CliRunner().invoke(app, ["fit", *map(str, args)])


def test_a_file_with_few_labels_becomes_a_model_and_a_report(frame, tmp_path):
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = run(tmp_path / "rows.csv", "--target", "kind", "--out", tmp_path / "model", *QUICK)
    assert result.exit_code == 0, result.output
    for part in ("80 rows, 40 of them labeled", "one of 2 values", "is constant", "majority: ", "Ship it"):
        assert part in result.output
    written = {path.name for path in (tmp_path / "model").iterdir()}
    assert written == {"model.onnx", "model.json", "model.md", "report.md", "report.html"}
    model = OnnxModel.load(tmp_path / "model" / "model.onnx")
    assert np.mean(model.run(frame)["label"] == np.where(frame["a"] > 0, "good", "bad")) > 0.9
    assert model.card["metrics"]["labeled rows"] == 40


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "kidn"], "has no column 'kidn'; did you mean 'kind'?"),
        (["--target", "kind", "--task", "regression"], "holds 'good', expected numbers for the task"),
        (["--target", "a", "--task", "ranking"], "Got the task 'ranking', expected classification or"),
        (["--target", "one"], "has the one class 1"),
        ([], "has no classes to predict; name their column with target (--target)"),
        (["--target", "kind", "--drop", "hom"], "did you mean 'home'?"),
        (["--target", "kind", "--image-shape", "8"], "expected rows and columns such as 8x8"),
        (["--target", "kind", "--time", "soon"], "expected a duration such as 90s, 10m or 1h"),
        (["--target", "kind", "--classifier", "x"], "Got the classifier 'x', expected one of"),
        (["--target", "kind", "--unlabeled", "no.csv"], "There is no file no.csv"),
    ],
)
def test_a_bad_input_ends_in_one_sentence_and_writes_nothing(options, message, frame, tmp_path):
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = run(tmp_path / "rows.csv", "--out", tmp_path / "model", *options)
    error = result.output[result.output.index("error ") :].removeprefix("error ").strip()
    assert result.exit_code == 1
    assert message in error
    assert len(error) <= 300
    assert "\n" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_folder_that_holds_something_is_not_touched(frame, tmp_path):
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = run(tmp_path / "rows.csv", "--target", "kind", "--out", tmp_path)
    assert result.exit_code == 1
    assert "remove it, or name another folder" in result.output


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_durations_have_units(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "in less than a minute"), (80, "in about 1 minute"), (230, "in about 4 minutes")],
)
def test_the_time_of_a_training_is_said_in_minutes(seconds, text):
    assert duration(seconds) == text


def test_a_shape_is_written_as_rows_x_columns():
    assert parse_shape("8x16") == (8, 16)
    assert parse_shape(None) is None


def test_quantities_become_a_model_that_predicts_them(frame, tmp_path):
    frame.to_csv(tmp_path / "rows.csv", index=False)
    options = ["--target", "a", "--drop", "kind", "--time", "0s", "--out", tmp_path / "model"]
    result = run(tmp_path / "rows.csv", *options)
    assert result.exit_code == 0, result.output
    assert "The target has 80 different numbers, and is predicted as a quantity" in result.output
    assert "mean: " in result.output
    model = OnnxModel.load(tmp_path / "model" / "model.onnx")
    assert model.run(frame)["prediction"].shape == (80, 1)
    assert set(model.card["metrics"]) == {"cross-validated R²", "cross-validated RMSE", "labeled rows"}


def test_tables_fit_narrow_terminals(frame, tmp_path, monkeypatch):
    monkeypatch.setattr(console, "width", 45)
    wide = frame.assign(**{"a column with a name of some length": frame["a"] + 1})
    wide.to_csv(tmp_path / "rows.csv", index=False)
    result = run(tmp_path / "rows.csv", "--target", "kind", "--out", tmp_path / "model", *QUICK)
    lines = [line.rstrip() for line in result.output.splitlines()]
    end = next(i for i, line in enumerate(lines) if line.startswith("Change them by"))
    start = lines.index("Candidates, by cross-validation")
    tables = [*lines[1:end], *lines[start:-2]]
    assert len(tables) == 11
    assert max(map(len, tables)) <= 45
    assert any(line.startswith("raw, logistic regression") and "chosen" in line for line in tables)


def test_an_interrupted_fit_writes_nothing_and_says_so(frame, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("vaefeat.fitting.choose", interrupt)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = run(tmp_path / "rows.csv", "--target", "kind", "--out", tmp_path / "model")
    assert result.exit_code == 130
    assert "Interrupted. Nothing was written; the same command starts anew." in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
