"""The commands and programs of docs/serving.md do what the page says."""

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import numpy as np
import pytest

from tests.apps import need
from tests.onnx_models import linear_model
from tests.serving.live import EXPORTED, serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "serving.md").read_text()
PYTHON = ROOT / ".venv-clients" / "bin" / "python"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "linear").mkdir()
    (folder / "linear" / "model.onnx").write_bytes(linear_model(np.ones((4, 2)), np.zeros(2)))
    shutil.copytree(EXPORTED / "digits-vae", folder / "digits-vae")
    with serving(folder, "--grpc-port", "0") as live:
        yield live


def program(live, language, containing):
    """Return a block of the page, for the service that runs here."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    (block,) = [block for block in blocks if containing in block]
    return block.replace("localhost:8000", f"127.0.0.1:{live.port}").replace(
        "localhost:8001", live.grpc_address()
    )


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl(live):
    need(shutil.which("curl"), "curl")
    assert '"datatype":"FP32","data":[1.0,1.0]' in output_of("bash", "-c", program(live, "sh", "curl"))


def test_both_python_clients(live):
    need(PYTHON.exists(), ".venv-clients (made by make clients)")
    script = program(live, "python", "tritonclient.http") + "triton_features = features\n"
    script += "async def main():\n    global features\n"
    script += textwrap.indent(program(live, "python", "InferenceRESTClient"), "    ")
    script += (
        "import asyncio; asyncio.run(main()); print((features == triton_features).all(), features.shape)"
    )
    assert output_of(PYTHON, "-c", script).strip() == "True (10, 10)"


def test_the_grpc_client(live):
    need(PYTHON.exists(), ".venv-clients (made by make clients)")
    script = program(live, "python", "tritonclient.grpc") + "print(features.shape)"
    assert output_of(PYTHON, "-c", script).strip() == "(10, 10)"


def test_javascript(live):
    node = shutil.which("node")
    need(node, "node")
    script = (
        f"const pixels = Array(64).fill(0.5);\n{program(live, 'js', 'fetch')}console.log(features.length);"
    )
    assert output_of(node, "--input-type=module", "-e", script).strip() == "10"


def test_every_option_in_the_docs_exists():
    from typer.main import get_command

    from vaefeat.cli import app

    command = get_command(app).commands["serve"]
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"`(--[a-z-]+)", PAGE)) <= known
