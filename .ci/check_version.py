"""Check that the package, the changelog and the tag of the current commit, if any, state the same version."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def package_version(root: Path) -> str:
    """Return ``__version__`` without importing the package."""
    text = (root / "vaefeat" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


def changelog_version(root: Path) -> str:
    """Return the version of the latest dated section."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.search(r"^## \[(\d\S*)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)[1]


def tag_versions(root: Path) -> list[str]:
    """Return the versions for which the current commit is tagged, such as ``0.2.0`` for ``v0.2.0``."""
    command = ["git", "-C", str(root), "tag", "--points-at", "HEAD"]
    tags = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return [tag.removeprefix("v") for tag in tags if re.match(r"v\d", tag)]


def disagreement(root: Path) -> str | None:
    """Return one sentence that says what disagrees, or None."""
    package, changelog, tags = package_version(root), changelog_version(root), tag_versions(root)
    if {package} == {changelog, *tags}:
        return None
    tagged = f", and the tag {', '.join(tags)}" if tags else ""
    return (
        f"The package states version {package}, the changelog {changelog}{tagged}: make them agree in "
        "vaefeat/__init__.py and CHANGELOG.md before you tag."
    )


if __name__ == "__main__":
    sys.exit(disagreement(ROOT))
