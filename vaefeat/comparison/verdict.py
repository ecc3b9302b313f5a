"""Is an encoder worth it? The answer of a comparison in one sentence."""

import math
from collections.abc import Sequence
from typing import Any

from vaefeat.comparison.defaults import BESIDE, FOREST, HIDDEN, IMAGE, MAJORITY, MEAN, PHOTO, VAE
from vaefeat.comparison.grid import RAW, as_number
from vaefeat.comparison.metrics import metric_of
from vaefeat.comparison.rows import Row

ENCODERS = (VAE, IMAGE, HIDDEN, PHOTO, BESIDE)


def winner(summary: Sequence[Row]) -> str | None:
    """Return the name of the encoder that gains most over raw features with the fewest labels, if any."""
    best = _best_encoder(_with_fewest_labels(summary))
    return best["extractor"] if best is not None and best["gain"] > 0 else None


def verdict(summary: Sequence[Row]) -> str:
    """Return whether an encoder is worth it with the fewest labels of a comparison.

    An encoder is compared with raw features, and must also be better than the random forest on them.

    Parameters
    ----------
    summary : sequence of dict
        As :meth:`vaefeat.comparison.Comparison.summary` returns it.

    Returns
    -------
    str
        Empty if there is nothing to compare.
    """
    rows = _with_fewest_labels(summary)
    best = _best_encoder(rows)
    if best is None:
        return ""
    metric = metric_of(best)
    value = {row["extractor"]: row[f"{metric.name}_mean"] for row in rows}
    rival = max((name for name in (RAW, FOREST) if name in value), key=lambda name: value[name])
    found = f"With {best['n_labeled']} labels: {best['extractor']} features, {_points(best)} over raw"
    mine = value[best["extractor"]]
    if max(value.get(name, -math.inf) for name in (MAJORITY, MEAN)) > max(value[rival], mine):
        return f"{found}. {metric.guess}"
    if best["n_draws"] > 1 and best["gain_low"] > 0 and mine > value[rival]:
        return f"{found}. Ship it: vaefeat fit."
    if best["gain"] > 0 and mine > value[rival]:
        return f"{found}. That may be chance: more draws or more labels would tell."
    name = "raw features" if rival == RAW else "a random forest on raw features"
    theirs = f"{metric.text(value[rival])}{metric.unit}"
    return f"{found}. Do not bother: {name} did at least as well, with {theirs}."


def _with_fewest_labels(summary: Sequence[Row]) -> list[Row]:
    fewest = min((as_number(row["n_labeled"]) for row in summary), default=0)
    return [row for row in summary if as_number(row["n_labeled"]) == fewest]


def _best_encoder(rows: Sequence[Row]) -> Row | None:
    encoders = [row for row in rows if row["extractor"] in ENCODERS and "gain" in row]
    return max(encoders, key=lambda row: row["gain"], default=None)


def _points(row: dict[str, Any]) -> str:
    metric = metric_of(row)
    gain = f"{metric.signed(row['gain'])}{metric.points}"
    if row["n_draws"] == 1:
        return gain
    return f"{gain} ({metric.signed(row['gain_low'])} to {metric.signed(row['gain_high'])})"
