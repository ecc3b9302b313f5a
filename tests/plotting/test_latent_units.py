import numpy as np
import pytest
from matplotlib.colors import to_hex

from vaefeat import LatentUnitsDisplay
from vaefeat.plotting._axes import ACTIVE, SILENT


def test_units_stand_in_the_order_of_their_divergence_and_active_ones_are_marked():
    display = LatentUnitsDisplay(np.array([0.1, 2.0, 0.0]), np.array([False, True, False])).plot()
    assert [bar.get_height() for bar in display.bars_] == [2.0, 0.1, 0.0]
    assert [to_hex(bar.get_facecolor()).upper() for bar in display.bars_] == [ACTIVE, SILENT, SILENT]
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["1", "0", "2"]
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["active", "silent"]


def test_the_title_counts_the_units(vae):
    display = LatentUnitsDisplay.from_estimator(vae)
    assert display.ax_.get_title() == f"{vae.active_units_.sum()} of 4 latent units active"
    assert sorted(bar.get_height() for bar in display.bars_) == pytest.approx(sorted(vae.kl_per_unit_))


def test_many_units_are_ranked_and_not_numbered():
    display = LatentUnitsDisplay(np.ones(50), np.ones(50, bool)).plot()
    assert display.ax_.get_xlabel() == "rank of the latent unit"
