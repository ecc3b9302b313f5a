from pathlib import Path

import pytest

SCRIPTS = sorted(Path("pipelines/examples").glob("*.py"))


def test_there_are_examples():
    assert len(SCRIPTS) >= 8


# tests/docs/test_site.py runs them.
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_is_a_notebook_of_text_and_code(script):
    cells = script.read_text().split("# %%")
    assert cells[0] == ""
    assert cells[1].startswith(" [markdown]\n# # ")
    assert len(cells) > 5
