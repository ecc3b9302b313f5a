"""What features for tables give in points of balanced accuracy, from the rows of their experiment.

A gain is against the better one, on each table, of logistic regression and a random forest on the raw
features, paired over the draws. What a table would choose is what gains most on the other tables.

Reads ``pipelines/results/table-features.jsonl`` and writes ``pipelines/results/table-features.md``.

    python -m pipelines.experiments.table_rules
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipelines.experiments.command import RESULTS
from vaefeat.comparison import Row, markdown_table, paired_interval, read_rows

Model = tuple[str, str]  # features, predictor
LOGISTIC, FOREST = ("raw", "alone"), ("raw", "random forest")
FEW = (50, 100)
PREDICTORS = {
    "alone": "logistic regression on the features",
    "beside": "logistic regression on raw and learned features",
    "forest": "a forest on raw and learned features",
    "average": "logistic regression on the features, averaged with a forest on the raw ones",
    "random forest": "random forest",
    "extra trees": "extra trees",
    "average with extra trees": "logistic regression, averaged with extra trees",
    "boosting": "histogram boosting",
    "self-training": "self-training",
}


class Gain(NamedTuple):
    """What a model has more than another on one table, in points, and its 95 % interval."""

    mean: float
    low: float
    high: float


class Results:
    """Balanced accuracies in %, by model, table, number of labels and draw."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._scores: dict[tuple[Model, str, int], dict[int, float]] = {}
        for row in rows:
            for predictor in PREDICTORS:
                if predictor in row:
                    model = row["features"], predictor
                    draws = self._scores.setdefault((model, row["table"], row["n_labeled"]), {})
                    draws[row["draw"]] = 100 * row[predictor][0]
        self.models = list(dict.fromkeys(model for model, _, _ in self._scores))
        self.tables = list(dict.fromkeys(table for _, table, _ in self._scores))
        self.n_labeled = sorted({n for _, _, n in self._scores})

    def mean(self, model: Model, table: str, n_labeled: int) -> float:
        """Return the mean over the draws."""
        return float(np.mean(list(self._scores[model, table, n_labeled].values())))

    def gain(self, model: Model, rival: Model, table: str, n_labeled: int) -> Gain:
        """Return the mean difference over the draws that both have."""
        first, second = (self._scores[each, table, n_labeled] for each in (model, rival))
        differences = [first[draw] - second[draw] for draw in first if draw in second]
        return Gain(float(np.mean(differences)), *paired_interval(differences))

    def better_simple(self, table: str, n_labeled: int) -> Model:
        """Return which of the two simple models is better on a table."""
        return max(LOGISTIC, FOREST, key=lambda model: self.mean(model, table, n_labeled))

    def gains(self, model: Model, n_labeled: int) -> dict[str, Gain]:
        """Return the gain over the better simple model on each table that the model was measured on."""
        return {
            table: self.gain(model, self.better_simple(table, n_labeled), table, n_labeled)
            for table in self.tables
            if (model, table, n_labeled) in self._scores
        }

    def mean_gain(self, model: Model, without: str = "") -> float:
        """Return the mean gain at 50 and 100 labels over all tables but one."""
        return float(
            np.mean(
                [gain.mean for n in FEW for table, gain in self.gains(model, n).items() if table != without]
            )
        )


def candidates_table(results: Results) -> str:
    """Return the mean gain of each model, the best first."""
    lines = []
    for model in sorted(results.models, key=results.mean_gain, reverse=True):
        gains = [results.gains(model, n) for n in FEW]
        every = [gain for each in gains for gain in each.values()]
        harm = min(results.gain(model, LOGISTIC, table, n).mean for n in FEW for table in gains[0])
        lines.append(
            [
                model[0],
                PREDICTORS[model[1]],
                *(f"{np.mean([gain.mean for gain in each.values()]):+.1f}" for each in gains),
                f"{np.mean([gain.low > 0 for gain in every]):.0%}",
                f"{np.mean([gain.high < 0 for gain in every]):.0%}",
                f"{harm:+.1f}",
            ]
        )
    head = [
        "features",
        "predictor",
        "50 labels",
        "100",
        "wins",
        "losses",
        "worst, against logistic regression",
    ]
    return markdown_table(head, lines)


def chosen_elsewhere(results: Results) -> str:
    """Return the model that each table would choose by the others, and its gain there."""
    lines = []
    for table in results.tables:
        model = max(results.models, key=lambda model: results.mean_gain(model, without=table))
        gains = [results.gains(model, n)[table].mean for n in FEW]
        lines.append([table, model[0], PREDICTORS[model[1]], *(f"{gain:+.1f}" for gain in gains)])
    return markdown_table(["table", "features", "predictor", "50 labels", "100"], lines)


def report(rows: Iterable[Row]) -> str:
    """Return what the rows say, as Markdown."""
    results = Results(rows)
    parts = [
        "# Features for tables",
        f"{len(results.tables)} tables. Gains in points of balanced accuracy over the better one, on each "
        "table, of logistic regression and a random forest on raw features; wins and losses are tables and "
        "numbers of labels where the 95 % interval, paired over the draws, does not hold zero.",
        candidates_table(results),
        "## Chosen on the other tables",
        chosen_elsewhere(results),
    ]
    return "\n\n".join(parts) + "\n"


def main(path: Path = RESULTS / "table-features.jsonl") -> None:
    text = report(read_rows(path).values())
    path.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
