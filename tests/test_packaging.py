"""What stands beside the package: citation, security policy, image of the service."""

import re
import shutil
import subprocess

import pytest

import vaefeat
from tests.documents import ROOT
from tests.serving.live import put

DOCKERFILE = (ROOT / "Dockerfile").read_text()
IMAGE = "vaefeat-test"


def test_the_citation_states_the_version_of_the_package():
    (version,) = re.findall(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert version == vaefeat.__version__


def instructions():
    """Return the instructions of the Dockerfile with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def test_the_image_runs_without_root_and_tells_whether_it_is_well():
    *_, last_stage = "\n".join(" ".join(each) for each in instructions()).split("\nFROM ")
    lines = last_stage.splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["10001"]
    assert sum(line.startswith("HEALTHCHECK ") for line in lines) == 1
    start = next(i for i, line in enumerate(lines) if line.startswith("ENTRYPOINT "))
    assert lines.index("USER 10001") < start


def test_the_image_names_its_base_by_version_and_keeps_no_cache():
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {name for name, _ in instructions()} <= known
    for name, argument in instructions():
        if name == "FROM":
            assert re.match(r"python:3\.\d+-slim\b", argument)
        if name == "RUN" and "pip install" in argument:
            assert "--no-cache-dir" in argument
            assert "-c constraints.txt" in argument


def test_what_the_image_copies_is_not_ignored():
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word
        for name, argument in instructions()
        if name == "COPY" and "--from" not in argument
        for word in argument.split()[:-1]
    }
    assert copied == kept
    assert all((ROOT / name).exists() for name in kept)


@pytest.mark.slow
def test_the_image_serves_where_docker_runs(tmp_path):
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "info"], capture_output=True).returncode:
        pytest.skip("no Docker daemon was found")
    put(tmp_path)
    subprocess.run([docker, "build", "--tag", IMAGE, str(ROOT)], check=True)
    check = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/v2/models/linear').status)"
    run = [docker, "run", "--detach", "--rm", "--volume", f"{tmp_path}:/models:ro", IMAGE]
    container = subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()
    try:
        asked = [docker, "exec", container, "sh", "-c", f'sleep 5; id -u; python -c "{check}"']
        assert subprocess.run(asked, capture_output=True, text=True).stdout.split() == ["10001", "200"]
    finally:
        subprocess.run([docker, "kill", container], check=True)
