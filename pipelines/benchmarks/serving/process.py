"""Services, each in its own process."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.benchmarks.memory import status_mb

ROOT = Path(__file__).parents[3]
EXPORTED = ROOT / "exported"


@dataclass(frozen=True)
class Process:
    """A running service."""

    port: int
    pid: int
    seconds_to_ready: float
    grpc_port: int | None = None

    def memory_mb(self) -> float:
        """Return the current resident memory."""
        return status_mb("VmRSS", Path(f"/proc/{self.pid}/status"))

    def cpu_seconds(self) -> float:
        """Return the processor time taken so far by the process and those that it has started."""
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # the process has ended
                fields = path.read_text().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12]) if int(fields[3]) == self.pid else 0
        return ticks / os.sysconf("SC_CLK_TCK")

    def is_ready(self, path: str = "/v2/health/ready") -> bool:
        """Tell whether it answers, and says so."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def vaefeat(models: Sequence[str], *options: str, grpc: bool = False) -> Iterator[Process]:
    """Serve some of the exported models, over HTTP and perhaps gRPC."""
    grpc_port = _free_port() if grpc else None
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            shutil.copytree(EXPORTED / model, Path(folder) / model)
        command = [sys.executable, "-m", "vaefeat", "serve", folder, *options]
        command += ["--grpc-port", str(grpc_port)] if grpc else []
        with running([*command, "--port"], "/v2/health/ready") as process:
            yield replace(process, grpc_port=grpc_port)


@contextmanager
def running(command: Sequence[str | Path], ready: str) -> Iterator[Process]:
    """Run a command, to which a port is added, until it is ready; end it afterwards."""
    port = _free_port()
    start = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [*command, str(port)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process,
    ):
        service = Process(port, process.pid, 0.0)
        try:
            while not service.is_ready(ready):
                if process.poll() is not None or time.perf_counter() - start > 60:
                    raise RuntimeError(f"{command} does not become ready.")
                time.sleep(0.01)
            yield replace(service, seconds_to_ready=time.perf_counter() - start)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # some have processes of their own


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
