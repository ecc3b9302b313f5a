"""What people's own files have that nothing can be learned from, and what only looks like it."""

import json

import numpy as np
import pandas as pd
import pytest
import sklearn
from PIL import Image
from typer.testing import CliRunner

from vaefeat.cli import app

N = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4)).round(3)
KIND = np.where(X[:, 0] > 0, "good", "bad")
FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(kind=KIND)


def rows(**columns):
    return lambda folder: FRAME.assign(**columns).to_csv(folder / "rows.csv", index=False)


def text(content):
    return lambda folder: (folder / "rows.csv").write_bytes(content)


def arrays(**arrays):
    return lambda folder: np.savez(folder / "rows.npz", **arrays)


def images(mode, *shapes):
    def write(folder):
        (folder / "rows").mkdir()
        for i, shape in enumerate(shapes):
            Image.new(mode, shape).save(folder / "rows" / f"{i}.png")

    return write


KNOWN = pd.Series(KIND, dtype=object)
NUMBERED = [f"class {i}" for i in range(N)]

BAD = {
    "a misspelled target": (rows(), ["--target", "knd"], "has no column 'knd'; did you mean 'kind'?"),
    "no target": (rows(), [], "has no classes to predict; name their column with target (--target)."),
    "no label": (rows(kind=None), ["--target", "kind"], "'kind' has no labels: all rows are empty or -1"),
    "few quantities": (
        rows(kind=pd.Series(X[:, 1]).where(FRAME.index < 9)),
        ["--target", "kind", "--task", "regression"],
        "has 9 labeled rows, expected at least 10",
    ),
    "classes as quantities": (
        rows(),
        ["--target", "kind", "--task", "regression"],
        "The target 'kind' holds 'good', expected numbers for the task regression.",
    ),
    "names": (rows(kind=NUMBERED), ["--target", "kind"], "60 different values in 60 labeled rows"),
    "classes -1 and 1": (
        rows(kind=np.where(KIND == "good", 1, -1)),
        ["--target", "kind"],
        "has the one class 1: -1 means unlabeled; rename that class.",
    ),
    "one class": (rows(kind="good"), ["--target", "kind"], "the one class 'good': label another class."),
    "a class of one row": (
        rows(kind=["bad"] + ["good"] * (N - 1)),
        ["--target", "kind"],
        "a single labeled row of class 'bad', expected two classes with at least 2",
    ),
    "no other column": (
        text("\n".join(["kind", *KIND]).encode()),
        ["--target", "kind"],
        "rows.csv has no columns besides the target.",
    ),
    "columns of text alone": (
        lambda folder: FRAME[["kind"]].assign(a=NUMBERED).to_csv(folder / "rows.csv", index=False),
        ["--target", "kind"],
        "No column is left to learn from",
    ),
    "an unknown column to drop": (rows(), ["--target", "kind", "--drop", "e"], "no column 'e'; it has a, b"),
    "text as numbers": (
        rows(a=NUMBERED),
        ["--target", "kind", "--numeric", "a"],
        "Column 'a', row 1: got 'class 0', expected a number.",
    ),
    "no row": (text(b"a,b,kind\n"), ["--target", "kind"], "rows.csv has no rows."),
    "nothing": (text(b""), ["--target", "kind"], "rows.csv begins with an empty line"),
    "an empty line": (text(b"a,kind\n1,x\n\n2,y\n"), ["--target", "kind"], "line 3 is empty"),
    "a short line": (
        text(b"a,b,kind\n1,2,x\n1,y\n1,2,x\n"),
        ["--target", "kind"],
        "line 3: Expected 3 columns, got 2",
    ),
    "a column twice": (text(b"a,a,kind\n1,2,x\n"), ["--target", "kind"], "columns with the same name"),
    "bytes of another kind": (text(b"a,kind\n\x00\xff\x81,x\n"), ["--target", "kind"], "rows.csv"),
    "too few pixels": (rows(), ["--target", "kind", "--image-shape", "3x3"], "9 pixels, but rows.csv has 4"),
    "classes of two columns": (arrays(X=X, y=X[:, :2]), ["--target", "y"], "classes of shape (60, 2)"),
    "too few classes": (arrays(X=X, y=KIND[:9]), ["--target", "y"], "classes of shape (9,) for 60 rows"),
    "another array": (arrays(A=X, y=KIND), ["--target", "y"], "has no array 'X'; it has A, y."),
    "images of five channels": (
        arrays(X=np.zeros((N, 4, 4, 5)), y=KIND),
        ["--target", "y"],
        "expected a numeric matrix",
    ),
    "images of two shapes": (images("L", (4, 4), (5, 4)), [], "resize all images to one shape"),
    "images without classes": (images("L", (4, 4), (4, 4)), [], "no labels"),
    "a folder without images": (lambda folder: (folder / "rows").mkdir(), [], "rows has no images"),
    "no file": (lambda folder: None, [], "There is no file"),
}


def data(folder):
    """Return what was written to a folder, or the name of a file that was not."""
    return next(folder.iterdir(), folder / "rows.csv")


def said(result):
    """Return the sentence of an error."""
    return " ".join(result.output[result.output.index("error ") :].removeprefix("error ").split())


@pytest.mark.parametrize("verb", ["fit", "compare"])
@pytest.mark.parametrize("what", BAD)
def test_bad_rows_end_in_one_sentence_and_write_nothing(verb, what, tmp_path):
    write, options, message = BAD[what]
    write(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = CliRunner().invoke(app, [verb, str(data(tmp_path)), *options, "--out", str(tmp_path / "out")])
    assert result.exit_code == 1, result.output
    assert not isinstance(result.exception, KeyError | TypeError)
    assert message in said(result)
    assert len(said(result)) <= 300
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("n", ["60", "46"])
def test_more_labels_than_there_are_end_in_one_sentence(n, tmp_path):
    FRAME.to_csv(tmp_path / "rows.csv", index=False)
    options = ["--target", "kind", "--n-labeled", n, "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["compare", str(tmp_path / "rows.csv"), *options])
    assert result.exit_code == 1
    assert "expected numbers up to 45" in said(result)
    assert not (tmp_path / "out").exists()


LABELS = {
    "empty cells": KNOWN.where(FRAME.index < 40),
    "-1": np.where(FRAME.index < 40, np.where(KIND == "good", 1, 0), -1),
    "-1 among text": KNOWN.where(FRAME.index < 40, "-1"),
    "a rare class": np.where(FRAME.index == 0, "rare", KIND),
    "classes with gaps as numbers": pd.Series(np.where(KIND == "good", 1.0, 0.0)).where(FRAME.index < 40),
}


@pytest.mark.parametrize("what", LABELS)
def test_labels_with_gaps_and_rare_classes_are_learned_from(what, tmp_path):
    rows(kind=LABELS[what])(tmp_path)
    options = ["--target", "kind", "--classifier", "logistic-regression", "--time", "0s"]
    result = CliRunner().invoke(app, ["fit", str(data(tmp_path)), *options, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "model.onnx").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("output", "shape"), [("default", (N, 1)), ("pandas", (N,))])
def test_compare_is_right_about_classes_in_a_column_and_whatever_transformers_return(output, shape, tmp_path):
    arrays(X=X, y=KIND.reshape(shape))(tmp_path)
    options = ["--target", "y", "--smoke", "--n-labeled", "20", "--out", str(tmp_path / "out")]
    with sklearn.config_context(transform_output=output):
        result = CliRunner().invoke(app, ["compare", str(tmp_path / "rows.npz"), *options])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    assert np.mean([line["accuracy"] for line in lines if line["extractor"] == "raw"]) > 0.8
