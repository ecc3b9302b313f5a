"""Clients that ask to upgrade to HTTP/2, as Java's default one does, get their answers over HTTP/1.1."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.apps import need
from tests.serving.live import EXPORTED
from vaefeat import OnnxModel

pytestmark = pytest.mark.slow

MODEL = "digits-vae"
JAVA = ["java", "tests/serving/http/clients/Infer.java"]


@pytest.fixture
def X():
    return np.random.default_rng(0).random((50, 64), np.float32)


@pytest.fixture
def request_file(X, tmp_path):
    """Return a file with a request for z_mean, and the length of its JSON."""
    input_ = {"name": "X", "shape": list(X.shape), "datatype": "FP32"}
    input_["parameters"] = {"binary_data_size": X.nbytes}
    output = {"name": "z_mean", "parameters": {"binary_data": True}}
    header = json.dumps({"inputs": [input_], "outputs": [output]}).encode()
    (tmp_path / "request").write_bytes(header + X.tobytes())
    return tmp_path / "request", len(header)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def assert_answers(path, X):
    expected = OnnxModel.load(EXPORTED / MODEL / "model.onnx").run(X)["z_mean"]
    content = path.read_bytes()
    assert_array_equal(
        np.frombuffer(content[-expected.nbytes :], np.float32).reshape(expected.shape), expected
    )


def test_java_s_client_gets_the_model_s_outputs(exported, request_file, X, tmp_path):
    need(shutil.which("javac"), "javac (default-jdk-headless)")
    request_, length = request_file
    run(*JAVA, f"{exported.url}/v2/models/{MODEL}/infer", length, request_, tmp_path / "answer")
    assert_answers(tmp_path / "answer", X)


@pytest.mark.parametrize("version", ["--http1.1", "--http2", "--http1.0"])
def test_curl_gets_the_model_s_outputs(exported, request_file, X, version, tmp_path):
    need(shutil.which("curl"), "curl")
    request_, length = request_file
    address = f"{exported.url}/v2/models/{MODEL}/infer"
    head = ["-H", f"Inference-Header-Content-Length: {length}", "-H", "Expect:"]
    command = ["curl", "-sS", "--fail", version, *head, "--data-binary", f"@{request_}", address]
    run(*command, "-o", tmp_path / "answer")
    assert_answers(tmp_path / "answer", X)
