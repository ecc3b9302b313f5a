"""Clients that people have, in the environment that ``make clients`` makes."""

import subprocess
from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from tests.apps import need
from tests.serving.live import EXPORTED
from vaefeat import OnnxModel

BIN = Path(__file__).parents[2] / ".venv-clients" / "bin"


def need_clients():
    need(BIN.is_dir(), ".venv-clients (made by make clients)")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_answers(script, address, model, n_rows, n_ways, folder):
    """Let a script ask for the outputs of rows, and compare what it got with what the model gives."""
    onnx = OnnxModel.load(EXPORTED / model / "model.onnx")
    X = np.random.default_rng(0).random((n_rows, onnx.n_features), np.float32)
    np.save(folder / "rows.npy", X)
    run(BIN / "python", script, address, model, folder / "rows.npy", folder / "answers.npz")
    answers = dict(np.load(folder / "answers.npz"))
    expected = onnx.run(X)
    assert len(answers) == n_ways * len(expected)
    for name, values in answers.items():
        output = expected[name.split(": ")[1]]
        assert values.dtype == output.dtype, name
        assert_array_equal(values, output, err_msg=name)
