import runpy
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("agg")
from matplotlib import pyplot as plt

SCRIPTS = sorted(Path("pipelines/examples").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_runs_to_the_end(script, monkeypatch):
    n_shown = []
    monkeypatch.setattr(plt, "show", lambda: (n_shown.append(len(plt.get_fignums())), plt.close("all")))
    monkeypatch.setenv("SMOKE", "1")
    runpy.run_path(str(script))
    assert min(n_shown) > 0


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_is_a_notebook_of_text_and_code(script):
    cells = script.read_text().split("# %%")
    assert cells[0] == ""
    assert cells[1].startswith(" [markdown]\n# # ")
    assert len(cells) > 5


def test_all_examples_are_found():
    assert [path.stem for path in SCRIPTS] == ["label_efficiency", "latent_space", "quick_start"]
