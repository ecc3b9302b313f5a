"""Do features learned without labels pay on tables? Twelve tables, against raw features.

Of each table 40 % of the rows are set aside for testing, in five ways. The encoder learns from the other rows
without labels; the predictors from as many labeled ones as a row says, equally many of each class in every
other draw and as they come in the others. The learned features serve logistic regression alone or beside the
raw ones; the latter is also averaged with extra trees on the raw features, and so is logistic regression on
raw features alone.

A first round, of two draws with 50 and 100 labels, compared further features and predictors; its rows are in
``pipelines/results/table-candidates.jsonl``, and the code of what lost is in the history, at "Add an
experiment on features for tables". Writes rows to ``pipelines/results/table-features.jsonl``; an interrupted
run continues.

    python -m pipelines.experiments.table_features [--smoke]
"""

import warnings
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pipelines.experiments.chooser import TABLES, TEST_FRACTION
from pipelines.experiments.command import RESULTS, collect_with_bar, options, table_rows
from vaefeat import mask_labels
from vaefeat.comparison import Row, Task
from vaefeat.comparison.defaults import wide_encoder
from vaefeat.data import UNLABELED

ALL_TABLES = (*TABLES, "satimage", "breast cancer", "wine")
ALL = 1_000_000  # labels, or as many as there are
N_LABELED = (50, 100, 300, 1_000, ALL)
N_DRAWS = 10
N_TREES = 128


class Trial:
    """A table with some rows set aside for testing, and features that have learned from the others."""

    def __init__(self, table: str, split: int, n_steps: int) -> None:
        X, labels = table_rows(table)
        y = np.unique(labels, return_inverse=True)[1]
        rows = np.random.default_rng(split).permutation(len(X))
        n_test = round(TEST_FRACTION * len(rows))
        train, test = rows[n_test:], rows[:n_test]
        X = X.astype(np.float32)
        imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(X[train])
        self.y, self.y_test = y[train], y[test]
        unscaled = imputer.transform(X[train]), imputer.transform(X[test])
        scaler = StandardScaler().fit(unscaled[0])
        raw = tuple(map(scaler.transform, unscaled))
        encoder = wide_encoder(len(train), None, output="hidden", n_steps=n_steps, random_state=split)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constant features, silent units
            encoder.fit(raw[0])
        learned = tuple(map(encoder.transform, raw))
        beside = tuple(map(partial(np.concatenate, axis=1), zip(raw, learned, strict=True)))
        logistic = LogisticRegression(max_iter=2_000)
        forest = RandomForestClassifier(N_TREES, random_state=0)
        trees = ExtraTreesClassifier(N_TREES, random_state=0)
        self._models: dict[str, tuple[BaseEstimator, tuple]] = {
            "logistic regression": (logistic, raw),
            "random forest": (forest, unscaled),
            "extra trees": (trees, unscaled),
            "alone": (logistic, learned),
            "beside": (logistic, beside),
        }

    def measure(self, n_labeled: int, draw: int) -> Row:
        """Return the balanced accuracy and the accuracy of each predictor."""
        y = mask_labels(self.y, min(n_labeled, len(self.y)), random_state=draw, stratify=draw % 2 == 0)
        rows = y != UNLABELED
        votes = {
            name: model.fit(X[rows], y[rows]).predict_proba(X_test)
            for name, (model, (X, X_test)) in self._models.items()
        }
        votes["average"] = votes["beside"] + votes["extra trees"]
        votes["average of raw"] = votes["logistic regression"] + votes["extra trees"]
        classes = np.unique(y[rows])
        return {name: self._scores(classes[vote.argmax(axis=1)]) for name, vote in votes.items()}

    def _scores(self, answers: np.ndarray) -> list[float]:
        """Return the balanced accuracy and the accuracy."""
        right = answers == self.y_test
        recalls = [right[self.y_test == label].mean() for label in np.unique(self.y_test)]
        return [round(float(np.mean(recalls)), 4), round(float(right.mean()), 4)]


def tasks(smoke: bool) -> Iterator[Task]:
    """Yield one task for each table, number of labels and draw; those of one split of a table together."""
    trial = lru_cache(1)(partial(Trial, n_steps=2 if smoke else 2_000))
    for split in range(1 if smoke else N_DRAWS // 2):
        for table in ("wine",) if smoke else ALL_TABLES:
            for n_labeled in N_LABELED[:1] if smoke else N_LABELED:
                for draw in (2 * split, 2 * split + 1):
                    yield _task(trial, table, split, n_labeled, draw)


def _task(trial: Any, table: str, split: int, n_labeled: int, draw: int) -> Task:
    config = {
        "key": f"{table}, {n_labeled}, {draw}",
        "table": table,
        "n_labeled": n_labeled,
        "draw": draw,
        "draws": "balanced" if draw % 2 == 0 else "as they come",
    }
    return Task(config, lambda: trial(table, split).measure(n_labeled, draw), config["key"])


def main() -> None:
    arguments = options(
        __doc__, smoke="one table, two steps", out=RESULTS / "table-features.jsonl"
    ).parse_args()
    collect_with_bar(list(tasks(arguments.smoke)), arguments.out, "table features")


if __name__ == "__main__":
    main()
