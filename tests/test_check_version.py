import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "check_version.py"
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [{version}] - 2026-01-02\n\n## [0.1.0] - 2026-01-01\n"


@pytest.fixture(scope="module")
def disagreement():
    spec = spec_from_file_location("check_version", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.disagreement


@pytest.fixture
def release(tmp_path):
    """Return a function that commits a small release and may tag it."""

    def git(*arguments):
        author = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *author, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def release(package, changelog, *tags):
        (tmp_path / "vaefeat").mkdir()
        (tmp_path / "vaefeat" / "__init__.py").write_text(f'import os\n\n__version__ = "{package}"\n')
        (tmp_path / "CHANGELOG.md").write_text(CHANGELOG.format(version=changelog))
        git("init")
        git("add", ".")
        git("commit", "-m", "Release")
        for tag in tags:
            git("tag", tag)
        return tmp_path

    return release


def test_this_repository_states_one_version():
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("tags", [[], ["v0.2.0"], ["0.2.0-notes", "v0.2.0"]])
def test_a_package_and_a_changelog_agree_with_no_tag_or_the_same_one(disagreement, release, tags):
    assert disagreement(release("0.2.0", "0.2.0", *tags)) is None


@pytest.mark.parametrize(
    ("package", "changelog", "tags", "message"),
    [
        ("0.2.0", "0.3.0", [], r"package states version 0\.2\.0, the changelog 0\.3\.0: make them agree"),
        ("0.2.0", "0.2.0", ["v0.3.0"], r"changelog 0\.2\.0, and the tag 0\.3\.0: make them agree"),
        ("0.3.0", "0.2.0", ["v0.3.0"], r"version 0\.3\.0, the changelog 0\.2\.0, and the tag 0\.3\.0"),
    ],
)
def test_a_disagreement_is_reported_in_one_sentence(disagreement, release, package, changelog, tags, message):
    assert re.search(message, disagreement(release(package, changelog, *tags)))
