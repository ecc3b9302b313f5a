"""The explorer does what a person expects, with mouse, keys and finger, in light and dark, and on a phone."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.apps import channels, serving_files, use_page
from tests.explorer.files import index_of, means_of, model_of, samples_of
from vaefeat import OnnxModel

pytestmark = pytest.mark.slow

PLANE, UNITS = "digits-2", "digits-6"
LOOKS = ["light", "dark", "phone"]
STEPS = ["start", "slid", "dragged", "stepped", "nearest", "escaped", "clicked1", "clicked2"]
STEPS += ["walked", "reset", "muted", "units", "silent", "along"]
OF_UNITS = ["units", "silent", "along"]
ROWS = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)


def lonely(z, n):
    """Return the samples that are furthest from the one that is nearest to them."""
    distances = np.hypot(*(z[:, None] - z[None]).T) + np.diag(np.full(len(z), np.inf))
    return np.argsort(-distances.min(axis=0))[:n]


@pytest.fixture(scope="module")
def chosen(explorer):
    """The two samples that are clicked."""
    return lonely(means_of(explorer, PLANE), 2)


@pytest.fixture(scope="module")
def report(explorer, chosen, tmp_path_factory):
    """What page.mjs saw when it used the page."""
    places = means_of(explorer, PLANE)[chosen]
    task = {"plane": PLANE, "units": UNITS, "places": places.tolist(), "rows": ROWS.tolist()}
    path = tmp_path_factory.mktemp("page") / "task.json"
    path.write_text(json.dumps(task))
    with serving_files(explorer) as url:
        return use_page(Path(__file__).with_name("page.mjs"), url, path)


@pytest.fixture(params=LOOKS)
def look(request, report):
    return report["looks"][request.param]


@pytest.fixture
def steps(look):
    return look["steps"]


def decoder(explorer, name):
    return OnnxModel.load(explorer / "models" / name / "decoder.onnx")


def z_of(step):
    """Return z as the page's numbers tell it, unit by unit as the model counts them."""
    z = np.zeros((1, len(step["z"])), np.float32)
    for label, value in zip(step["units"], step["z"], strict=True):
        z[0, int(label.removeprefix("z"))] = value
    return z


def assert_shows(explorer, name, step, *, atol=1.0):
    """Compare the picture's bytes with what Python's decoder makes of the z that stands in the page."""
    x_mean = decoder(explorer, name).run(z_of(step))["x_mean"][0]
    assert_allclose(step["picture"], 255 * x_mean, rtol=0, atol=atol)


# --- the decoder ---


def test_the_browser_decodes_what_python_decodes(report, explorer):
    expected = decoder(explorer, PLANE).run(ROWS)["x_mean"]
    decoded = np.reshape(report["modules"]["x_mean"], expected.shape)
    assert_allclose(decoded, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("step", ["start", "slid", "escaped", "reset"])
def test_the_picture_is_the_decoded_position_of_the_sliders(steps, step, explorer):
    assert_shows(explorer, PLANE, steps[step], atol=0.501)


@pytest.mark.parametrize("step", ["dragged", "stepped", "nearest", "clicked1", "clicked2", "walked"])
def test_the_picture_follows_every_change_of_z(steps, step, explorer):
    assert_shows(explorer, PLANE, steps[step], atol=3)  # two digits of z are told, and more are decoded
    assert steps[step]["picture"] != steps["start"]["picture"]


@pytest.mark.parametrize("step", OF_UNITS)
def test_a_model_of_more_units_is_decoded_too(steps, step, explorer):
    assert_shows(explorer, UNITS, steps[step], atol=3)


def test_only_the_last_of_a_hundred_moves_in_a_frame_is_decoded(report):
    assert report["modules"]["decoded"] == report["modules"]["shown"] == [99]


def test_after_an_error_decoding_goes_on(report):
    assert report["modules"]["failed"] == "after an error"


# --- moving ---


@pytest.mark.parametrize("look", LOOKS)
def test_the_page_breaks_no_rule_of_accessibility(report, look):
    assert report["looks"][look]["broken"] == []


def test_at_first_z_is_zero_and_no_sample_is_shown(steps):
    for step in ("start", "escaped", "reset"):
        assert steps[step]["z"] == [0, 0]
        assert steps[step]["here"] == [50, 50]
        assert steps[step]["sample"] is None
        assert steps[step]["captions"] == ["Decoded", ""]
        assert steps[step]["walk"]
    assert steps["start"]["units"] == ["z0", "z1"]


def test_the_arrow_keys_move_a_slider(steps):
    assert steps["slid"]["z"] == [0.5, 0]
    assert steps["slid"]["sliders"] == [0.5, 0]


def test_a_pointer_drags_the_point_across_the_plane(look, steps):
    pixel = 2 * steps["dragged"]["limit"] / 290  # the plane of the phone has the fewest
    assert_allclose(steps["dragged"]["z"], [1, -1], rtol=0, atol=pixel + 0.005)
    assert look["moved"] == 0


def test_the_arrow_keys_move_the_point_and_shift_moves_it_faster(look, steps):
    moved = np.subtract(steps["stepped"]["z"], steps["dragged"]["z"])
    assert_allclose(moved, [0.1, 0.5], rtol=0, atol=0.0101)
    assert look["outline"] == "solid"
    z0, z1 = (f"{value:.2f}".replace("-", "−") for value in steps["stepped"]["z"])
    assert steps["stepped"]["status"] == f"z0 {z0}, z1 {z1}"


@pytest.mark.parametrize("step", STEPS[:9])
def test_the_mark_is_where_the_sliders_are(steps, step):
    share = np.array(steps[step]["z"]) / steps[step]["limit"]
    assert_allclose(steps[step]["here"], 50 * (1 + share * [1, -1]), rtol=0, atol=0.1)


def test_everything_can_be_reached_with_the_tab_key(look):
    legend = [str(digit) for digit in range(10)]
    names = ["model", "scatter", "nearer", *legend, "unit-0", "unit-1", "reset"]
    assert look["focused"] == names


# --- looking from nearer ---


def test_the_buttons_look_from_nearer_and_the_point_is_where_it_is_dragged_to(look):
    whole, dragged = look["zoomed"]["whole"], look["zoomed"]["dragged"]
    assert (whole["isWhole"], whole["isClosest"], dragged["isWhole"]) == (True, False, False)
    eighth = whole["limit"] / 8  # half of the way to an end that is four times nearer
    assert_allclose(dragged["z"], [eighth, eighth], rtol=0, atol=0.05)  # the step of a slider
    assert_allclose(dragged["here"], [75, 25], rtol=0, atol=0.5)


def test_the_view_follows_the_point(look):
    followed = look["zoomed"]["followed"]
    assert followed["z"][0] == followed["limit"]
    assert followed["here"][0] == pytest.approx(100, abs=0.01)
    assert not followed["isWhole"]


def test_the_wheel_looks_from_nearer_with_ctrl_and_does_not_scroll_the_page(look):
    assert look["zoomed"]["wheeled"]["isClosest"]
    assert look["zoomed"]["wheeled"]["scrolled"] == look["zoomed"]["before"]["scrolled"]


def test_keys_look_from_further_and_escape_shows_the_whole_plane(look):
    assert look["zoomed"]["keyed"]["isWhole"]
    reset = look["zoomed"]["reset"]
    assert (reset["isWhole"], reset["z"], reset["here"]) == (True, [0, 0], [50, 50])


def test_two_fingers_look_from_nearer(report):
    pinched = report["looks"]["phone"]["pinched"]
    quarter = pinched["limit"] / 4
    assert_allclose(pinched["z"], [quarter, quarter], rtol=0, atol=0.15)


def test_the_names_of_classes_are_not_hidden_under_samples(report):
    assert report["modules"]["names"] > 30


# --- samples ---


def test_a_click_on_a_point_shows_its_sample_beside_its_reconstruction(steps, explorer, chosen):
    for i, sample in enumerate(chosen):
        step = steps[f"clicked{i + 1}"]
        index = index_of(explorer)["data"]["data/0.u8"]
        assert_array_equal(step["sample"], samples_of(explorer, "data/0.u8")[sample])
        assert_allclose(step["z"], means_of(explorer, PLANE)[sample], rtol=0, atol=0.00501)
        caption = f"Sample {index['indices'][sample]}, class {index['labels'][sample]}"
        assert step["captions"] == ["Its reconstruction", caption]
        assert step["status"] == f"{caption}, and its reconstruction."


def test_the_enter_key_takes_the_nearest_sample(steps, explorer):
    z = means_of(explorer, PLANE)
    nearest = np.argmin(np.hypot(*(z - steps["stepped"]["z"]).T))
    assert_allclose(steps["nearest"]["z"], z[nearest], rtol=0, atol=0.00501)
    assert_array_equal(steps["nearest"]["sample"], samples_of(explorer, "data/0.u8")[nearest])


def test_the_walk_follows_the_line_between_the_last_two_samples(steps, explorer, chosen):
    first, second = means_of(explorer, PLANE)[chosen]
    assert steps["clicked1"]["walk"]  # is disabled
    assert not steps["clicked2"]["walk"]
    assert_allclose(steps["walked"]["z"], 0.75 * first + 0.25 * second, rtol=0, atol=0.00501)
    assert steps["walked"]["captions"][0] == "Decoded"
    assert steps["walked"]["sample"] == steps["clicked2"]["sample"]


def test_muted_classes_cannot_be_picked(steps):
    assert steps["start"]["legend"] == [str(digit) for digit in range(10)]
    assert steps["reset"]["pressed"] == ["true"] * 10
    assert steps["muted"]["pressed"] == ["false"] * 10
    assert steps["muted"]["colors"] < steps["reset"]["colors"]
    assert steps["muted"]["sample"] is None


def test_a_new_model_resets_muted_classes_and_a_new_axis_does_not(steps):
    assert steps["units"]["pressed"] == ["true"] * 10
    assert steps["along"]["pressed"] == ["false"] * 10
    assert steps["along"]["colors"] < steps["units"]["colors"]


def test_the_page_says_what_the_plane_shows(steps):
    assert steps["start"]["shown"] == "The means of 450 test samples of digits, colored by class."


# --- more units ---


def test_units_are_sorted_by_kl_and_silent_ones_are_collapsed(steps, explorer):
    model = model_of(explorer, UNITS)
    kl = np.array(model["kl_per_unit"])
    assert 2 <= model["n_active"] < 6
    assert (np.diff(kl[model["units"]]) <= 0).all()
    for step in OF_UNITS:
        assert steps[step]["units"] == [f"z{unit}" for unit in model["units"]]
        assert steps[step]["kl"] == [f"{kl[unit]:.2f} nats" for unit in model["units"]]
    n_silent = 6 - model["n_active"]
    assert steps["units"]["silent"] == f"{n_silent} silent unit{'s' * (n_silent > 1)}"
    assert steps["start"]["silent"] == ""


def test_a_silent_unit_has_its_slider_too(steps, explorer):
    model = model_of(explorer, UNITS)
    expected = [0.0] * 6
    expected[model["n_active"]] = steps["silent"]["limit"]
    assert steps["silent"]["z"] == expected


def test_the_plane_shows_the_two_most_active_units_or_chosen_ones(steps):
    assert not steps["start"]["axes_are_shown"]
    assert steps["units"]["axes_are_shown"]
    assert set(steps["units"]["axes"]) == set(steps["units"]["units"][:2])
    along = steps["along"]
    assert along["axes"] == [along["units"][2], steps["units"]["axes"][1]]
    moved = {unit for unit, z in zip(along["units"], along["z"], strict=True) if abs(z - 0.5) < 0.05}
    assert moved == set(along["axes"])


def test_the_address_names_the_model(steps):
    assert steps["start"]["address"] == f"#{PLANE}"
    assert steps["units"]["address"] == f"#{UNITS}"


# --- looks ---


def test_no_other_host_is_contacted_and_no_error_is_logged(report, look):
    assert look["foreign"] == []
    assert look["errors"] == []
    assert report["modules"]["errors"] == []


@pytest.mark.parametrize("step", STEPS)
def test_the_page_is_never_wider_than_the_screen(steps, step):
    assert steps[step]["overflow"] == 0
    assert steps[step]["notice"] == ""


def test_the_plane_has_the_resolution_of_the_screen(steps):
    assert steps["start"]["sharpness"] == pytest.approx(2, abs=0.01)


def test_the_page_follows_the_preferred_color_scheme(report):
    backgrounds = {name: report["looks"][name]["steps"]["start"]["background"] for name in LOOKS}
    assert min(channels(backgrounds["light"])) > 200
    assert max(channels(backgrounds["dark"])) < 50


def test_samples_that_are_not_images_are_shown_as_bars(report):
    assert_allclose(report["modules"]["bars"], [0, 0.5, 1])


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("decoder", r"models/digits-2/decoder\.onnx is missing \(the server answered 404\)"),
        ("index", r"explorer\.json is missing"),
        ("runtime", r"onnxruntime-web/ort\.wasm\.min\.mjs is missing"),
        ("samples", r"data/0\.u8 is missing .*Run vaefeat explore again\."),
    ],
)
def test_the_page_says_what_is_missing(report, missing, message):
    assert re.search(message, report["notices"][missing])
