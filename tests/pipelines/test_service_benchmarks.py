import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = {
    "serve": ["vaefeat, binary", "vaefeat, JSON", "vaefeat, gRPC"],  # the others are installed elsewhere
    "workers": ["--workers 1", "--workers 2"],
    "startup": ["vaefeat serve, two models"],
    "overload": ["10 x capacity, 1 s"],
    "fuzz": ["malformed requests"],
    "mutants": ["damaged models"],
    "soak": ["mixed requests, 0.0167 min"],
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here"),
]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmarks") / "benchmarks.json"
    only = [part for name in NAMES for part in ("--only", name)]
    command = [sys.executable, "-m", "pipelines.benchmarks.run", "--smoke", "--out", str(out), *only]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text())["rows"]
    return {name: [row for row in found if row["benchmark"] == name] for name in NAMES}


@pytest.mark.parametrize("benchmark", NAMES)
def test_a_smoke_run_has_its_rows(rows, benchmark):
    assert [row["name"] for row in rows[benchmark]] == NAMES[benchmark]


def test_nothing_fails_in_the_throughput_run(rows):
    for row in rows["serve"] + rows["workers"]:
        assert row["requests_per_second"] > 0
        assert row["p99_ms"] >= row["p50_ms"] > 0
        assert row["failed"] == 0


def test_under_overload_every_answer_is_one_that_is_allowed(rows):
    (row,) = rows["overload"]
    assert row["other"] == 0
    assert row["accepted"] > 0
    assert row["refused_429"] > 0
    assert math.isfinite(row["accepted_p99_ms"])


def test_malformed_requests_get_no_answer_that_is_not_allowed(rows):
    (row,) = rows["fuzz"]
    assert row["requests"] == 400
    assert row["not_allowed"] == 0
    assert row["well_afterwards"]


def test_damaged_models_do_not_disturb_the_ones_that_are_served(rows):
    (row,) = rows["mutants"]
    assert row["refused"] + row["served"] == row["mutants"] == 200
    assert row["failed"] == 0
    assert row["slowest_ms"] < 10_000
