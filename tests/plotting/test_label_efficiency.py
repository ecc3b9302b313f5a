import matplotlib
import pytest

matplotlib.use("agg")
from matplotlib import pyplot as plt

from vaefeat import LabelEfficiencyDisplay
from vaefeat.comparison import Comparison

ROWS = [
    {
        "extractor": extractor,
        "classifier": classifier,
        "n_labeled": n_labeled,
        "n_train": 1_000,
        "draw": draw,
        "accuracy": accuracy + 0.02 * draw,
        "fit_seconds": 1.0,
        "rows_per_second": 10.0,
    }
    for extractor, accuracy in [("raw", 0.6), ("vae", 0.8)]
    for classifier in ("lr", "knn")
    for n_labeled in ("all", 100)
    for draw in range(2)
]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_a_line_for_each_extractor_over_ascending_numbers_of_labels():
    display = LabelEfficiencyDisplay.from_comparison(Comparison(ROWS))
    raw, vae = display.lines_
    assert [raw.get_label(), vae.get_label()] == ["raw", "vae"]
    assert raw.lines[0].get_xdata().tolist() == [100, 1_000]
    assert raw.lines[0].get_ydata() == pytest.approx([61, 61])
    assert vae.lines[0].get_ydata() == pytest.approx([81, 81])
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["all (1,000)", "100"]
    assert display.figure_ is display.ax_.figure


def test_it_draws_on_given_axes_and_of_the_classifier_asked_for():
    _, ax = plt.subplots()
    display = LabelEfficiencyDisplay.from_comparison(Comparison(ROWS), classifier="knn", ax=ax)
    assert display.ax_ is ax
    assert {row["classifier"] for row in display.summary} == {"knn"}


def test_rows_that_are_not_there_end_in_a_clear_error():
    with pytest.raises(ValueError, match=r"no rows of classifier 'svm'; there are rows of \['lr', 'knn'\]"):
        LabelEfficiencyDisplay.from_comparison(Comparison(ROWS), classifier="svm")
    with pytest.raises(ValueError, match="no rows of classifier None"):
        LabelEfficiencyDisplay.from_comparison(Comparison([]))


def test_of_quantities_r2_is_drawn():
    summary = [
        {"extractor": "raw", "n_labeled": n, "r2_mean": r2, "r2_sd": 0.01}
        for n, r2 in [(50, -0.12), (100, 0.5)]
    ]
    display = LabelEfficiencyDisplay(summary, n_train=100).plot()
    assert display.ax_.get_ylabel() == "test R²"
    assert display.lines_[0].lines[0].get_ydata() == pytest.approx([-0.12, 0.5])
    assert display.ax_.get_ylim() == pytest.approx((-0.15, 1))


def colors_of(*extractors):
    summary = [
        {"extractor": name, "n_labeled": 100, "accuracy_mean": 0.5, "accuracy_sd": 0.0} for name in extractors
    ]
    lines = LabelEfficiencyDisplay(summary, n_train=100).plot().lines_
    return {line.get_label(): line.lines[0].get_color() for line in lines}


def test_a_method_has_its_color_whatever_stands_beside_it():
    few, many = colors_of("vae", "raw"), colors_of("raw pixels", "PCA, 50", "mine", "plain vae, 50 means")
    assert few["raw"] == many["raw pixels"]
    assert few["vae"] == many["plain vae, 50 means"]
    assert len(set(many.values())) == 4


def test_no_two_of_the_default_features_have_the_same_color():
    names = [
        "raw",
        "pca",
        "untrained",
        "vae",
        "untrained hidden",
        "hidden",
        "raw beside hidden",
        "supervised",
    ]
    assert len(set(colors_of(*names, "image vae", "mine").values())) == 10
