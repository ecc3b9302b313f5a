import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted(Path("pipelines/examples").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_runs_from_its_first_line_to_its_last(script):
    environment = os.environ | {"SMOKE": "1", "MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_is_a_notebook_of_text_and_code(script):
    cells = script.read_text().split("# %%")
    assert cells[0] == ""
    assert cells[1].startswith(" [markdown]\n# # ")
    assert len(cells) > 5


def test_there_are_examples():
    assert [path.stem for path in SCRIPTS] == ["label_efficiency", "latent_space", "quick_start"]
