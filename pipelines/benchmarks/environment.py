"""Size of what pip installs, to run models and to train them."""

from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from pipelines.benchmarks.common import Progress, Row

MB = 1e6
ENVIRONMENTS = {"vaefeat": frozenset[str](), "vaefeat[train]": frozenset({"train"})}


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Add up the installed files of vaefeat and of all packages that it requires."""
    rows = []
    for done, (name, extras) in enumerate(ENVIRONMENTS.items()):
        progress(name, done, len(ENVIRONMENTS))
        packages = _closure("vaefeat", extras)
        rows.append(
            {
                "benchmark": "environment",
                "name": name,
                "n_packages": len(packages),
                "installed_mb": sum(map(_n_bytes, packages.values())) / MB,
            }
        )
    return rows


def _closure(name: str, extras: frozenset[str]) -> dict[str, Distribution]:
    """Return the packages that an installation of ``name[extras]`` consists of."""
    found: dict[tuple[str, frozenset[str]], Distribution] = {}
    open_ = [(name, extras)]
    while open_:
        key = open_.pop()
        if key in found:
            continue
        found[key] = distribution(key[0])
        for text in found[key].requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in ("", *key[1])
            ):
                open_.append((requirement.name.lower(), frozenset(requirement.extras)))
    return {key[0]: each for key, each in found.items()}


def _n_bytes(package: Distribution) -> int:
    paths = [Path(str(package.locate_file(file))) for file in package.files or []]
    return sum(path.stat().st_size for path in paths if path.exists())
