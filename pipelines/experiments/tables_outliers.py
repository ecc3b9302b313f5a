"""How well outliers in tables are found: AutoencoderOutlierDetector beside the usual detectors.

Of each table 40 % of the rows are set aside for testing. Each of its two largest classes in turn is the
outlier: the detectors learn from the other classes in the training part, and score all test rows. Features
are standardized, gaps filled with means. A row holds the ROC-AUC of each detector. The settings of
AutoencoderOutlierDetector were chosen on 40 % of the training rows, set aside for that.

Writes rows to ``pipelines/results/outliers.jsonl``.

    python -m pipelines.experiments.tables_outliers [--smoke] [--out FILE]
"""

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.experiments.command import RESULTS, collect_with_bar, options, table_rows
from vaefeat import AutoencoderOutlierDetector
from vaefeat.comparison import Row, Task, markdown_table, read_rows

TABLES = ("breast cancer", "cells", "churn", "credit", "dna", "letter", "phoneme", "satimage", "soybean")
TABLES += ("spam", "vehicle", "wine")
TEST_FRACTION = 0.4
N_CLASSES = 2  # the largest
OURS = "AutoencoderOutlierDetector"
RECONSTRUCTION = "its reconstruction alone"
METHODS = ("5 neighbors", "1 neighbor", "LocalOutlierFactor", "IsolationForest", RECONSTRUCTION, OURS)


class NeighborDistance(BaseEstimator):
    """Minus the mean distance to the nearest training rows."""

    def __init__(self, n_neighbors: int = 5) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, X, y=None):
        self.index_ = NearestNeighbors(n_neighbors=self.n_neighbors).fit(X)
        return self

    def score_samples(self, X):
        return -self.index_.kneighbors(X)[0].mean(axis=1)


def detectors() -> dict[str, Any]:
    """Return unfitted detectors by their names."""
    return {
        "5 neighbors": NeighborDistance(5),
        "1 neighbor": NeighborDistance(1),
        "LocalOutlierFactor": LocalOutlierFactor(novelty=True),
        "IsolationForest": IsolationForest(random_state=0),
        OURS: AutoencoderOutlierDetector(),
    }


def measure(X: np.ndarray, y: np.ndarray, outlier: str) -> Row:
    """Return the ROC-AUC with which each detector finds a class that it has not seen."""
    rows = np.random.default_rng(0).permutation(len(X))
    n_test = round(TEST_FRACTION * len(X))
    test, training = rows[:n_test], rows[n_test:]
    training = training[y[training] != outlier]
    scaler = make_pipeline(SimpleImputer(), StandardScaler()).fit(X[training])
    X_train, X_test = scaler.transform(X[training]), scaler.transform(X[test])
    fitted = {name: detector.fit(X_train) for name, detector in detectors().items()}
    fitted = {RECONSTRUCTION: fitted[OURS].estimator_.autoencoder_} | fitted
    is_inlier = y[test] != outlier
    return {
        "roc_auc": {
            name: float(roc_auc_score(is_inlier, detector.score_samples(X_test)))
            for name, detector in fitted.items()
        },
        "n_training": len(training),
    }


def tasks(smoke: bool) -> Iterator[Task]:
    read = lru_cache(1)(table_rows)
    for rank in range(1 if smoke else N_CLASSES):
        for table in ("wine",) if smoke else TABLES:
            classes, counts = np.unique(read(table)[1], return_counts=True)
            outlier = str(classes[np.argsort(-counts, kind="stable")[rank]])
            config = {"key": f"{table}-{outlier}", "table": table, "outlier": outlier}
            yield Task(config, partial(_measured, read, table, outlier), config["key"])


def _measured(read: Any, table: str, outlier: str) -> Row:
    return measure(*read(table), outlier)


def tables_of_docs(results: Path) -> dict[str, str]:
    """Return the table of ``docs/data.md``, by name."""
    found: dict[str, list[Row]] = {}
    for row in read_rows(results / "outliers.jsonl").values():
        found.setdefault(row["table"], []).append(row["roc_auc"])
    means = {
        table: [mean(each[method] for each in rows) for method in METHODS] for table, rows in found.items()
    }
    means["mean"] = [mean(column) for column in zip(*means.values(), strict=True)]
    cells = [(table, *(f"{value:.3f}" for value in values)) for table, values in means.items()]
    return {"outliers": markdown_table(("ROC-AUC", *METHODS), cells)}


def main() -> None:
    out = RESULTS / "outliers.jsonl"
    arguments = options(__doc__, smoke="one table, one class", out=out).parse_args()
    collect_with_bar(list(tasks(arguments.smoke)), arguments.out, "outliers")


if __name__ == "__main__":
    main()
