"""Fixtures that more than one test file shares: read-only data, one fitted VAE, fresh processes."""

import gc
import os
import subprocess
import sys
import textwrap
from functools import cache

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.apps import NODE_MODULES, need_node
from vaefeat import VAEEncoderTransformer, export_onnx
from vaefeat.cli import app
from vaefeat.data import datasets
from vaefeat.exceptions import DatasetNotFoundError

ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Absent())
"""


def pytest_collection_finish():
    """Spare the garbage collector what TensorFlow consists of: each training makes it look everywhere."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Let tests take images for measurements, and few samples for many units; examples must not warn."""
    for item in items:
        if item.nodeid.startswith("tests/") and not item.nodeid.startswith("tests/pipelines/"):
            item.add_marker(pytest.mark.filterwarnings("ignore:.* features are constant in:UserWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore:Only .* latent units carry:UserWarning"))


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what a test has drawn: pyplot warns where many figures are open."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def trap(tmp_path):
    return Trap(str(tmp_path / "sprung"))


@pytest.fixture(scope="session")
def run_fresh():
    """Run a script in a new process, where the packages ``absent`` cannot be imported; return its output."""

    def run(script, *, absent=()):
        source = ABSENT.format(names=set(absent)) + textwrap.dedent(script)
        done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def no_network(*args):
    raise OSError("tests do not use the network")


@pytest.fixture(scope="session")
def load_or_skip():
    """Load a named data set, once; skip the test if there is no copy of it here."""

    @cache
    def load(name):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(datasets, "_fetch", no_network)
            return datasets.load_dataset(name)

    def load_or_skip(name):
        try:
            return load(name)
        except DatasetNotFoundError:
            pytest.skip(f"{name} was not found: set VAEFEAT_DATA to the folder that holds {name}/")

    return load_or_skip


@pytest.fixture(scope="session")
def mnist(load_or_skip):
    return load_or_skip("mnist")


@pytest.fixture(scope="session")
def digits():
    """Return X in [0, 1], float32, and y; neither can be written to."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    X.setflags(write=False)
    y.setflags(write=False)
    return X, y


@pytest.fixture(scope="session")
def vae(digits):
    """Return one fitted VAE for all tests; a test that fits it again clones it first."""
    vae = VAEEncoderTransformer(
        4, hidden_layer_sizes=(16,), likelihood="bernoulli", max_iter=2, random_state=0
    ).fit(digits[0])
    loss_curve = vae.loss_curve_
    yield vae
    assert vae.loss_curve_ is loss_curve, "A test has fitted the VAE that all tests share: clone(vae)."


# --- explorers ---

EXPLORED = {"digits-2": 2, "digits-6": 6}  # latent units


@pytest.fixture(scope="session")
def model_folders(digits, tmp_path_factory):
    """Folders with an encoder and its decoder, one of two latent units, one of more, some of them silent."""
    folder = tmp_path_factory.mktemp("models")
    for name, n_components in EXPLORED.items():
        vae = VAEEncoderTransformer(
            n_components,
            hidden_layer_sizes=(32,),
            likelihood="bernoulli",
            learning_rate_init=0.01,
            max_iter=60,
            random_state=0,
        ).fit(digits[0])
        card = {"description": f"The model {name}.", "data": {"name": "digits"}}
        export_onnx(vae, folder / name / "model.onnx", X=digits[0], card=card)
        (folder / name / "decoder.onnx").write_bytes(vae.decoder_.to_bytes())
    return [folder / name for name in EXPLORED]


@pytest.fixture(scope="session")
def explorer(model_folders, tmp_path_factory):
    """What ``vaefeat explore`` writes of these models, as a person calls it."""
    need_node()
    out = tmp_path_factory.mktemp("explorer") / "out"
    runtime = NODE_MODULES / "onnxruntime-web"
    arguments = [*model_folders, "--out", out, "--onnxruntime-web", runtime]
    result = CliRunner().invoke(app, ["explore", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return out
