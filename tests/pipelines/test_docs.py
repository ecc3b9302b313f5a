import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from typer.main import get_command

import vaefeat
import vaefeat.recipes
from tests.documents import PAGES, ROOT, blocks, commands
from vaefeat import OnnxModel, mask_labels
from vaefeat.cli import app

VERBS = get_command(app).commands
HERE = {
    *["autoencoders.md", "data.md", "few-labels.md", "large-data.md", "options.md", "photos.md"],
    *["ship.md", "start.md", "tables.md"],
}
ELSEWHERE = {"README.md", "serving.md"}  # tests/test_wheel.py, tests/serving/http/test_docs.py


@pytest.fixture
def run_page(tmp_path, monkeypatch):
    """Run the Python blocks of a page one after the other, in an empty folder; return their names."""

    def run(name, **names):
        (tmp_path / "exported").symlink_to(ROOT / "exported")
        monkeypatch.chdir(tmp_path)
        for block in blocks(ROOT / "docs" / name, "python"):
            exec(block, names)
        return names

    return run


def test_every_page_with_code_is_run_by_a_test():
    assert {page.name for page in PAGES if blocks(page, "python")} == HERE | ELSEWHERE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_its_options_exist(page):
    for command in commands(page):
        _, verb, *words = command.split()
        known = {option for parameter in VERBS[verb].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_to_exists(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_reference_has_every_public_name_once():
    pages = "".join(page.read_text() for page in (ROOT / "docs" / "api").glob("*.md"))
    named = re.findall(r"^::: vaefeat\.(\S+)$", pages, re.MULTILINE)
    recipes = [f"recipes.{name}" for name in vaefeat.recipes.__all__]
    assert sorted(named) == sorted([*vaefeat.__all__, *recipes, "exceptions"])


@pytest.mark.slow
def test_the_code_on_photographs_ships_a_classifier_of_color_images(run_page):
    rng = np.random.default_rng(0)
    X, y = rng.uniform(0, 255, size=(40, 32 * 32 * 3)), np.arange(40) % 2
    names = run_page("photos.md", X=X, y=y)
    labels = OnnxModel.load("photos.onnx").run(X)["label"]
    assert_array_equal(labels, names["pipe"].predict(X))


@pytest.mark.slow
def test_the_example_in_few_labels_runs(digits, run_page):
    X, y = digits
    names = run_page("few-labels.md", X=X, y=mask_labels(y, 100, random_state=0))
    assert names["m1_m2"].score(X, y) > names["m1"].score(X, y) > 0.9
    assert names["graph"].score(X, y) > 0.9
    for name in ("m1_m2", "graph"):
        assert_array_equal(OnnxModel.load(f"{name}.onnx").run(X)["label"], names[name].predict(X))


@pytest.mark.slow
def test_the_example_in_start_ships_what_it_fitted(run_page, tmp_path):
    frame = load_iris(as_frame=True).frame.rename(columns={"target": "class"})
    frame.to_csv(tmp_path / "data.csv", index=False)
    names = run_page("start.md")
    shipped = OnnxModel.load("model.onnx").run(frame)["label"]
    assert_array_equal(shipped, names["pipe"].predict(names["frame"]))


@pytest.mark.slow
def test_the_example_in_data_takes_columns_in_any_order(run_page):
    names = run_page("data.md")
    assert isinstance(names["frame"], pd.DataFrame)
    assert set(OnnxModel.load("model.onnx").run(names["frame"])["label"]) <= {"yes", "no"}


@pytest.mark.slow
def test_the_example_in_ship_writes_and_reads_a_file(run_page):
    names = run_page("ship.md")
    assert names["outputs"]["probabilities"].shape == (1, 10)
    assert names["pipe"].score(names["X"] / 16, names["y"]) > 0.8


@pytest.mark.slow
def test_the_example_in_large_data_encodes_what_it_was_trained_on(run_page):
    names = run_page("large-data.md")
    assert names["encoded"].n_rows == 6_000
    assert names["vae"].n_iter_ == 3


def test_the_example_in_tables_ships_raw_and_learned_features(run_page):
    names = run_page("tables.md")
    assert names["pipe"].score(names["X"], names["y"]) > 0.95
    labels = OnnxModel.load("models/cells/model.onnx").run(names["X"])["label"]
    assert_array_equal(labels, names["pipe"].predict(names["X"]))


def test_the_example_in_options_makes_encoders(run_page):
    names = run_page("options.md")
    assert names["clothes"].corruption.flip
    assert names["table"][-1].n_components == 10


@pytest.mark.slow  # an autoencoder with the default network
@pytest.mark.filterwarnings("ignore:The loss still fell")
def test_the_examples_in_autoencoders_find_a_sample_and_learn_images(digits, run_page):
    names = run_page("autoencoders.md", X=digits[0][:200])
    assert names["distances"][0, 0] == 0
    assert names["neighbors"].shape == (1, 5)
    assert names["autoencoder"].decoder_.n_outputs["x_mean"] == 9 * 8 * 3


@pytest.mark.slow  # eleven estimators with their default networks
@pytest.mark.filterwarnings("ignore:.* features are constant:UserWarning")  # in 200 digits
def test_every_estimator_in_the_table_on_autoencoders_learns(digits):
    X, y = (array[:200] for array in digits)
    page = (ROOT / "docs" / "autoencoders.md").read_text()
    pieces = re.findall(r"^\|[^|]+\| `([^`]+\))` \|$", page, re.MULTILINE)
    names = {name: getattr(vaefeat, name) for name in vaefeat.__all__}
    names |= {"vaefeat": vaefeat, "make_pipeline": make_pipeline, "StandardScaler": StandardScaler}
    assert len(pieces) == 11
    for piece in pieces:
        estimator = eval(piece, names)
        epochs = {name: 1 for name in estimator.get_params() if name.endswith("max_iter")}
        use = "transform" if hasattr(estimator, "transform") else "predict"
        assert len(getattr(estimator.set_params(**epochs).fit(X, y), use)(X)) == len(X)
