"""What features for tables give, in points of balanced accuracy, as the tables of docs/tables.md.

Gains are paired over the draws: the labels and the test rows are the same for both models.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaefeat.comparison import Row, markdown_table, paired_interval, read_rows

LOGISTIC, FOREST = "logistic regression", "random forest"
FEW = (50, 100)
PREDICTORS = {
    "alone": "logistic regression",
    "beside": "logistic regression, beside raw",
    "forest": "extra trees, beside raw",
    "average": "average of the first with a forest on raw",
}
SIMPLE = {
    "alone": LOGISTIC,
    "average": f"{LOGISTIC}, averaged with a {FOREST}",
    "average with extra trees": f"{LOGISTIC}, averaged with extra trees",
    "boosting": "histogram boosting",
}
OTHER_CLASSIFIERS = {"graph": "GraphClassifier", "m2": "M2Classifier"}


class Gain(NamedTuple):
    """What a model has more than another on one table, in points, and its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def wins(self) -> bool:
        return self.low > 0

    @property
    def loses(self) -> bool:
        return self.high < 0

    def __str__(self) -> str:
        text = f"{self.mean:+.1f}"
        return f"**{text}**" if self.wins or self.loses else text


class Results:
    """Balanced accuracies in %, by model, table, number of labels and draw."""

    def __init__(self, rows: Iterable[tuple[str, Row, float]]) -> None:
        self._scores: dict[tuple[str, str, int], dict[int, float]] = {}
        for model, row, score in rows:
            draws = self._scores.setdefault((model, row["table"], row["n_labeled"]), {})
            draws[row["draw"]] = 100 * score
        self.models, self.tables, labels = (
            list(dict.fromkeys(names)) for names in zip(*self._scores, strict=True)
        )
        self.n_labeled = sorted(labels)

    def mean(self, model: str, table: str, n_labeled: int) -> float:
        """Return the mean over the draws."""
        return float(np.mean(list(self._scores[model, table, n_labeled].values())))

    def gain(self, model: str, rival: str, table: str, n_labeled: int) -> Gain:
        """Return the mean difference over the draws that both have."""
        first, second = (self._scores[each, table, n_labeled] for each in (model, rival))
        differences = [first[draw] - second[draw] for draw in first if draw in second]
        return Gain(float(np.mean(differences)), *paired_interval(differences))

    def better_simple(self, table: str, n_labeled: int) -> str:
        """Return which of the two simple models is better on a table."""
        return max(LOGISTIC, FOREST, key=lambda model: self.mean(model, table, n_labeled))

    def gains(self, model: str, n_labeled: int, rival: str | None = None) -> dict[str, Gain]:
        """Return the gain on each table over a model; by default, over the better simple one."""
        return {
            table: self.gain(model, rival or self.better_simple(table, n_labeled), table, n_labeled)
            for table in self.tables
        }


def candidates(rows: Iterable[Row]) -> Results:
    """Return the results of the first round."""
    return Results(
        (_candidate(row["features"], predictor), row, scores[0])
        for row in rows
        for predictor, scores in row.items()
        if isinstance(scores, list)
    )


def _candidate(features: str, predictor: str) -> str:
    if features == "raw":
        return SIMPLE.get(predictor, predictor)
    if features in OTHER_CLASSIFIERS:
        return OTHER_CLASSIFIERS[features]
    return f"{features}: {PREDICTORS[predictor]}"


def candidates_table(results: Results) -> str:
    """Return the mean gain of each model at 50 and 100 labels, the best first."""
    lines = []
    for model in results.models:
        gains = [list(results.gains(model, n).values()) for n in FEW]
        against_logistic = [gain for n in FEW for gain in results.gains(model, n, LOGISTIC).values()]
        lines.append(
            (
                model,
                *(float(np.mean([gain.mean for gain in each])) for each in gains),
                min(gain.mean for gain in against_logistic),
            )
        )
    lines.sort(key=lambda line: -line[1] - line[2])
    lines.insert(0, ("for each table, what is best on the others", *_chosen_elsewhere(results)))
    cells = [[model, *(f"{value:+.1f}" for value in values)] for model, *values in lines]
    return markdown_table(
        ["features: model", "50 labels", "100", "worst, against logistic regression"], cells
    )


def _chosen_elsewhere(results: Results) -> tuple[float, float, float]:
    """Return the columns of a choice for each table that is made on the others."""
    gains = {
        model: np.array([[results.gains(model, n)[table].mean for n in FEW] for table in results.tables])
        for model in results.models
    }
    chosen = [
        max(gains, key=lambda model: np.delete(gains[model], i, axis=0).mean())
        for i in range(len(results.tables))
    ]
    first, second = np.mean([gains[model][i] for i, model in enumerate(chosen)], axis=0)
    worst = min(
        results.gain(model, LOGISTIC, table, n).mean
        for model, table in zip(chosen, results.tables, strict=True)
        for n in FEW
    )
    return float(first), float(second), worst


def winners(rows: Iterable[Row]) -> Results:
    """Return the results of the features that were kept."""
    return Results(
        (model, row, scores[0]) for row in rows for model, scores in row.items() if isinstance(scores, list)
    )


def gains_table(results: Results, model: str, rival: str | None = None) -> str:
    """Return the gain of a model on each table, with its mean, its wins and its losses."""
    columns = [results.gains(model, n, rival) for n in results.n_labeled]
    lines = [[table, *(str(gains[table]) for gains in columns)] for table in results.tables]
    lines.append(["mean", *(f"{np.mean([gain.mean for gain in each.values()]):+.1f}" for each in columns)])
    for name in ("wins", "loses"):
        counts = [sum(getattr(gain, name) for gain in each.values()) for each in columns]
        lines.append([f"{name} on", *(str(count) for count in counts)])
    return markdown_table(["table", *map(_labels, results.n_labeled)], lines)


def simple_table(results: Results) -> str:
    """Return what the two simple models reach with few labels, in %."""
    lines = [
        [
            table,
            *(f"{results.mean(model, table, n):.1f}" for n in FEW for model in (LOGISTIC, FOREST, "beside")),
        ]
        for table in results.tables
    ]
    names = ("logistic regression", "random forest", "raw beside learned")
    return markdown_table(["table", *(f"{name}, {n}" for n in FEW for name in names)], lines)


def sentence(results: Results) -> str:
    """Return what the features are worth with few labels, in words."""
    gains = [gain for n in FEW for gain in results.gains("beside", n, LOGISTIC).values()]
    means = [gain.mean for gain in gains]
    behind = sum(
        results.mean(FOREST, table, n) > results.mean("beside", table, n)
        for n in FEW
        for table in results.tables
    )
    return (
        f"On {len(results.tables)} tables with 50 and 100 labels, learned features beside the raw ones give "
        f"logistic regression {np.mean(means):+.1f} points of balanced accuracy, {min(means):+.1f} to "
        f"{max(means):+.1f} by the table. A random forest on raw features is better still in {behind} of "
        f"{len(gains)} cases."
    )


def _labels(n_labeled: int) -> str:
    return f"{n_labeled:,} labels" if n_labeled < 1_000_000 else "all"


def tables_of_docs(results: Path) -> dict[str, str]:
    """Return the sections of docs/tables.md."""
    first = candidates(read_rows(results / "table-candidates.jsonl").values())
    kept = winners(read_rows(results / "table-features.jsonl").values())
    return {
        "table-sentence": sentence(kept),
        "table-candidates": candidates_table(first),
        "table-beside": gains_table(kept, "beside", LOGISTIC),
        "table-average": gains_table(kept, "average"),
        "table-average-of-raw": gains_table(kept, "average of raw"),
        "table-accuracy": simple_table(kept),
    }
