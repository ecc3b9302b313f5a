import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTENDERS = ("encode_files, 1 thread", "encode_files, 2 threads", "onnxruntime alone, 2 threads")
NAMES = {
    "streaming": ["array", "stream of a file"],
    "encode_threads": [f"{network}: {name}" for network in ("500-500", "64") for name in CONTENDERS],
    "kills": ["kill -9 of vaefeat encode"],
}


@pytest.mark.slow
def test_a_smoke_run_has_its_rows_and_killed_runs_lose_nothing(tmp_path):
    out = tmp_path / "large.json"
    only = [part for name in NAMES for part in ("--only", name)]
    command = [sys.executable, "-m", "pipelines.benchmarks.run", "--smoke", "--out", str(out), *only]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(out.read_text())["rows"]
    for benchmark, names in NAMES.items():
        assert [row["name"] for row in rows if row["benchmark"] == benchmark] == names
    kills = rows[-1]
    assert kills["kills"] == 2
    assert kills["bitwise_equal_runs"] == kills["complete_runs"] > 0
    assert kills["temporary_files"] == 0
