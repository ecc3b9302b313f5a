import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.apps import need, need_node

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NAMES = {
    "training": [
        "vaefeat",
        "keras.Model.fit",
        "keras.Model.fit, XLA",
        "PyTorch, eager",
        "products alone",
    ],
    "semi_supervised": ["VAE on pixels", "M2 on pixels", "M2 on 50 latents (M1+M2)"],
    "views": ["noise", "PhotoViews", "ImageWarp"],
    "transform": [
        "VAEEncoderTransformer.transform",
        "OnnxModel.run",
        "keras.Model.predict",
        "sklearn PCA.transform",
    ],
    "imports": ["pass", "import vaefeat", "from vaefeat import OnnxModel", "import tensorflow"],
    "memory": ["fit, max_iter=1"],
    "encode": ["vaefeat.encode", "onnxruntime alone, rows in memory"],
    "environment": ["vaefeat", "vaefeat[train]"],
}
DIFFERENCES = {
    "seconds_above_empty",
    "share_of_step",
}  # not measured themselves: noise may make them negative


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmarks") / "benchmarks.json"
    command = [sys.executable, "-m", "pipelines.benchmarks.run", "--smoke", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_text())


@pytest.mark.parametrize("benchmark", NAMES)
def test_a_smoke_run_has_a_row_of_each_contender(results, benchmark):
    expected = [name for name in NAMES[benchmark] if "PyTorch" not in name or find_spec("torch")]
    if benchmark in ("memory", "encode") and not Path("/proc/self/status").exists():
        expected = []
    names = [row["name"] for row in results["rows"] if row["benchmark"] == benchmark]
    assert list(dict.fromkeys(names)) == expected


def test_every_measured_number_is_positive(results):
    for row in results["rows"]:
        numbers = [v for k, v in row.items() if isinstance(v, int | float) and k not in DIFFERENCES]
        numbers += row.get("epochs_seconds", [])
        assert len(numbers) > 1
        assert min(numbers) > 0, row


def test_the_file_says_where_the_numbers_come_from(results):
    machine = results["machine"]
    assert machine["cpu"]
    assert machine["cores"] > 0
    assert machine["packages"]["tensorflow"]
    assert all("commit" in row for row in results["rows"])


def test_what_is_not_measured_again_stays(results, tmp_path):
    out = tmp_path / "benchmarks.json"
    out.write_text(json.dumps(results))
    command = [sys.executable, "-m", "pipelines.benchmarks.run", "--smoke", "--only", "environment"]
    subprocess.run([*command, "--out", str(out)], cwd=ROOT, check=True, capture_output=True)
    counted = [row["benchmark"] for row in json.loads(out.read_text())["rows"]]
    assert sorted(counted) == sorted(row["benchmark"] for row in results["rows"])


def test_a_smoke_run_of_the_explorer_has_its_row(tmp_path):
    need_node()
    need(Path("/usr/bin/chromium").exists(), "/usr/bin/chromium")
    out = tmp_path / "benchmarks.json"
    command = [sys.executable, "-m", "pipelines.benchmarks.run", "--smoke", "--only", "explorer"]
    subprocess.run([*command, "--out", str(out)], cwd=ROOT, check=True, capture_output=True)
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["benchmark"], row["name"], row["n_moves"]) == ("explorer", "2 units", 5)
    assert 0 < row["median_ms"] <= row["p95_ms"]
