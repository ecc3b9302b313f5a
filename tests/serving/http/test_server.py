"""The service as a process: how it starts, takes up new versions, and ends; what it keeps to itself."""

import json
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.serving.faulty import POISON, SECONDS, SLOW
from tests.serving.live import EXPORTED, MODEL, Live, as_json, is_well, put, row, serving

pytestmark = pytest.mark.slow

# --- starting ---


def test_the_service_starts_with_all_models_and_lists_them():
    command = [sys.executable, "-m", "vaefeat", "serve", str(EXPORTED), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "metrics" in line:
                break
        process.terminate()
        lines += process.stdout
        assert process.wait(10) == 0
        assert "ERROR" not in process.stderr.read()
    page = "".join(lines)
    for name in ("digits-vae", "mnist-100-labels-vae", "http://127.0.0.1:", "/docs", "784 features"):
        assert name in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "There is no model to serve in"),
        (["."], "There is no model to serve in"),
        (["bad"], "There is no model to serve in .* name: The file is not an ONNX model"),
        (["good", "--token-file", "empty"], "Expected one word of ASCII characters"),
        (["good", "--certfile", "empty"], "SSL"),
        (["good", "--keyfile", "empty"], "Got a key for TLS without a certificate"),
        (
            ["good", "--explore", "bad"],
            "bad is not an explorer, expected a folder written by",
        ),
        (["good", "--port", "{taken}"], "[Aa]ddress already in use"),
    ],
)
def test_a_failed_start_is_explained_in_one_sentence(arguments, message, tmp_path):
    put(tmp_path / "good")
    put(tmp_path / "bad", factor=0, name="name")
    (tmp_path / "empty").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "vaefeat", "serve", *(text.format(taken=port) for text in arguments)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert re.search(message, done.stderr), done.stderr


def test_a_bad_model_beside_a_good_one_is_refused_and_reported(folder):
    put(folder, factor=0, name="bad")
    with serving(folder) as live:
        assert live.said("Refused version 1 of bad: The file is not an ONNX model")
        assert live.metric("vaefeat_loads_total") == 2
        index = live.client.post("/v2/repository/index").json()
        assert [(entry["name"], entry["state"]) for entry in index] == [
            ("linear", "READY"),
            ("bad", "UNAVAILABLE"),
        ]
        assert is_well(live)


# --- the end ---


class Crowd:
    """Threads that ask without a pause, each on its own connection, until they are told to go."""

    def __init__(self, live, n_threads=8):
        self.codes = []
        self.cut_off = []
        self._live = live
        self._pool = ThreadPoolExecutor(n_threads)
        self._stop = False
        self._tasks = [self._pool.submit(self._ask, k) for k in range(n_threads)]

    def _ask(self, k):
        X = row(k)
        body, expected = as_json(X), MODEL.run(X)["Y"].ravel()
        with httpx.Client(base_url=self._live.url, timeout=20) as client:
            while not self._stop:
                try:
                    answer = client.post("/v2/models/linear/infer", content=body)
                except httpx.ConnectError:
                    return
                except httpx.TransportError as exc:
                    self.cut_off.append(exc)
                    return
                self.codes.append(answer.status_code)
                if answer.status_code == 503:
                    return
                found = np.array(answer.json()["outputs"][0]["data"], np.float32)
                factor = found[0] / expected[0]
                assert_array_equal(found, np.float32(round(factor)) * expected)

    def leave(self):
        self._stop = True
        self.wait()

    def wait(self):
        for task in self._tasks:
            task.result(30)
        self._pool.shutdown()


def test_shutdown_answers_accepted_requests_and_cuts_no_client_off(folder):
    with serving(folder, module="tests.serving.faulty") as live:
        crowd = Crowd(live)
        with ThreadPoolExecutor(1) as pool:
            live.wait_until(lambda: len(crowd.codes) > 100)
            slow = pool.submit(live.infer, row(SLOW))
            time.sleep(SECONDS / 3)
            live.terminate()
            assert slow.result().status_code == 200
        crowd.wait()
        assert live.ends() == 0
    assert crowd.cut_off == []
    assert set(crowd.codes) == {200, 503}


def test_a_draining_service_is_live_not_ready_and_still_answers(folder):
    with serving(folder, "--drain", "0.6") as live:
        live.terminate()
        live.wait_until(lambda: live.status("/v2/health/ready") == 503)
        assert live.status("/v2/health/live") == 200
        answer = live.infer(row())
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close"
        live.wait_until(lambda: live.infer(row()).status_code == 503)
        assert live.status("/v2/health/live") == 200
        assert live.ends() == 0


def test_a_second_signal_ends_the_service_at_once(folder):
    with serving(folder, "--drain", "60") as live:
        live.terminate()
        live.wait_until(lambda: live.said("Told to end"))
        live.terminate()
        assert live.ends() == 0


# --- new versions ---


def test_new_versions_under_load_fail_no_request(folder):
    with serving(folder, "--poll", "0.05") as live:
        crowd = Crowd(live, n_threads=4)
        live.wait_until(lambda: len(crowd.codes) > 20)
        put(folder, factor=2.0)  # in place of the one that is there
        live.wait_until(lambda: live.metric("vaefeat_loads_total") == 2)
        put(folder, factor=0)
        live.wait_until(lambda: live.metric("vaefeat_loads_total") == 3)
        put(folder, factor=4.0, version="2")
        live.wait_until(lambda: live.infer(row()).json()["model_version"] == "2")
        answer = live.infer(row())
        crowd.leave()
        assert crowd.cut_off == []
        assert set(crowd.codes) == {200}
        assert_array_equal(
            np.array(answer.json()["outputs"][0]["data"], np.float32), 4 * MODEL.run(row())["Y"].ravel()
        )
        assert live.said("Refused version 1 of linear")


def test_without_polling_no_new_version_is_loaded(folder):
    with serving(folder) as live:
        put(folder, factor=2.0)
        time.sleep(0.3)
        assert live.metric("vaefeat_loads_total") == 1
        assert is_well(live)


def test_models_are_served_on_when_their_folder_disappears(folder):
    with serving(folder, "--poll", "0.05") as live:
        folder.rename(folder.with_name("elsewhere"))
        time.sleep(0.3)
        assert is_well(live)


# --- what it says and keeps to itself ---


def test_the_token_is_required_except_for_probes_and_pages(folder, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    with serving(folder, "--token-file", str(tmp_path / "token")) as live:
        for path in ("/v2/health/live", "/v2/health/ready", "/", "/docs", "/openapi.json"):
            assert live.status(path) == 200
        for path in (
            "/v2",
            "/v2/models/linear",
            "/metrics",
            "/nowhere",
            "/v2/health/../models/linear",
        ):
            assert live.status(path) in (401, 404)
        assert live.infer(row()).status_code == 401
        for wrong in (
            "Bearer wrong",
            "secret",
            "Bearer secret2",
            "Bearer",
            "Basic secret",
            "bearer s\u00e9cret",
        ):
            shown = {b"Authorization": wrong.encode("latin-1")}
            assert live.client.get("/v2", headers=shown).status_code == 401
        live.client.headers["Authorization"] = "Bearer secret"
        assert is_well(live)
        live.terminate()
        live.ends()
        assert not live.said("secret")


def test_a_certificate_enables_tls(folder, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=a -keyout {key} -out {certificate}"
    subprocess.run(command.split(), check=True, capture_output=True)
    with serving(folder, "--certfile", str(certificate), "--keyfile", str(key)) as live:
        assert live.url.startswith("https://")
        with httpx.Client(verify=False) as client:
            assert client.get(f"{live.url}/v2/health/ready").json() == {"ready": True}


def test_logs_contain_nothing_that_clients_sent(faulty):
    faulty.infer(row(POISON), id="my secret")
    faulty.client.post("/v2/models/linear/infer", content=b"my secret")
    faulty.client.post("/v2/models/my%20secret/infer", content=b"{}")
    faulty.terminate()
    faulty.ends()
    assert any("A request to linear failed" in entry["message"] for entry in faulty.logs)
    assert "secret" not in json.dumps(faulty.logs)
    assert {"time", "level", "message"} <= set(faulty.logs[0])


def test_a_process_that_cannot_start_leaves_no_process():
    with pytest.raises(RuntimeError, match="did not start"):
        Live(EXPORTED / "nowhere")
