import json
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from typer.testing import CliRunner

from tests.apps import need
from tests.onnx_models import linear_model, make_model
from vaefeat import OnnxModel
from vaefeat.cli import app
from vaefeat.exceptions import ExportError
from vaefeat.runtime.triton import export_triton, triton_config
from vaefeat.serving.batching import BatchSettings
from vaefeat.serving.metrics import Metrics
from vaefeat.serving.repository import Repository

ROOT = Path(__file__).parents[2]
EXPORTED = ROOT / "exported"
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
PARSE = """
import sys
from google.protobuf import json_format, text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig
print(json_format.MessageToJson(text_format.Parse(open(sys.argv[1]).read(), ModelConfig())))
"""


def parsed(path):
    """Return a config.pbtxt as Triton's own schema reads it."""
    need(PYTHON.exists(), ".venv-clients (made by make clients)")
    done = subprocess.run([PYTHON, "-c", PARSE, path / "config.pbtxt"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def load(name):
    return OnnxModel.load(EXPORTED / name / "model.onnx")


def test_the_repository_contains_the_model_and_a_valid_configuration(tmp_path):
    path = export_triton(load("mnist-100-labels-vae"), tmp_path)
    assert path == tmp_path / "mnist-100-labels-vae"
    assert (path / "1" / "model.onnx").read_bytes() == load("mnist-100-labels-vae").to_bytes()
    config = parsed(path)
    assert config["name"] == "mnist-100-labels-vae"
    assert config["platform"] == "onnxruntime_onnx"
    assert config["maxBatchSize"] == 1024
    assert config["input"] == [{"name": "X", "dataType": "TYPE_FP32", "dims": ["784"]}]
    assert config["output"] == [
        {"name": "label", "dataType": "TYPE_INT64", "dims": ["1"], "reshape": {}},
        {"name": "probabilities", "dataType": "TYPE_FP32", "dims": ["10"]},
        {"name": "z_mean", "dataType": "TYPE_FP32", "dims": ["50"]},
    ]


def test_the_queue_is_limited_and_batches_are_dynamic(tmp_path):
    config = parsed(export_triton(load("digits-vae"), tmp_path))
    policy = config["dynamicBatching"]["defaultQueuePolicy"]
    assert policy["maxQueueSize"] > 0
    assert int(policy["defaultTimeoutMicroseconds"]) > 0
    assert "maxQueueDelayMicroseconds" not in config["dynamicBatching"]
    assert config["modelWarmup"][0]["inputs"]["X"]["zeroData"]


def test_the_service_can_read_the_repository(tmp_path):
    model = load("digits-vae")
    export_triton(model, tmp_path)
    repository = Repository(tmp_path, BatchSettings(max_rows=2), Metrics())
    repository.read()()
    assert repository.find("digits-vae", "1").model.to_bytes() == model.to_bytes()


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", 'a"b'])
def test_a_name_that_could_lead_elsewhere_is_refused(name, tmp_path):
    model = OnnxModel(linear_model(np.ones((4, 2)), np.zeros(2)))
    with pytest.raises(ExportError, match="as the name of the model"):
        export_triton(model, tmp_path / "repository", name)
    assert not (tmp_path / "repository").exists()


def test_a_model_without_a_card_can_be_given_a_name(tmp_path):
    model = OnnxModel(linear_model(np.ones((4, 2)), np.zeros(2)))
    assert export_triton(model, tmp_path, "linear").name == "linear"


def test_an_output_of_an_unknown_type_is_refused():
    proto = onnx.load_model_from_string(
        make_model([helper.make_node("Cast", ["X"], ["Y"], to=TensorProto.DOUBLE)])
    )
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    model = OnnxModel(proto.SerializeToString())
    with pytest.raises(ExportError, match="The output 'Y' has type float64, expected one of"):
        triton_config(model, "name")


def test_the_command_writes_a_repository_and_says_where(tmp_path):
    path = EXPORTED / "digits-vae" / "model.onnx"
    result = CliRunner().invoke(app, ["export", str(path), str(tmp_path), "--triton"])
    assert result.exit_code == 0
    assert "digits-vae" in result.output
    assert (tmp_path / "digits-vae" / "config.pbtxt").exists()


def test_only_one_form_can_be_written(tmp_path):
    path = EXPORTED / "digits-vae" / "model.onnx"
    result = CliRunner().invoke(app, ["export", str(path), str(tmp_path), "--triton", "--quantize"])
    assert result.exit_code == 1
    assert "Expected one form" in result.output
