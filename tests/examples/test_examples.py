"""The examples in other languages say what OnnxModel says, and the page does what a person expects."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.apps import channels, need_node, serving_files, use_page
from vaefeat import OnnxModel

pytestmark = pytest.mark.slow

EXPORTED = Path(__file__).parents[2] / "exported"
EXAMPLES = EXPORTED / "examples"
MODELS = {name: EXPORTED / f"mnist-100-labels-{name}" / "model.onnx" for name in ("raw", "vae")}
SAMPLES = json.loads((EXAMPLES / "samples.json").read_text())
IMAGES = np.array([sample["pixels"] for sample in SAMPLES], dtype=np.uint8)
LOOKS = ["light", "dark", "phone"]


@pytest.fixture(scope="module")
def node():
    return need_node()


@pytest.fixture(scope="module")
def rows(load_or_skip):
    """A hundred images of MNIST's test set; where it is missing, the samples and fainter versions of them."""
    try:
        return np.ascontiguousarray(load_or_skip("mnist").X_test[:100], dtype=np.float32)
    except pytest.skip.Exception:
        samples = IMAGES.astype(np.float32) / 255
        return np.concatenate([samples * np.float32(1 - k / 10) for k in range(5)])


@pytest.fixture(scope="module")
def expected(rows):
    return {name: OnnxModel.load(path).run(rows) for name, path in MODELS.items()}


def stack(answers):
    """Turn one dict a row into one array an output."""
    return {name: np.array([answer[name] for answer in answers]) for name in answers[0]}


def assert_same_answers(answers, expected):
    assert set(answers) == set(expected)
    assert_array_equal(answers["label"], expected["label"])
    for name in set(expected) - {"label"}:
        assert_allclose(answers[name], expected[name], rtol=0, atol=1e-5)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def run_lines(*command):
    code, output, errors = run(*command)
    assert code == 0, errors
    return [json.loads(line) for line in output.splitlines()]


# --- Python and Node ---


@pytest.fixture(params=["python", "node"])
def classify(request):
    """Return the command that runs the example of a language."""
    if request.param == "python":
        return [sys.executable, EXAMPLES / "python" / "classify.py"]
    return [request.getfixturevalue("node"), EXAMPLES / "node" / "classify.mjs"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_example_agrees_with_the_library_on_a_hundred_rows(
    classify, name, dtype, rows, expected, tmp_path
):
    np.save(tmp_path / "rows.npy", rows.astype(dtype))
    answers = run_lines(*classify, MODELS[name], tmp_path / "rows.npy")
    assert len(answers) == 100
    assert_same_answers(stack(answers), expected[name])


@pytest.mark.parametrize("kind", ["json", "uint8", "int64"])
def test_the_example_reads_whole_numbers_as_pixels(classify, kind, tmp_path):
    path = EXAMPLES / "samples.json"
    if kind != "json":
        path = tmp_path / "rows.npy"
        np.save(path, IMAGES.astype(kind))
    answers = stack(run_lines(*classify, MODELS["vae"], path))
    assert_same_answers(answers, OnnxModel.load(MODELS["vae"]).run(IMAGES / 255))


def test_the_example_says_which_rows_it_expects(classify, tmp_path):
    np.save(tmp_path / "rows.npy", np.zeros((3, 5), dtype=np.float32))
    code, _, errors = run(*classify, MODELS["raw"], tmp_path / "rows.npy")
    assert code == 1
    assert errors.strip().endswith("has the shape (3, 5).")
    assert "rows of 784 numbers" in errors


def test_the_example_says_how_it_is_used(classify):
    code, _, errors = run(*classify)
    assert code == 1
    assert errors.startswith("Usage: ")


def test_the_node_example_refuses_arrays_that_it_would_misread(node, tmp_path):
    for bad, message in [
        (np.asfortranarray(np.zeros((2, 784), dtype=np.float32)), "by columns"),
        (np.zeros((2, 784), dtype=">f4"), "holds >f4"),
    ]:
        np.save(tmp_path / "rows.npy", bad)
        code, _, errors = run(node, EXAMPLES / "node" / "classify.mjs", MODELS["raw"], tmp_path / "rows.npy")
        assert code == 1
        assert message in errors


def test_the_python_example_needs_neither_vaefeat_nor_training_packages(run_fresh):
    script = f"""
        import runpy, sys
        sys.argv = ["classify.py", {str(MODELS["vae"])!r}, {str(EXAMPLES / "samples.json")!r}]
        runpy.run_path({str(EXAMPLES / "python" / "classify.py")!r}, run_name="__main__")
    """
    absent = ["vaefeat", "tensorflow", "keras", "sklearn", "onnx", "skl2onnx", "tf2onnx"]
    answers = [json.loads(line) for line in run_fresh(script, absent=absent).splitlines()]
    assert_same_answers(stack(answers), OnnxModel.load(MODELS["vae"]).run(IMAGES / 255))


# --- the page ---


@pytest.fixture(scope="module")
def seen(rows, tmp_path_factory):
    """What page.mjs saw when it used the page."""
    path = tmp_path_factory.mktemp("page") / "rows.json"
    path.write_text(json.dumps(rows.tolist()))
    with serving_files(EXPORTED) as url:
        return use_page(Path(__file__).with_name("page.mjs"), f"{url}examples/browser/", path)


@pytest.fixture(params=LOOKS)
def look(request, seen):
    return seen["looks"][request.param]


def answers_to(pixels):
    rows = np.array([pixels]) / 255
    return {name: OnnxModel.load(path).run(rows) for name, path in MODELS.items()}


def assert_shows_what_the_models_say(shown):
    """Compare what stands in the page with Python's answers to the very pixels that the page shows."""
    answers = answers_to(shown["pixels"])
    assert shown["digits"] == [str(answers[name]["label"][0]) for name in MODELS]
    for name in MODELS:
        probabilities = answers[name]["probabilities"][0]
        assert_allclose(shown["shares"][name], probabilities, rtol=0, atol=1e-5)
        percents = [int(text.removesuffix(" %")) for text in shown["values"][name]]
        assert_allclose(percents, 100 * probabilities, rtol=0, atol=0.501)
    z_mean = answers["vae"]["z_mean"][0]
    limit = max(3, np.abs(z_mean).max())
    assert_allclose(shown["shares"]["z_mean"], z_mean / limit, rtol=0, atol=1e-5)
    numbers = [float(text.replace("−", "-")) for text in shown["values"]["z_mean"]]
    assert_allclose(numbers, z_mean, rtol=0, atol=0.0501)


def assert_is_empty(shown):
    assert shown["digits"] == ["–", "–"]
    assert not any(shown["pixels"])
    assert not shown["ink"]
    assert shown["checked"] == shown["truth"] == []
    for name in (*MODELS, "z_mean"):
        assert set(shown["values"][name]) == {""}
        assert set(shown["shares"][name]) == {0}


@pytest.mark.parametrize("name", MODELS)
def test_the_browser_agrees_with_the_library_on_a_hundred_rows(seen, name, expected):
    assert_same_answers(stack(seen["rows"][name]), expected[name])


def test_the_page_contacts_no_other_host_and_logs_no_error(seen):
    for visit in (*seen["looks"].values(), seen["rows"]):
        assert visit["foreign"] == []
        assert visit["errors"] == []


def test_the_page_is_empty_at_first(look):
    assert_is_empty(look["empty"])
    assert look["empty"]["notice"] == ""


def test_the_page_states_the_accuracies_of_the_cards(look):
    cards = [json.loads(path.with_suffix(".json").read_text()) for path in MODELS.values()]
    stated = [re.match(r"([\d.]+) % accuracy", text).group(1) for text in look["empty"]["accuracy"]]
    accuracies = [card["metrics"]["accuracy_on_10000_test_images"] for card in cards]
    assert_allclose([float(text) for text in stated], 100 * np.array(accuracies), rtol=0, atol=0.0501)


def test_a_vertical_line_is_a_one(look):
    assert look["line"]["digits"] == ["1", "1"]
    assert look["line"]["verdict"] == look["line"]["status"] == "Both read a 1."
    assert look["line"]["ink"]
    assert look["line"]["truth"] == []


@pytest.mark.parametrize("drawing", ["line", "three"])
def test_a_drawing_shows_the_models_outputs_for_its_pixels(look, drawing):
    assert_shows_what_the_models_say(look[drawing])


@pytest.mark.parametrize("drawing", ["line", "three"])
def test_a_drawing_is_laid_out_as_in_mnist(look, drawing):
    image = np.reshape(look[drawing]["pixels"], (28, 28))
    ys, xs = np.nonzero(image > 64)
    assert 19 <= max(np.ptp(xs), np.ptp(ys)) + 1 <= 21
    assert image.max() == 255
    assert np.count_nonzero((image > 0) & (image < 255)) > 10  # soft edges
    center = [(image * indices).sum() / image.sum() for indices in np.indices((28, 28))]
    assert_allclose(center, 14, rtol=0, atol=0.1)


@pytest.mark.parametrize("step", ["deleted", "cleared", "escaped"])
def test_the_button_and_the_keys_clear_the_page(look, step):
    assert_is_empty(look[step])
    assert look[step]["status"] == "Cleared."


def test_arrow_keys_move_through_the_test_images(look):
    numbers = [1, 2, 4, 2, 1, 20]  # right, down, right, left, up, up; a column is a digit
    assert [len(shown["checked"]) for shown in look["picked"]] == [1] * len(numbers)
    for shown, number in zip(look["picked"], numbers, strict=True):
        sample = SAMPLES[number - 1]
        assert shown["checked"] == [f"Test image {number}, a {sample['label']}"]
        assert shown["pixels"] == sample["pixels"]
        assert shown["truth"] == [str(sample["label"])]
        assert_shows_what_the_models_say(shown)


def test_a_test_image_is_picked_with_a_click(look):
    assert look["clicked"]["pixels"] == SAMPLES[19]["pixels"]
    assert_shows_what_the_models_say(look["clicked"])


def test_everything_can_be_reached_with_the_tab_key_and_shows_focus(look):
    assert look["focused"] == ["pad", "clear", "Test image 1, a 0"]
    assert look["outline"] == "solid"


def test_the_page_is_never_wider_than_the_screen(look):
    assert {look[step]["overflow"] for step in ("empty", "line", "three", "clicked")} == {0}


def test_a_finger_draws_and_does_not_move_the_page(seen):
    phone = seen["looks"]["phone"]
    assert phone["moved"] == 0
    assert phone["line"]["reach"] < 740  # of 740 pixels: the pad and the answers are seen together


def test_the_page_follows_the_preferred_color_scheme(seen):
    backgrounds = {name: seen["looks"][name]["empty"]["background"] for name in LOOKS}
    assert min(channels(backgrounds["light"])) > 200
    assert max(channels(backgrounds["dark"])) < 50


def test_nothing_moves_if_reduced_motion_is_preferred(look):
    assert look["empty"]["transition"] == "0s"


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model", r"exported/mnist-100-labels-vae/model\.onnx is missing .* Serve the folder exported/"),
        ("card", r"exported/mnist-100-labels-raw/model\.json is missing"),
        ("runtime", r"ONNX Runtime Web is not installed\. Run “npm ci” in the folder exported/examples"),
        ("samples", r"samples\.json is missing"),
    ],
)
def test_the_page_says_what_is_missing(seen, missing, message):
    assert re.search(message, seen["notices"][missing])
