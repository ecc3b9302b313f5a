"""How well ``vaefeat fit`` chooses: cross-validated and true scores of its candidates on nine tables.

Of each table 40 % of the rows are set aside for testing, in five ways; of the others 50, 100 or 300 are
labeled: once equally many of each class, once as they come. A row holds what a rule may choose by, for each
labeled row, and the accuracy on the test rows. The rules are compared by
:mod:`pipelines.experiments.chooser_rules`.

Writes rows to ``pipelines/results/chooser.jsonl``.

    python -m pipelines.experiments.chooser [--smoke] [--out FILE]
"""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from pipelines.experiments.command import RESULTS, collect_with_bar, options
from vaefeat import mask_labels
from vaefeat.comparison import Row, Task
from vaefeat.data import UNLABELED
from vaefeat.data.samples import Samples, read_samples
from vaefeat.fitting import Candidate, balanced_mean, beside, cross_validate, default_candidates

TABLES = {
    **{"cells": "target", "churn": "churn", "credit": "Status", "dna": "target", "letter": "target"},
    **{"phoneme": "target", "soybean": "Class", "spam": "target", "vehicle": "target"},
}
N_LABELED = (50, 100, 300)
N_DRAWS = 10
TEST_FRACTION = 0.4


class Trial:
    """One table with some rows set aside for testing; features are learned once."""

    def __init__(self, samples: Samples, split: int, max_iter: int | None) -> None:
        rows = np.random.default_rng(split).permutation(len(samples.X))
        n_test = round(TEST_FRACTION * len(rows))
        assert samples.y is not None
        self.X, self.y = samples.X[rows[n_test:]], samples.y[rows[n_test:]]
        self.X_test, self.y_test = samples.X[rows[:n_test]], samples.y[rows[:n_test]]
        train = Samples(samples.name, self.X, None, samples.plan)
        self.candidates = default_candidates(train, split, max_iter)
        self._fitted: dict[str, Pipeline] = {}

    def measure(self, position: int, n_labeled: int, draw: int) -> Row:
        """Return the cross-validated and the true score of a candidate."""
        candidate = self.candidates[position]
        masked = mask_labels(self.y, n_labeled, random_state=draw, stratify=draw % 2 == 0)
        labeled = np.array([label != UNLABELED for label in masked.tolist()])
        extractor, y = self._extractor(candidate), self.y[labeled]
        X, X_test = extractor.transform(self.X[labeled]), extractor.transform(self.X_test)
        score = cross_validate(candidate.predictor, X, y, draw)
        is_right = clone(candidate.predictor).fit(X, y).predict(X_test) == self.y_test
        classes = np.unique(score.y)
        return {
            "classes": np.searchsorted(classes, score.y).tolist(),
            "right": (score.right * 2 ** np.arange(len(score.right))[:, None]).sum(axis=0).tolist(),
            "p_true": (1000 * score.p_true).round().astype(int).tolist(),
            "accuracy": float(is_right.mean()),
            "balanced_accuracy": balanced_mean(is_right, self.y_test)[0],
        }

    def _extractor(self, candidate: Candidate) -> Pipeline:
        key = candidate.features.removeprefix("raw beside ")
        if key not in self._fitted:
            self._fitted[key] = clone(candidate.extractor).fit(self.X)
        return beside(self._fitted[key]) if key != candidate.features else self._fitted[key]


def tasks(smoke: bool) -> Iterator[Task]:
    folder = Path(os.environ["VAEFEAT_DATA"]) / "tables"
    samples = lru_cache(1)(lambda name: read_samples(folder / f"{name}.csv.gz", TABLES[name]))
    trial = lru_cache(1)(lambda name, split: Trial(samples(name), split, 1 if smoke else None))
    n_candidates = 4
    for split in range(1 if smoke else N_DRAWS // 2):
        for table in ("vehicle",) if smoke else TABLES:
            for n_labeled in N_LABELED[:1] if smoke else N_LABELED:
                for draw in (2 * split, 2 * split + 1):
                    for position in range(n_candidates):
                        yield _task(trial, table, split, position, n_labeled, draw)


def _task(trial, table, split, position, n_labeled, draw):
    config = {
        "key": f"{table}-{n_labeled}-{draw}-{position}",
        "table": table,
        "n_labeled": n_labeled,
        "draw": draw,
        "draws": "balanced" if draw % 2 == 0 else "as they come",
        "candidate": position,
    }
    return Task(config, lambda: trial(table, split).measure(position, n_labeled, draw), config["key"])


def main() -> None:
    arguments = options(__doc__, smoke="one table", out=RESULTS / "chooser.jsonl").parse_args()
    collect_with_bar(list(tasks(arguments.smoke)), arguments.out, "chooser")


if __name__ == "__main__":
    main()
