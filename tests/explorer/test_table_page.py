"""The explorer of a table names its features, and shows their ranges and values."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_wine
from typer.testing import CliRunner

from tests.apps import NODE_MODULES, need_node, serving_files, use_page
from tests.explorer.files import index_of, means_of
from vaefeat import OnnxModel, VAEEncoderTransformer, export_onnx, load_dataset
from vaefeat.cli import app

pytestmark = pytest.mark.slow

LOOKS = ["light", "dark", "phone"]


@pytest.fixture(scope="module")
def wine():
    """A table of 13 named features in [0, 1], but for one in [0, 5], and a column of classes."""
    table = load_wine(as_frame=True).frame.astype({"target": str})
    features = table.drop(columns="target")
    scaled = (features - features.min()) / (features.max() - features.min())
    return scaled.assign(proline=5 * scaled["proline"], target=table["target"])


@pytest.fixture(scope="module")
def folder(wine, tmp_path_factory):
    """What ``vaefeat explore`` writes of a model of the table, and the table."""
    need_node()
    folder = tmp_path_factory.mktemp("wine")
    X = wine.drop(columns="target")
    vae = VAEEncoderTransformer(2, hidden_layer_sizes=(32,), max_iter=20, random_state=0).fit(X)
    export_onnx(vae, folder / "model" / "model.onnx", X=X, card={"description": "Wines."})
    (folder / "model" / "decoder.onnx").write_bytes(vae.decoder_.to_bytes())
    wine.to_csv(folder / "wine.csv", index=False)
    options = ["--data", folder / "wine.csv", "--target", "target", "--out", folder / "out"]
    options += ["--onnxruntime-web", NODE_MODULES / "onnxruntime-web"]
    result = CliRunner().invoke(app, ["explore", str(folder / "model"), *map(str, options)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def explorer(folder):
    return folder / "out"


@pytest.fixture(scope="module")
def shown(folder):
    """The rows that are shown: those for testing."""
    return load_dataset(folder / "wine.csv", target="target").X_test


@pytest.fixture(scope="module")
def report(explorer, tmp_path_factory):
    """What table.mjs saw when it used the page."""
    path = tmp_path_factory.mktemp("table") / "task.json"
    path.write_text(json.dumps({"nearest": means_of(explorer, "model")[7].tolist()}))
    with serving_files(explorer) as url:
        return use_page(Path(__file__).with_name("table.mjs"), url, path)


@pytest.fixture(params=LOOKS)
def look(request, report):
    return report[request.param]


def numbers(texts):
    return [float(text.replace("−", "-").replace("K", "e3")) for text in texts]


def test_every_feature_has_its_name_and_its_range(look, wine, shown):
    assert look["start"]["names"] == list(wine.columns.drop("target"))
    ranges = [numbers(each) for each in look["start"]["ranges"]]
    assert_allclose(ranges, np.column_stack([shown.min(axis=0), shown.max(axis=0)]), rtol=0.005)
    assert not look["start"]["pictures"]


def test_the_decoded_values_are_those_of_the_decoder_in_units_of_the_table(look, explorer):
    decoder = OnnxModel.load(explorer / "models" / "model" / "decoder.onnx")
    (x_mean,) = decoder.run(np.zeros((1, 2), np.float32))["x_mean"]
    assert_allclose(numbers(look["start"]["decoded"]), x_mean, rtol=0.006, atol=1e-4)
    assert look["start"]["sample"] == [""] * 13
    assert look["start"]["title"] == "Click a point to see its sample here."


def test_the_chosen_sample_stands_beside_its_reconstruction(look, explorer, shown):
    samples = index_of(explorer)["data"]["data/0.u8"]
    index = int(look["chosen"]["title"].split()[1].rstrip(","))
    label = samples["labels"][samples["indices"].index(index)]
    assert look["chosen"]["title"] == f"Sample {index}, class {samples['classes'][label]}"
    values = shown[index]
    step = (np.array(samples["high"]) - samples["low"]) / 255
    errors = np.abs(numbers(look["chosen"]["sample"]) - values)
    assert (errors <= step / 2 + 0.006 * values).all()


def test_the_page_of_a_table_is_accessible_and_no_wider_than_the_screen(look):
    assert look["broken"] == []
    assert look["errors"] == []
    assert look["chosen"]["overflow"] == 0
