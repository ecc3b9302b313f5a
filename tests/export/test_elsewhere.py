"""Networks for images in color say the same in Node and in a browser as in Python."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.apps import NODE_MODULES, need_node, serving_files, use_page
from vaefeat import OnnxModel, VAEEncoderTransformer
from vaefeat.recipes import photo_encoder

pytestmark = pytest.mark.slow

SHAPE = (10, 13, 3)  # an odd number of columns, which convolutions round up
X = np.random.default_rng(0).random((20, 390), np.float32)
MODELS = {"encoder": ("X", "hidden"), "decoder": ("Z", "x_mean"), "photos": ("X", "hidden")}


@pytest.fixture(scope="module")
def files():
    """Return an encoder with convolutions, its decoder, and an encoder for photographs, as ONNX files."""
    fixed = {"image_shape": SHAPE, "random_state": 0}
    vae = VAEEncoderTransformer(
        4, filters=(4, 8), decoder="convolutional", hidden_layer_sizes=(16,), max_iter=1, **fixed
    ).fit(X)
    photos = photo_encoder(n_patches=8, hidden_layer_sizes=(16,), max_iter=0, **fixed).fit(X)
    return {
        "encoder": vae.encoder_.to_bytes(),
        "decoder": vae.decoder_.to_bytes(),
        "photos": photos.encoder_.to_bytes(),
    }


@pytest.fixture(scope="module")
def answers(files, tmp_path_factory):
    need_node()
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "runtime").symlink_to(NODE_MODULES / "onnxruntime-web" / "dist")
    task, expected = {}, {}
    for name, (given, wanted) in MODELS.items():
        (folder / f"{name}.onnx").write_bytes(files[name])
        rows = X if given == "X" else np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32)
        expected[name] = OnnxModel(files[name]).run(rows)[wanted]
        task[name] = {"input": given, "output": wanted, "shape": rows.shape, "values": rows.ravel().tolist()}
    (folder / "task.json").write_text(json.dumps(task))
    with serving_files(folder) as url:
        found = use_page(Path(__file__).with_name("elsewhere.mjs"), url, folder / "task.json")
    return found, expected


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("place", ["node", "browser"])
def test_networks_for_color_say_the_same_elsewhere(answers, place, name):
    found, expected = answers
    assert_allclose(found[place][name], expected[name].ravel(), rtol=1e-5, atol=1e-5)
