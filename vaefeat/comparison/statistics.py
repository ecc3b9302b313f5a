"""Means, standard deviations and paired intervals over the draws of the labels."""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from vaefeat.comparison.grid import RAW
from vaefeat.comparison.metrics import Metric, metric_of
from vaefeat.comparison.rows import Row

Draws = dict[int, Row]  # rows by the number of their draw


def summarize(rows: Iterable[Row]) -> list[Row]:
    """Return one row per extractor, classifier and number of labels.

    Parameters
    ----------
    rows : iterable of dict
        One per draw, as in :attr:`vaefeat.comparison.Comparison.rows`.

    Returns
    -------
    list of dict
        As :meth:`vaefeat.comparison.Comparison.summary` returns them.
    """
    groups: dict[tuple, Draws] = {}
    for row in rows:
        key = (row["extractor"], row["classifier"], row["n_labeled"])
        groups.setdefault(key, {})[row["draw"]] = row
    return [_summary(key, draws, _raw_draws(groups, key)) for key, draws in groups.items()]


def _raw_draws(groups: Mapping[tuple, Draws], key: tuple) -> Draws:
    """Return the draws of raw features with the same classifier, or with the first one."""
    raw = {key[1:]: draws for key, draws in groups.items() if key[0] == RAW}
    others = (draws for (_, n_labeled), draws in raw.items() if n_labeled == key[2])
    return raw.get(key[1:]) or next(others, {})


def _summary(key: tuple, draws: Draws, raw: Draws) -> Row:
    metric = metric_of(next(iter(draws.values())))
    values = np.array([row[metric.name] for row in draws.values()])
    summary = {
        **dict(zip(("extractor", "classifier", "n_labeled"), key, strict=True)),
        "n_draws": len(draws),
        f"{metric.name}_mean": float(values.mean()),
        f"{metric.name}_sd": float(values.std(ddof=1)) if len(draws) > 1 else 0.0,
        **_second(draws, metric),
        "fit_seconds": _median(draws, "fit_seconds"),
        "rows_per_second": _median(draws, "rows_per_second"),
    }
    return summary if key[0] == RAW else summary | _gain(draws, raw, metric.name)


def _second(draws: Draws, metric: Metric) -> Row:
    """Return the mean of a metric's second entry; nothing if rows of earlier versions lack it."""
    values = [row[metric.second] for row in draws.values() if metric.second in row]
    return {f"{metric.second}_mean": float(np.mean(values))} if len(values) == len(draws) else {}


def _gain(draws: Draws, raw: Draws, name: str) -> Row:
    """Return the mean gain over raw features on the same draws with its interval; nothing if none match."""
    gains = [row[name] - raw[draw][name] for draw, row in draws.items() if draw in raw]
    if not gains:
        return {}
    low, high = paired_interval(gains, overlap=_overlap(draws))
    return {"gain": float(np.mean(gains)), "gain_low": low, "gain_high": high}


def _overlap(draws: Draws) -> float:
    """Return how many samples a draw is tested on for each that it trains on, where both are redrawn."""
    row = next(iter(draws.values()))
    return row["n_test"] / row["n_labeled"] if "n_test" in row else 0.0


def _median(draws: Mapping[int, Row], name: str) -> float:
    return float(np.median([row[name] for row in draws.values()]))


def paired_interval(
    differences: Iterable[float], confidence: float = 0.95, overlap: float = 0.0
) -> tuple[float, float]:
    """Return the confidence interval of a mean difference, by Student's t distribution.

    Parameters
    ----------
    differences : iterable of float
        One per pair.
    confidence : float, default=0.95
    overlap : float, default=0.0
        If each pair draws both its training and its test samples anew from the same few: how many it
        is tested on for each that it trains on. Such pairs are not independent, and the interval is wider.

    Returns
    -------
    low, high : float
        Infinite for a single pair.

    References
    ----------
    Nadeau & Bengio (2003), "Inference for the generalization error", for ``overlap``.
    """
    from scipy.stats import t

    differences = np.asarray(list(differences))
    n = len(differences)
    if n < 2:
        return -math.inf, math.inf
    half = t.ppf((1 + confidence) / 2, n - 1) * differences.std(ddof=1) * math.sqrt(1 / n + overlap)
    return float(differences.mean() - half), float(differences.mean() + half)
