"""How well outliers in tables are found: AutoencoderOutlierDetector beside the usual detectors.

Of each table 40 % of the rows are set aside for testing. Each of its two largest classes in turn is the
outlier: the detectors learn from the other classes in the training part, and score all test rows. Features
are standardized, gaps filled with means. A row holds the ROC-AUC. The settings of AutoencoderOutlierDetector
were chosen on 40 % of the training rows, set aside for that; its parts are shown alone.

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
from vaefeat import AutoencoderOutlierDetector, AutoencoderTransformer, GaussianNoise
from vaefeat.comparison import Row, Task, markdown_table, read_rows

TABLES = ("breast cancer", "cells", "churn", "credit", "dna", "letter", "phoneme", "satimage", "soybean")
TABLES += ("spam", "vehicle", "wine")
TEST_FRACTION = 0.4
N_CLASSES = 2  # the largest
OURS = "AutoencoderOutlierDetector"


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
    denoising = AutoencoderTransformer(
        32,
        hidden_layer_sizes=(256,),
        corruption=GaussianNoise(0.5),
        learning_rate="cosine",
        n_steps=2_000,
        random_state=0,
    )
    found = {
        "5 neighbors": NeighborDistance(5),
        "1 neighbor": NeighborDistance(1),
        "LocalOutlierFactor": LocalOutlierFactor(novelty=True),
        "IsolationForest": IsolationForest(random_state=0),
        "denoising autoencoder": AutoencoderOutlierDetector(denoising),
        OURS: AutoencoderOutlierDetector(),
    }
    return {
        name: make_pipeline(SimpleImputer(), StandardScaler(), detector) for name, detector in found.items()
    }


def measure(X: np.ndarray, y: np.ndarray, outlier: str, detector: Any) -> Row:
    """Return the ROC-AUC with which a detector finds a class that it has not seen."""
    rows = np.random.default_rng(0).permutation(len(X))
    n_test = round(TEST_FRACTION * len(X))
    test, training = rows[:n_test], rows[n_test:]
    training = training[y[training] != outlier]
    scores = detector.fit(X[training]).score_samples(X[test])
    return {"roc_auc": float(roc_auc_score(y[test] != outlier, scores)), "n_training": len(training)}


def tasks(smoke: bool) -> Iterator[Task]:
    read = lru_cache(1)(table_rows)
    for rank in range(1 if smoke else N_CLASSES):
        for table in ("wine",) if smoke else TABLES:
            classes, counts = np.unique(read(table)[1], return_counts=True)
            outlier = str(classes[np.argsort(-counts, kind="stable")[rank]])
            for name, detector in detectors().items():
                key = f"{table}-{outlier}-{name}"
                config = {"key": key, "table": table, "outlier": outlier, "method": name}
                yield Task(config, partial(_measured, read, table, outlier, detector), key)


def _measured(read: Any, table: str, outlier: str, detector: Any) -> Row:
    return measure(*read(table), outlier, detector)


def tables_of_docs(results: Path) -> dict[str, str]:
    """Return the table of ``docs/data.md``, by name."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in read_rows(results / "outliers.jsonl").values():
        found.setdefault((row["table"], row["method"]), []).append(row["roc_auc"])
    methods = list(dict.fromkeys(method for _, method in found))
    tables = list(dict.fromkeys(table for table, _ in found))
    means = {key: mean(values) for key, values in found.items()}
    rows = [(table, *(f"{means[table, method]:.3f}" for method in methods)) for table in tables]
    last = (f"{mean(means[table, method] for table in tables):.3f}" for method in methods)
    return {"outliers": markdown_table(("ROC-AUC", *methods), [*rows, ("mean", *last)])}


def main() -> None:
    out = RESULTS / "outliers.jsonl"
    arguments = options(__doc__, smoke="one table, one class", out=out).parse_args()
    collect_with_bar(list(tasks(arguments.smoke)), arguments.out, "outliers")


if __name__ == "__main__":
    main()
