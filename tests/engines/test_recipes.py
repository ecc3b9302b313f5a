"""Each recipe runs where only its engine and vaefeat[tables] are installed, and encodes as encode_files."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from tests.apps import need
from vaefeat import OnnxModel, encode_files

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "exported" / "examples" / "engines"
MODEL = ROOT / "exported" / "digits-vae" / "model.onnx"
ENVIRONMENTS = {"polars": "polars", "duckdb": "polars", "ray": "ray", "spark": "spark"}
X = np.random.default_rng(0).random((5_000, 64), np.float32)
NAMES = [f"pixel{i}" for i in range(64)]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Return a file of shuffled rows, in eight row groups, each with the number of its place in X."""
    order = np.random.default_rng(1).permutation(len(X))
    table = pa.Table.from_arrays([order, *X[order].T], ["id", *NAMES])
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(table, path, row_group_size=700)
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    np.save(folder / "rows.npy", X)
    model = OnnxModel.load(MODEL)
    encode_files(model, folder / "rows.npy", folder / "out", output_names=["z_mean"])
    table = pyarrow.dataset.dataset(folder / "out").to_table()
    matrix = np.stack([column.to_numpy() for column in table.columns], axis=1)
    assert np.array_equal(matrix, model.run(X)["z_mean"])
    return table


def python_of(engine):
    path = ROOT / f".venv-{ENVIRONMENTS[engine]}" / "bin" / "python"
    need(path.exists(), f"{path.parts[-3]} (made by make engines)")
    return path


def test_every_recipe_is_tested_and_short():
    assert sorted(path.stem for path in RECIPES.glob("*.py")) == sorted(
        f"with_{name}" for name in ENVIRONMENTS
    )
    for path in RECIPES.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 80


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENVIRONMENTS)
def test_an_engine_encodes_to_the_same_bits(engine, rows, expected, tmp_path):
    features = tmp_path / "features"
    command = [python_of(engine), RECIPES / f"with_{engine}.py", MODEL, rows, features]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": ""}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = pyarrow.dataset.dataset(features, format="parquet").to_table().sort_by("id")
    assert found["id"].to_pylist() == list(range(len(X)))
    assert found.drop_columns("id").combine_chunks().equals(expected.combine_chunks())
