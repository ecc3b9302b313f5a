"""The clients that people have get what the model gives, bit for bit.

They run in an environment of their own: ``make clients`` makes it.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.apps import need
from tests.serving.live import EXPORTED
from vaefeat import OnnxModel

pytestmark = pytest.mark.slow

BIN = Path(__file__).parents[3] / ".venv-clients" / "bin"
SCRIPT = Path(__file__).parent / "clients" / "answers.py"


@pytest.fixture(scope="module", autouse=True)
def clients():
    need(BIN.is_dir(), ".venv-clients (made by make clients)")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("model", ["digits-vae", "mnist-100-labels-vae"])
@pytest.mark.parametrize("n_rows", [1, 50])
def test_real_clients_get_the_model_s_outputs_bit_for_bit(exported, model, n_rows, tmp_path):
    onnx = OnnxModel.load(EXPORTED / model / "model.onnx")
    X = np.random.default_rng(0).random((n_rows, onnx.n_features), np.float32)
    np.save(tmp_path / "rows.npy", X)
    run(
        BIN / "python",
        SCRIPT,
        f"127.0.0.1:{exported.port}",
        model,
        tmp_path / "rows.npy",
        tmp_path / "answers.npz",
    )
    answers = dict(np.load(tmp_path / "answers.npz"))
    expected = onnx.run(X)
    assert len(answers) == 9 * len(expected)
    for name, values in answers.items():
        output = expected[name.split(": ")[1]]
        assert values.dtype == output.dtype, name
        assert_array_equal(values, output, err_msg=name)


def test_responses_conform_to_openapi(exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where it writes its notes
    # What it cannot know: which names there are, so that it takes the refusal of others for an error.
    checks = "--checks=all --exclude-checks=positive_data_acceptance --warnings=off"
    limits = "--max-examples=25 --generation-deterministic --phases=examples,coverage,fuzzing"
    run(BIN / "schemathesis", "run", f"{exported.url}/openapi.json", *checks.split(), *limits.split())
