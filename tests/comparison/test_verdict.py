import pytest

from vaefeat.comparison.verdict import verdict, winner


def row(extractor, accuracy, gain=None, n_labeled=100, n_draws=10):
    gains = {} if gain is None else {"gain": gain, "gain_low": gain - 0.02, "gain_high": gain + 0.02}
    return {
        "extractor": extractor,
        "n_labeled": n_labeled,
        "n_draws": n_draws,
        "accuracy_mean": accuracy,
        **gains,
    }


RAW, FOREST, MAJORITY = row("raw", 0.8), row("random forest", 0.85, 0.05), row("majority", 0.5, -0.3)


@pytest.mark.parametrize(
    ("rows", "expected", "won"),
    [
        ([row("vae", 0.9, 0.1)], "vae features, +10.0 points (+8.0 to +12.0) over raw. Ship it", "vae"),
        ([row("vae", 0.84, 0.04)], "Do not bother: a random forest on raw features", "vae"),
        ([row("vae", 0.7, -0.1)], "Do not bother", None),
        ([row("vae", 0.7, -0.1), row("image vae", 0.9, 0.1)], "image vae features, +10.0", "image vae"),
        ([row("vae", 0.9, 0.01)], "That may be chance", "vae"),
        ([row("vae", 0.9, 0.1, n_draws=1)], "+10.0 points over raw. That may be chance", "vae"),
    ],
)
def test_the_verdict_also_says_do_not_bother(rows, expected, won):
    summary = [RAW, FOREST, MAJORITY, *rows]
    assert verdict(summary).startswith("With 100 labels: ")
    assert expected in verdict(summary)
    assert winner(summary) == won


def test_where_the_most_frequent_class_is_right_more_often_the_verdict_says_so():
    summary = [RAW, row("majority", 0.95, 0.15), row("vae", 0.9, 0.1)]
    assert "Always guessing the most frequent class is right more often" in verdict(summary)


def test_without_raw_features_or_an_encoder_there_is_no_verdict():
    assert verdict([RAW]) == verdict([]) == ""
    assert winner([]) is None


def test_the_fewest_labels_count():
    summary = [RAW, row("raw", 0.9, n_labeled="all"), row("vae", 0.9, 0.1), row("vae", 0.5, -0.4, "all")]
    assert verdict(summary).startswith("With 100 labels: vae features, +10.0")


def quantity(extractor, r2, gain=None):
    gains = {} if gain is None else {"gain": gain, "gain_low": gain - 0.02, "gain_high": gain + 0.02}
    return {"extractor": extractor, "n_labeled": 100, "n_draws": 10, "r2_mean": r2, **gains}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([quantity("hidden", 0.6, 0.1)], "hidden features, +0.100 R² (+0.080 to +0.120) over raw. Ship it"),
        ([quantity("vae", 0.3, -0.2)], "raw features did at least as well, with 0.500 R²."),
        ([quantity("vae", -0.3, 0.1), quantity("raw", -0.4)], "The mean for all rows is nearer"),
    ],
)
def test_of_quantities_the_verdict_speaks_of_r2(rows, expected):
    assert expected in verdict([quantity("raw", 0.5), quantity("mean", -0.01, -0.51), *rows])
