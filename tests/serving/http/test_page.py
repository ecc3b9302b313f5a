"""The service's page does what a person expects, in light and dark, and on a phone."""

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.apps import need_node, use_page
from tests.serving.live import EXPORTED, serving
from vaefeat import OnnxModel

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "page.mjs"
LOOKS = ["light", "dark", "phone"]
STEPS = ["start", "classifier", "encoder", "refused", "docs"]


@pytest.fixture(scope="module")
def report(exported):
    return use_page(SCRIPT, exported.url)["looks"]


@pytest.fixture(params=LOOKS)
def look(request, report):
    return report[request.param]


def test_the_page_logs_no_errors_and_contacts_no_other_host(look):
    assert look["foreign"] == []
    assert look["errors"] == []


@pytest.mark.parametrize("step", STEPS)
def test_the_page_fits_its_width(look, step):
    assert look["steps"][step]["overflow"] <= 0


@pytest.mark.parametrize("step", STEPS)
def test_the_page_breaks_no_rule_of_accessibility(look, step):
    assert look["steps"][step]["broken"] == []


def test_all_models_are_listed_and_the_first_shows_an_example(look):
    start = look["steps"]["start"]
    assert start["models"] == sorted(path.parent.name for path in EXPORTED.glob("*/model.onnx"))
    assert start["title"] == start["models"][0]
    card = json.loads((EXPORTED / start["title"] / "model.json").read_text())
    assert_allclose(np.fromstring(start["row"], sep=","), card["golden"]["X"][0])


def test_a_classifier_s_outputs_are_shown_as_label_bars_and_columns(look):
    seen = look["steps"]["classifier"]
    model = OnnxModel.load(EXPORTED / "mnist-100-labels-vae" / "model.onnx")
    expected = model.run(np.fromstring(seen["row"], sep=",")[None])
    assert seen["label"] == str(expected["label"][0])
    assert seen["bars"] == [f"{100 * share:.1f} %" for share in expected["probabilities"][0]]
    assert seen["columns"] == 50
    assert [title.splitlines()[0] for title in seen["outputs"]] == model.output_names


def test_the_statistics_include_the_request(look):
    rate, p50, p99, queue = look["steps"]["classifier"]["numbers"]
    assert float(rate) > 0
    assert p50.endswith(" ms")
    assert p99.endswith(" ms")
    assert queue == "0"


def test_a_random_row_gives_features_and_updates_the_command(look):
    seen = look["steps"]["encoder"]
    row = np.fromstring(seen["row"], sep=",")
    expected = OnnxModel.load(EXPORTED / "digits-vae" / "model.onnx").run(row[None])
    assert_allclose(np.fromstring(seen["values"], sep=","), expected["z_mean"][0], rtol=1e-5)
    request = json.loads(seen["command"].split(" -d ")[1].strip("'"))
    assert_allclose(request["inputs"][0]["data"], row)


def test_the_page_shows_where_a_row_is_wrong(look):
    seen = look["steps"]["refused"]
    assert seen["time"] == 'Value 3 is "three", expected a number.'
    assert seen["columns"] == 0


def test_the_page_warns_of_a_value_out_of_range(look):
    assert look["warning"] == "Value 1 is 2, outside 0 to 1: the model was not trained on such values."


def test_a_click_on_a_model_brings_it_into_view(look):
    assert look["name_is_visible"]


def test_an_empty_page_says_what_to_do_and_shows_the_first_model_that_is_loaded(tmp_path):
    shutil.copytree(EXPORTED / "digits-vae", tmp_path / "digits-vae")
    with serving(tmp_path, "--allow-control") as live:
        seen = use_page(SCRIPT.with_name("empty.mjs"), live.url, "digits-vae")
    for look in LOOKS:
        assert seen[look]["empty"].startswith("No model is served. Load one over the API")
        assert seen[look]["refused"] == ["digits-vae: unloaded"]
        assert not seen[look]["detail_is_shown"]
        assert seen[look]["broken"] == []
        assert seen[look]["overflow"] <= 0
    assert seen["model"] == "digits-vae"


def test_the_api_page_shows_every_operation(look):
    shown = look["steps"]["docs"]["operations"]
    assert "POST /v2/models/{name}[/versions/{version}]/infer" in shown
    assert len(shown) == 12


@pytest.mark.parametrize("text", ["it's", "'; touch hacked; '", "$(touch hacked)", "`a`", '"\\\n\x1b'])
def test_what_is_copied_for_a_shell_holds_no_command(text, tmp_path):
    source = files("vaefeat.serving.http").joinpath("pages", "index.js").read_text()
    (line,) = [line for line in source.splitlines() if line.startswith("const quoted = ")]
    script = f"{line}; process.stdout.write(quoted(process.argv[1]))"
    quoted = subprocess.check_output([need_node(), "-e", script, text], text=True)
    command = ["bash", "-c", f"printf %s {quoted}"]
    assert subprocess.check_output(command, text=True, cwd=tmp_path) == text
    assert not list(tmp_path.iterdir())
