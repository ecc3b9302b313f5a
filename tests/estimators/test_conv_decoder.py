"""Estimators of images whose decoder ends in transposed convolutions, in gray and in color."""

import json
import subprocess
from pathlib import Path

import joblib
import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from typer.testing import CliRunner

from tests.apps import NODE_MODULES, need_node, serving_files, use_page
from vaefeat import (
    AutoencoderTransformer,
    Gaussian,
    ImageWarp,
    OnnxModel,
    ReconstructionDisplay,
    SamplesDisplay,
    VAEEncoderTransformer,
    export_decoder,
    export_onnx,
)
from vaefeat.cli import app
from vaefeat.export.networks import export_networks
from vaefeat.plotting import summary_html
from vaefeat.runtime.inspection import inspect_model
from vaefeat.values.objectives import gaussian_kl

SHAPE = (7, 6, 3)  # odd rows: what the decoder doubles has to be cropped
RNG = np.random.default_rng(0)
COLORS = RNG.uniform(size=(60, 1, 1, 3)) * np.linspace(0.2, 1, 7)[:, None, None] * np.ones(SHAPE)
X = COLORS.reshape(60, -1).astype(np.float32)
X.setflags(write=False)
SETTINGS = {
    "n_components": 4,
    "hidden_layer_sizes": (16,),
    "filters": (4, 6),
    "decoder": "convolutional",
    "image_shape": SHAPE,
    "random_state": 0,
}
pytestmark = pytest.mark.filterwarnings("ignore:The loss still fell")  # trained for a moment
BOTH = pytest.mark.parametrize("kind", [AutoencoderTransformer, VAEEncoderTransformer])


def vae(**params):
    return VAEEncoderTransformer(**{"max_iter": 3, **SETTINGS, **params})


@pytest.fixture(scope="module")
def fitted():
    return vae(max_iter=20).fit(X)


def test_training_lowers_the_error_of_the_reconstruction():
    settings = SETTINGS | {"batch_size": 10}
    one, trained = (AutoencoderTransformer(**settings | {"max_iter": n}).fit(X) for n in (1, 60))
    errors = [np.square(each.reconstruct(X) - X).mean() for each in (one, trained)]
    assert errors[1] < 0.5 * errors[0]


@BOTH
def test_an_untrained_decoder_gives_the_mean_of_the_images_for_the_code_0(kind):
    untrained = kind(max_iter=0, **SETTINGS).fit(X)
    assert_allclose(untrained.inverse_transform(np.zeros((1, 4))), X.mean(axis=0)[None], atol=1e-6)


@BOTH
@pytest.mark.parametrize("shape", [(7, 6, 3), (14, 9), (5, 5, 2)])
def test_the_onnx_graphs_give_what_the_networks_give(kind, shape):
    images = RNG.uniform(size=(40, int(np.prod(shape)))).astype(np.float32)
    estimator = kind(**SETTINGS | {"image_shape": shape, "max_iter": 1}).partial_fit(images)
    model = estimator._trainer.model
    networks = export_networks(model, images)
    rows = {"encoder": images, "decoder": RNG.normal(size=(40, 4)).astype(np.float32)}
    for role, network in model.networks().items():
        outputs = networks[role].run(rows[role])
        for name, expected in network.outputs(rows[role]).items():
            assert_allclose(outputs[name], expected, rtol=0, atol=1e-5)
        alone = networks[role].run(rows[role][3:4])
        for name, values in alone.items():
            assert_allclose(values, outputs[name][3:4], rtol=0, atol=1e-5)


def test_a_seed_determines_every_byte():
    one, other = vae().fit(X), vae().fit(X)
    assert one.decoder_.to_bytes() == other.decoder_.to_bytes()
    assert vae(random_state=1).fit(X).decoder_.to_bytes() != one.decoder_.to_bytes()


def test_the_exported_decoder_passes_inspection_and_has_a_card(fitted, tmp_path):
    path = export_decoder(fitted, tmp_path / "decoder.onnx")
    inspect_model(path.read_bytes())
    model = OnnxModel.load(path)
    assert model.card["image_shape"] == list(SHAPE)
    Z = fitted.encode(X)
    assert_allclose(model.run(Z)["x_mean"], fitted.inverse_transform(Z), rtol=0, atol=1e-5)


def test_the_score_is_the_elbo_of_the_shared_variance(fitted):
    """Compare with the sum of the KL term and the mean log-density of draws, written out."""
    posterior = fitted.encoder_.run(X)
    noise = RNG.standard_normal((4_000, 4)).astype(np.float32)
    draws = posterior["z_mean"][0] + np.exp(posterior["z_log_var"][0] / 2) * noise
    deviations = np.square(X[0] - fitted.inverse_transform(draws)) / fitted.noise_variance_
    log_prob = -0.5 * (np.log(2 * np.pi * fitted.noise_variance_).sum() + deviations.sum(axis=1))
    elbo = log_prob.mean() - gaussian_kl(posterior["z_mean"], posterior["z_log_var"])[0]
    assert fitted.score_samples(X[:1])[0] == pytest.approx(elbo, rel=0.05)


def test_the_score_can_be_exported(fitted):
    graph = OnnxModel(fitted.onnx_score_graph().SerializeToString())
    (score,) = graph.run(X).values()
    assert_allclose(score.ravel(), fitted.score_samples(X), rtol=1e-4)


def test_warm_start_and_partial_fit_go_on():
    warm = vae(warm_start=True).fit(X)
    assert len(warm.fit(X).loss_curve_) == 6
    with pytest.raises(ValueError, match="decoder='dense'"):
        warm.set_params(decoder="dense").fit(X)
    assert vae().partial_fit(X).partial_fit(X).inverse_transform(np.zeros((2, 4))).shape == X[:2].shape


@BOTH
def test_without_filters_it_is_refused(kind):
    with pytest.raises(ValueError, match="mirrors the convolutions of the encoder: set filters"):
        kind(**SETTINGS | {"filters": ()}).fit(X)


def test_it_learns_from_warped_images_with_a_given_variance():
    other = vae(likelihood=Gaussian(0.1), corruption=ImageWarp(thickness=0), contrastive_weight=1.0).fit(X)
    assert other.sample(2, random_state=0).shape == (2, X.shape[1])


def test_it_unpickles_and_works_without_tensorflow(fitted, tmp_path, run_fresh):
    joblib.dump((fitted, X), tmp_path / "vae.joblib")
    printed = run_fresh(
        f"""
        import joblib
        vae, X = joblib.load({str(tmp_path / "vae.joblib")!r})
        print([vae.transform(X).tolist(), vae.reconstruct(X).tolist(), vae.score_samples(X).tolist()])
        """,
        absent=["tensorflow", "keras", "tf2onnx", "skl2onnx", "onnx"],
    )
    expected = [fitted.transform(X), fitted.reconstruct(X), fitted.score_samples(X)]
    assert printed == str([values.tolist() for values in expected])


def test_displays_are_in_color(fitted):
    for display in (
        ReconstructionDisplay.from_estimator(fitted, X[:5]),
        SamplesDisplay.from_estimator(fitted),
    ):
        assert display.image_.get_array().shape[2] == 4
        plt.close(display.figure_)
    assert "<img" in summary_html(fitted)


# --- elsewhere ---


@pytest.fixture(scope="module")
def explorer(fitted, tmp_path_factory):
    """An explorer of the model and its images."""
    need_node()
    folder = tmp_path_factory.mktemp("color")
    (folder / "model").mkdir()
    export_onnx(fitted, folder / "model" / "model.onnx", X=X)
    export_decoder(fitted, folder / "model" / "decoder.onnx")
    np.save(folder / "rows.npy", X)
    options = ["--data", folder / "rows.npy", "--image-shape", "7x6x3", "--out", folder / "out"]
    runtime = ["--onnxruntime-web", NODE_MODULES / "onnxruntime-web"]
    result = CliRunner().invoke(app, ["explore", str(folder / "model"), *map(str, [*options, *runtime])])
    assert result.exit_code == 0, result.output
    return folder / "out"


@pytest.mark.slow
def test_the_page_decodes_and_paints_in_color(explorer, fitted):
    with serving_files(explorer) as url:
        seen = use_page(Path(__file__).with_name("color_page.mjs"), url)
    z = np.array(seen["rows"], np.float32).reshape(-1, 4)
    assert_allclose(np.reshape(seen["decoded"], (-1, 126)), fitted.inverse_transform(z), rtol=0, atol=1e-5)
    shares = (fitted.inverse_transform(np.zeros((1, 4)))[0] - seen["low"]) / (seen["high"] - seen["low"])
    picture = np.reshape(seen["picture"], (7, 6, 4))
    assert_allclose(picture[..., :3].ravel(), 255 * shares.clip(0, 1), atol=0.51)
    assert_array_equal(picture[..., 3], 255)
    assert seen["errors"] == []


@pytest.mark.slow
def test_node_decodes_what_python_decodes(fitted, tmp_path):
    path = export_decoder(fitted, tmp_path / "decoder.onnx")
    rows = RNG.normal(size=(20, 4)).astype(np.float32)
    script = Path(__file__).with_name("decode.mjs")
    command = [need_node(), script, path, json.dumps(rows.ravel().tolist())]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    decoded = np.reshape(json.loads(done.stdout), (20, -1))
    assert_allclose(decoded, fitted.inverse_transform(rows), rtol=0, atol=1e-5)
