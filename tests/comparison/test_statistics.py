import math

import numpy as np
from numpy.testing import assert_allclose
from scipy import stats

from vaefeat.comparison import paired_interval
from vaefeat.comparison.statistics import summarize


def rows_of(accuracies):
    return [
        {
            "extractor": extractor,
            "classifier": "lr",
            "n_labeled": 10,
            "draw": draw,
            "accuracy": accuracy,
            "fit_seconds": 1.0,
            "rows_per_second": 10.0,
        }
        for extractor, values in accuracies.items()
        for draw, accuracy in enumerate(values)
    ]


def test_a_summary_has_means_standard_deviations_and_paired_gains():
    accuracies = {"raw": [0.5, 0.6, 0.7], "vae": [0.7, 0.7, 0.9]}
    raw, vae = summarize(rows_of(accuracies))
    assert_allclose([raw["accuracy_mean"], raw["accuracy_sd"]], [0.6, 0.1])
    assert "gain" not in raw
    expected = stats.ttest_rel(accuracies["vae"], accuracies["raw"]).confidence_interval(0.95)
    assert_allclose([vae["gain_low"], vae["gain_high"]], [expected.low, expected.high])
    assert_allclose(vae["gain"], 0.5 / 3)


def test_only_draws_that_raw_features_share_count_for_the_gain():
    _, vae = summarize(rows_of({"raw": [0.5], "vae": [0.7, 0.9]}))
    assert_allclose(vae["gain"], 0.2)
    assert "gain" not in summarize(rows_of({"vae": [0.7, 0.9]}))[0]


def test_pairs_that_share_samples_have_a_wider_interval():
    low, high = paired_interval([0.1, 0.2, 0.3])
    wider = paired_interval([0.1, 0.2, 0.3], overlap=1 / 3)
    assert_allclose(np.subtract(wider[1], wider[0]), (high - low) * math.sqrt(2))


def test_a_single_pair_has_an_infinite_interval():
    assert paired_interval([0.1]) == (-math.inf, math.inf)


def test_quantities_have_r2_and_rmse():
    rows = [
        {"extractor": name, "classifier": "ridge", "n_labeled": 10, "draw": draw, "fit_seconds": 1.0}
        | {"rows_per_second": 1.0, "r2": r2 + draw / 10, "rmse": 5.0}
        for name, r2 in (("raw", 0.4), ("vae", 0.5))
        for draw in range(2)
    ]
    raw, vae = summarize(rows)
    assert_allclose([raw["r2_mean"], raw["rmse_mean"], vae["gain"]], [0.45, 5, 0.1])
