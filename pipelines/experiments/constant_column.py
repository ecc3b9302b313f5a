"""What a constant column costs: accuracy with and without it, for each kind of encoder and classifier.

A column that never varies tells nothing, and should cost nothing. Each row holds the accuracy in
cross-validation of a Pipeline on a data set, and on the same data with a column of threes beside them; other
weights at the start make a difference too, so there are several seeds. Writes rows to
``pipelines/results/constant-column.jsonl``; an interrupted run continues.

    python -m pipelines.experiments.constant_column [--smoke]
"""

import warnings
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.experiments.command import RESULTS, collect_with_bar, options
from vaefeat import AutoencoderTransformer, M2Classifier, SupervisedEncoderTransformer, VAEEncoderTransformer
from vaefeat.comparison import Row, Task, markdown_table, read_rows

LOADERS = {"wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
N_SAMPLES = 600
N_SEEDS = 4
N_FOLDS = 3


def estimators(seed: int, smoke: bool) -> dict[str, list[BaseEstimator]]:
    """Return what stands behind the scaler, by name."""
    settings: dict[str, Any] = {"hidden_layer_sizes": (64,), "random_state": seed}
    steps = {"n_steps": 1 if smoke else 800}
    m2 = M2Classifier(10, max_iter=1 if smoke else 40, **settings)
    classifier = LogisticRegression(max_iter=500)
    return {
        "VAEEncoderTransformer": [VAEEncoderTransformer(10, **settings, **steps), classifier],
        "AutoencoderTransformer": [AutoencoderTransformer(10, **settings, **steps), classifier],
        "SupervisedEncoderTransformer": [SupervisedEncoderTransformer(10, **settings, **steps), classifier],
        "M2Classifier": [m2],
        "VAEEncoderTransformer + M2Classifier": [VAEEncoderTransformer(10, **settings, **steps), m2],
    }


def measure(dataset: str, name: str, seed: int, smoke: bool) -> Row:
    """Return the accuracy with and without a column of threes."""
    X, y = LOADERS[dataset](return_X_y=True)
    X, y = X[:N_SAMPLES], y[:N_SAMPLES]
    pipe = make_pipeline(StandardScaler(), *estimators(seed, smoke)[name])
    return {
        "accuracy_without": _accuracy(pipe, X, y, seed),
        "accuracy_with": _accuracy(pipe, np.column_stack([X, np.full(len(X), 3.0)]), y, seed),
    }


def _accuracy(pipe: Pipeline, X: np.ndarray, y: np.ndarray, seed: int) -> float:
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # that the column is constant, that all is labeled
        return float(cross_val_score(pipe, X, y, cv=folds).mean())


def tasks(smoke: bool) -> list[Task]:
    return [
        Task(
            {"key": f"{dataset}, {name}, {seed}", "dataset": dataset, "estimator": name, "seed": seed},
            partial(measure, dataset, name, seed, smoke),
            f"{dataset}: {name}",
        )
        for seed, dataset, name in product(
            range(1 if smoke else N_SEEDS), ["wine"] if smoke else LOADERS, estimators(0, smoke)
        )
    ]


def table(rows: list[Row]) -> str:
    """Return the mean difference in points, and its standard error, for each estimator and data set."""
    names = list(dict.fromkeys(row["estimator"] for row in rows))
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))

    def cell(name: str, dataset: str) -> str:
        differences = [
            100 * (row["accuracy_with"] - row["accuracy_without"])
            for row in rows
            if (row["estimator"], row["dataset"]) == (name, dataset)
        ]
        error = np.std(differences, ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else np.nan
        return f"{np.mean(differences):+.1f} ± {error:.1f}"

    return markdown_table(
        ("estimator", *datasets), [(name, *(cell(name, each) for each in datasets)) for name in names]
    )


def tables_of_docs(results: Path) -> dict[str, str]:
    """Return the table of ``docs/latent-space.md``, by name."""
    return {"constant-column": table(list(read_rows(results / "constant-column.jsonl").values()))}


def main() -> None:
    arguments = options(__doc__, smoke="one data set, one seed, one epoch", out=RESULTS).parse_args()
    rows = collect_with_bar(
        tasks(arguments.smoke), arguments.out / "constant-column.jsonl", "constant column"
    )
    print(table(rows))


if __name__ == "__main__":
    main()
