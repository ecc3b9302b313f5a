"""A service in a process of its own, spoken to over real sockets."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx
import numpy as np

from tests.onnx_models import linear_model
from vaefeat import OnnxModel

EXPORTED = Path(__file__).parents[2] / "exported"
WEIGHTS = np.random.default_rng(0).normal(size=(4, 3))
CONTENT = linear_model(WEIGHTS, np.zeros(3))
MODEL = OnnxModel(CONTENT)


def put(folder, factor=1.0, name="linear", version=None):
    """Put a model into a folder that gives ``factor`` times what the first one gives."""
    path = folder.joinpath(*filter(None, (name, version)), "model.onnx")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(linear_model(factor * WEIGHTS, np.zeros(3)) if factor else b"no model")
    partial.replace(path)


class Live:
    """A running service.

    Parameters
    ----------
    folder : Path
    options : str
        Of ``vaefeat serve``.
    module : str
        What is run in place of ``vaefeat``.
    prefix : tuple of str
        What runs the command, with other limits for example.
    """

    def __init__(self, folder, *options, module="vaefeat", prefix=()):
        command = [*prefix, sys.executable, "-m", module, "serve", str(folder)]
        command += ["--port", "0", "--json-logs", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.logs = []
        for line in self.process.stderr:
            self.logs.append(json.loads(line) if line.startswith("{") else {"message": line})
            found = re.search(r"at (https?://\S+)\.$", self.logs[-1]["message"])
            if found:
                break
        else:
            self.process.wait()
            self.process.stderr.close()
            raise RuntimeError(f"The service did not start: {self.logs}")
        self.url = found[1]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.client = httpx.Client(base_url=self.url, timeout=10)
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.logs.append(json.loads(line) if line.startswith("{") else {"message": line})

    def grpc_address(self):
        """Return where the service listens for gRPC, once it has said so."""
        self.wait_until(lambda: self.said("grpc://"))
        found = (re.search(r"at grpc://(\S+)\.$", entry["message"]) for entry in self.logs)
        return next(match[1] for match in found if match)

    def said(self, text):
        return any(text in entry["message"] for entry in self.logs)

    def infer(self, X, name="linear", **fields):
        """Send rows as JSON; return the response."""
        X = np.asarray(X, np.float32)
        input_ = {"name": "X", "shape": list(X.shape), "datatype": "FP32", "data": X.astype(float).tolist()}
        return self.client.post(f"/v2/models/{name}/infer", json={"inputs": [input_], **fields})

    def metric(self, name):
        """Return the sum of a metric over its labels."""
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}[ {{]", line))

    def wait_until(self, condition, seconds=10):
        """Wait until a condition holds; fail if it does not in time."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.01)

    def memory_mb(self):
        """Return the resident memory of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def status(self, path):
        return self.client.get(path).status_code

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def ends(self):
        """Wait for the end of the process; return its exit code."""
        code = self.process.wait(20)
        self._reader.join(5)
        return code

    def close(self):
        self.client.close()
        self.process.kill()
        self.process.wait(10)
        self._reader.join(5)
        self.process.stderr.close()


@contextmanager
def serving(folder, *options, module="vaefeat", prefix=()):
    live = Live(folder, *options, module=module, prefix=prefix)
    try:
        yield live
    finally:
        live.close()


# --- one small model, and what is sent to it ---


def row(first=0.0):
    return np.array([[first, 1, 2, 3]], np.float32)


def raw_request(body, *, length=None, headers="", name="linear"):
    length = len(body) if length is None else length
    head = f"POST /v2/models/{name}/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
    return f"{head}{headers}\r\n".encode() + body


def as_json(X):
    input_ = {"name": "X", "shape": list(X.shape), "datatype": "FP32", "data": X.ravel().tolist()}
    return json.dumps({"inputs": [input_]}).encode()


def connect(live):
    return socket.create_connection(("127.0.0.1", live.port), timeout=10)


def is_well(live):
    X = row(7.0)
    answer = live.infer(X)
    expected = MODEL.run(X)["Y"]
    return answer.status_code == 200 and np.array_equal(
        np.array(answer.json()["outputs"][0]["data"], np.float32), expected.ravel()
    )
