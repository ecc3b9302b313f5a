import json
import subprocess
import sys

import pytest

from vaefeat import OnnxModel, load_dataset
from vaefeat.exceptions import DatasetNotFoundError


def test_the_thesis_experiment_runs_on_a_few_images(tmp_path):
    try:
        load_dataset("mnist")
    except DatasetNotFoundError as exc:
        pytest.skip(f"the experiment needs real MNIST: {exc}")
    out, exported = tmp_path / "mnist.jsonl", tmp_path / "encoder"
    command = [sys.executable, "-m", "pipelines.experiments.thesis_mnist", "--smoke"]
    subprocess.run([*command, "--out", out, "--exported", exported], check=True, capture_output=True)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["extractor"] for row in rows} == {
        *("raw", "pca-10", "pca-50", "untrained-50"),
        *("vae-2", "vae-10", "vae-20", "vae-50", "supervised-50"),
    }
    assert OnnxModel.load(exported / "model.onnx").n_outputs["z_mean"] == 50
