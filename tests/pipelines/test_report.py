import json
import re
import subprocess
import sys

import pytest

from pipelines.experiments.command import RESULTS
from pipelines.experiments.report import documents, replace_section
from tests.documents import PAGES

MEASURED = re.compile(r"\d (?:%|ms|µs|MB|GB|dB)(?!\w)|\d nats|\d rows/s|±")
# No measurements of ours: what the theses print, a chance that defines a term, a limit.
NOT_MEASURED = {
    "theses.md": ("98 %", "92 %"),
    "limits.md": ("98 %",),
    "latent-space.md": ("90 %", "mean ± standard"),
    "few-labels.md": ("mean ± standard",),
    "results.md": ("mean ± standard", "95 % confidence"),
    "photos.md": ("mean ± standard",),
    "autoencoders.md": ("30 % of the values",),
    "data.md": ("30 % of the values",),
    "tables.md": ("40 % of its values", "95 % interval", "40 % of the tables", "10 %"),
    "serving.md": ("2 GB of memory",),
}


@pytest.mark.slow
def test_the_documents_match_the_rows():
    command = [sys.executable, "-m", "pipelines.experiments.report", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def altered(value):
    """Return a row in which every measurement is another one."""
    if isinstance(value, dict):
        return {key: entry + 1 if key == "active_units" else altered(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [altered(entry) for entry in value]
    if isinstance(value, float):
        return 0.9 * value
    return "0.0.0" if value == "0.1.0" else value


@pytest.mark.slow
def test_every_section_changes_with_the_rows(tmp_path):
    for path in RESULTS.glob("*.json*"):
        rows = [altered(json.loads(row)) for row in lines_of(path)]
        (tmp_path / path.name).write_text("\n".join(map(json.dumps, rows)) + "\n")
    before, after = documents(), documents(tmp_path)
    same = [
        (page.name, name)
        for page, sections in before.items()
        for name, content in sections.items()
        if after[page][name] == content
    ]
    assert same == [("README.md", "install"), ("start.md", "install")]  # these come from pyproject.toml


def lines_of(path):
    text = path.read_text()
    return [text] if path.suffix == ".json" else text.splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_measured_number_stands_in_a_section_that_is_generated(page):
    text = re.sub(r"<!-- ([\w-]+) -->.*?<!-- /\1 -->", "", page.read_text(), flags=re.DOTALL)
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for known in NOT_MEASURED.get(page.name, ()):
        text = text.replace(known, "")
    assert [line for line in text.splitlines() if MEASURED.search(line)] == []


def test_only_the_content_between_the_marks_is_replaced():
    for old in ("", "\n\nold\nolder\n\n"):
        text = f"a\n<!-- t -->{old}<!-- /t -->\nb"
        assert replace_section(text, "t", "new") == "a\n<!-- t -->\n\nnew\n\n<!-- /t -->\nb"


def test_a_missing_section_is_named():
    with pytest.raises(ValueError, match="There is no section 't'"):
        replace_section("nothing", "t", "new")


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json*")), ids=lambda path: path.name)
def test_rows_name_no_path_of_the_machine_that_measured_them(path):
    assert re.findall(r"""['"](?:/\w[^'"]*|[A-Z]:\\[^'"]*)['"]""", path.read_text()) == []
