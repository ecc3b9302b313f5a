import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from onnx import helper

from tests import hostile_models
from tests.onnx_models import linear_model, make_model
from vaefeat.exceptions import InvalidModelError, SandboxError
from vaefeat.runtime import sandbox
from vaefeat.runtime.sandbox import Sandbox, Trial, is_batch_invariant, try_once

GOOD = linear_model(np.ones((4, 2)), np.zeros(2))


def test_a_sound_model_passes():
    with Sandbox() as box:
        assert box.try_model(GOOD, max_batch_rows=8, max_rows=100) == Trial(None, True)


def test_a_card_that_the_model_does_not_match_is_told_and_not_refused():
    card = '{"golden": {"X": [[1, 1, 1, 1]], "Y": [[5, 5]]}}'
    model = linear_model(np.ones((4, 2)), np.zeros(2), metadata={"vaefeat.card": card})
    assert try_once(model).golden.startswith("Output 'Y' of the ONNX model deviates by 1")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (b"nothing of the kind", "The file is not an ONNX model"),
        (hostile_models.CRASH, r"The model kills the process that tries it \(SIG"),
        (hostile_models.HANG, "The model takes more than 1 s to be loaded and tried"),
        (hostile_models.GREED, "Failed to allocate memory"),
    ],
    ids=["not a model", "crash", "hang", "greed"],
)
def test_a_model_that_harms_the_process_is_refused_and_the_next_one_is_tried(model, message, monkeypatch):
    monkeypatch.setattr(sandbox, "_PROGRAM", hostile_models.BLIND + sandbox._PROGRAM)
    start = time.monotonic()
    with Sandbox(seconds=1) as box:
        for _ in range(2):
            with pytest.raises(InvalidModelError, match=message):
                box.try_model(model)
            assert box.try_model(GOOD) == Trial(None, True)
    assert time.monotonic() - start < 20


def test_a_model_that_takes_too_much_for_many_rows_alone_is_refused():
    nodes = [  # the products of all pairs of rows
        helper.make_node("Transpose", ["X"], ["T"]),
        helper.make_node("MatMul", ["X", "T"], ["P"]),
        helper.make_node("Concat", ["P", "P"], ["Q"], axis=1),
        helper.make_node("ReduceMax", ["Q"], ["m"], axes=[1]),
        helper.make_node("Add", ["X", "m"], ["Y"]),
    ]
    model = make_model(nodes, opsets=[("", 17)])
    with Sandbox(memory_bytes=2**27) as box:
        assert box.try_model(model, max_rows=100) == Trial(None, True)
        with pytest.raises(InvalidModelError, match="Failed to allocate memory"):
            box.try_model(model, max_rows=4096)


def test_the_process_writes_no_files_and_searches_for_modules_where_this_one_does(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    assert try_once(GOOD) == Trial(None, True)
    assert os.listdir(tmp_path) == ["numpy.py"]


def test_one_process_serves_for_many_models():
    with Sandbox() as box:
        box.try_model(GOOD)
        pid = box._process.pid
        with pytest.raises(InvalidModelError):
            box.try_model(b"")
        box.try_model(GOOD)
        assert box._process.pid == pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_closing_ends_a_trial_in_another_thread():
    box = Sandbox()
    refusals = []

    def hang():
        try:
            box.try_model(hostile_models.HANG)
        except (InvalidModelError, SandboxError) as exc:
            refusals.append(str(exc))

    thread = threading.Thread(target=hang)
    thread.start()
    while box._process is None:
        time.sleep(0.01)
    box.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(refusals) == 1
    with pytest.raises(SandboxError, match="shutting down"):
        box.try_model(GOOD)


def test_a_process_that_does_not_start_is_not_the_fault_of_the_model(monkeypatch):
    monkeypatch.setattr(sandbox, "_PROGRAM", "sys.exit(7)")
    with pytest.raises(SandboxError, match="ends at its start with 7"):
        try_once(GOOD)


def test_the_process_ends_with_its_parent(tmp_path):
    code = (
        "from vaefeat.runtime.sandbox import Sandbox; from pathlib import Path; import sys, time\n"
        "box = Sandbox(); box.try_model(Path(sys.argv[1]).read_bytes())\n"
        "print(box._process.pid, flush=True); time.sleep(60)"
    )
    (tmp_path / "model.onnx").write_bytes(GOOD)
    command = [sys.executable, "-c", code, str(tmp_path / "model.onnx")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}/exe"):
        assert time.monotonic() < end
        time.sleep(0.01)


# --- the trial of batches ---


class Company:
    """Gives another last bit to rows in batches of 7."""

    n_features = 4
    output_names = ["Y"]

    def run(self, X, names=None):
        Y = X.copy()
        if len(X) == 7:
            Y[3] = np.nextafter(Y[3], np.float32(9))
        return {"Y": Y}


@pytest.mark.parametrize(("max_rows", "expected"), [(6, True), (7, False), (32, False)])
def test_one_changed_bit_at_one_batch_size_is_found(max_rows, expected):
    assert is_batch_invariant(Company(), max_rows) is expected
