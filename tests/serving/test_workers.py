"""Several processes that serve at the same address."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.serving.live import is_well, put, row, serving
from vaefeat.serving.service import PUBLISH_SECONDS
from vaefeat.serving.workers import SLOT_BYTES, Board

slow = pytest.mark.slow


def test_a_board_holds_what_each_process_has_published():
    board = Board(3)
    board.publish({"a": 1})
    board.slot = 2
    board.publish({"b": [1.5]})
    assert board.read_others() == [{"a": 1}]
    assert board.read(1) is None
    assert board.read(2) == {"b": [1.5]}


def test_a_board_is_shared_with_forked_processes():
    board = Board(2)
    pid = os.fork()
    if not pid:
        board.slot = 1
        board.publish({"pid": os.getpid()})
        os._exit(0)
    os.waitpid(pid, 0)
    assert board.read_others() == [{"pid": pid}]


def test_what_has_no_room_is_not_published():
    board = Board(2)
    board.publish({"a": 1})
    board.publish({"a": "x" * SLOT_BYTES})
    assert board.read(0) == {"a": 1}


def children(pid):
    tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in tasks]


@slow
def test_workers_share_the_address_and_one_view_of_metrics_and_are_replaced(folder):
    with serving(folder, "--workers", "2", "--grpc-port", "0") as live:
        for k in range(40):
            assert live.infer(row(k)).status_code == 200
            live.client.close()  # each request by a connection of its own
            live.client = type(live.client)(base_url=live.url, timeout=10)
        live.wait_until(lambda: live.metric("vaefeat_requests_total") == 40)
        time.sleep(2 * PUBLISH_SECONDS)  # what a worker has counted since is lost with it
        workers = children(live.process.pid)
        os.kill(workers[0], signal.SIGKILL)
        live.wait_until(lambda: live.said("has died"))
        assert is_well(live)
        live.wait_until(lambda: len(children(live.process.pid)) == 2)
        assert workers[0] not in children(live.process.pid)
        live.wait_until(lambda: live.metric("vaefeat_requests_total") == 41)
        assert live.grpc_address()
        live.terminate()
        assert live.ends() == 0


@slow
def test_workers_end_with_their_supervisor(folder):
    with serving(folder, "--workers", "2") as live:
        workers = children(live.process.pid)
        live.process.kill()
        live.wait_until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers))


@slow
@pytest.mark.parametrize(
    ("options", "message"),
    [(["--allow-control"], "only where there is one worker"), ([], "not an ONNX model")],
)
def test_what_no_worker_can_serve_ends_the_start_in_one_sentence(tmp_path, options, message):
    put(tmp_path, factor=0)
    command = [sys.executable, "-m", "vaefeat", "serve", str(tmp_path), "--workers", "2", "--port", "0"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
