"""The documentation builds without a warning, and can be read, searched and used by everybody, offline."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.apps import channels, serving_files, use_page
from tests.documents import ROOT

pytestmark = pytest.mark.slow

EXAMPLES = sorted(path.stem for path in (ROOT / "pipelines" / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert not re.search("^WARNING +-", done.stderr, re.MULTILINE)  # by MkDocs; kernels warn, too
    return out


@pytest.fixture(scope="module")
def report(site):
    with serving_files(site) as url:
        return use_page(Path(__file__).parent / "page.mjs", url)


class Links(HTMLParser):
    """The addresses that a page refers to, and the places in it that can be referred to."""

    def __init__(self, page):
        super().__init__()
        self.addresses, self.places, self.loaded = [], set(), []
        self.feed(page.read_text())

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.places |= {named.get("id"), named.get("name")}
        address = named.get("href") or named.get("src")
        if address and tag in ("a", "img", "script", "link"):
            self.addresses.append(address)
            self.loaded += [address] if tag != "a" and named.get("rel") != "canonical" else []


def test_no_link_within_the_site_is_broken(site):
    pages = {path.resolve(): Links(path) for path in site.rglob("*.html") if path.name != "404.html"}
    broken = []
    for path, links in pages.items():
        for address in links.addresses:
            if re.match(r"[a-z]+:|//", address):
                continue
            file, _, place = address.partition("#")
            target = (path.parent / file.partition("?")[0]).resolve() if file else path
            if not target.exists() or (place and target in pages and place not in pages[target].places):
                broken.append((path.name, address))
    assert broken == []


def test_nothing_is_loaded_from_other_hosts(site):
    loaded = {address for path in site.rglob("*.html") for address in Links(path).loaded}
    assert [address for address in loaded if re.match(r"https?:|//", address)] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_a_page_with_pictures_and_a_notebook_that_was_run(site, name):
    page = (site / "gallery" / f"{name}.html").read_text()
    assert re.search(rf'<img alt="[^"]+" src="{name}_\d+_\d+.png"', page)
    notebook = json.loads((site / "gallery" / f"{name}.ipynb").read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code if cell["source"])


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_pages_load_fit_and_break_no_rule_of_accessibility(report, look):
    seen = report[look]
    assert seen["foreign"] == seen["errors"] == []
    assert {name: width for name, width in seen["overflow"].items() if width > 0} == {}
    by_finger = (
        "scrollable-region-focusable: <code>" if look == "phone" else None
    )  # the theme leaves it to that
    broken = [rule for found in seen["violations"].values() for rule in found]
    assert [rule for rule in broken if not (by_finger and rule.startswith(by_finger))] == []


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_the_search_works_without_a_network(report, look):
    assert report[look]["found"] == "Looking at a latent space"


def test_dark_is_dark(report):
    assert max(channels(report["dark"]["background"])) < 80 < min(channels(report["light"]["background"]))
