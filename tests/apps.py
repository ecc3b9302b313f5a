"""Tests that need programs beside Python's packages."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

NODE_MODULES = Path(__file__).parents[1] / "exported" / "examples" / "node_modules"


def need(found, what):
    """Skip the test where a tool is missing; fail it where the tools are required, as in CI."""
    if not found:
        required = os.environ.get("VAEFEAT_REQUIRE_APPS") == "1"
        (pytest.fail if required else pytest.skip)(f"{what} was not found")


def need_node():
    """Return the command of Node, which has the packages of the examples."""
    need(shutil.which("node"), "node")
    need(NODE_MODULES.is_dir(), "exported/examples/node_modules (made by npm ci)")
    return shutil.which("node")


def use_page(script, *arguments):
    """Let a script use a page in a browser; return what it saw."""
    node = need_node()
    need(Path("/usr/bin/chromium").exists(), "/usr/bin/chromium")
    command = [node, str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def channels(color):
    """Return red, green and blue of a color as a page tells it: "rgb(17, 19, 21)"."""
    return [int(number) for number in re.findall(r"\d+", color)]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def serving_files(folder: Path) -> Iterator[str]:
    """Serve a folder as any server of files does; give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
