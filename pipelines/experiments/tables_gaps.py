"""How well gaps in tables are filled: AutoencoderImputer beside scikit-learn's imputers.

Of each table 40 % of the rows are set aside for testing, and 30 % of all values are removed at random, from
both parts. The imputers learn from the training part, standardized by what is left of it. A row holds the
root mean squared error of the removed test values, in standard deviations. The settings of AutoencoderImputer
were chosen on 30 % of the training rows, set aside for that.

Writes rows to ``pipelines/results/gaps.jsonl``.

    python -m pipelines.experiments.tables_gaps [--smoke] [--out FILE]
"""

import time
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler

from pipelines.experiments.command import RESULTS, collect_with_bar, options, table_rows
from vaefeat import AutoencoderImputer
from vaefeat.comparison import Row, Task, markdown_table, read_rows

TABLES = ("breast cancer", "cells", "letter", "satimage", "spam", "vehicle", "wine")
MISSING = 0.3
TEST_FRACTION = 0.4
N_SPLITS = 1  # each costs minutes; more of them continue the file
OURS = "AutoencoderImputer"


def imputers(smoke: bool) -> dict[str, Any]:
    """Return unfitted imputers by their names."""
    return {
        "mean": SimpleImputer(),
        "KNNImputer": KNNImputer(),
        "IterativeImputer": IterativeImputer(random_state=0, max_iter=1 if smoke else 10),
        OURS: AutoencoderImputer(),
    }


def parts(X: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return incomplete training rows, and test rows without and with all their values, standardized."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(X))
    n_test = round(TEST_FRACTION * len(X))
    complete = X[rows[n_test:]], X[rows[:n_test]]
    incomplete, test = (np.where(rng.uniform(size=part.shape) < MISSING, np.nan, part) for part in complete)
    scaler = StandardScaler().fit(incomplete)
    return scaler.transform(incomplete), scaler.transform(test), scaler.transform(complete[1])


def measure(X: np.ndarray, seed: int, imputer: Any) -> Row:
    """Return the root mean squared error of an imputer."""
    incomplete, test, expected = parts(X, seed)
    start = time.perf_counter()
    imputed = imputer.fit(incomplete).transform(test)
    seconds = time.perf_counter() - start
    error = (imputed - expected)[np.isnan(test)]
    return {"rmse": float(np.sqrt(np.mean(np.square(error)))), "seconds": round(seconds, 1)}


def tasks(smoke: bool) -> Iterator[Task]:
    numbers = lru_cache(1)(lambda table: table_rows(table)[0])
    for seed in range(N_SPLITS):
        for table in ("wine",) if smoke else TABLES:
            for name, imputer in imputers(smoke).items():
                config = {"key": f"{table}-{name}-{seed}", "table": table, "method": name, "split": seed}
                run = partial(_measured, numbers, table, seed, imputer)
                yield Task(config, run, config["key"])


def _measured(numbers: Any, table: str, seed: int, imputer: Any) -> Row:
    return measure(numbers(table), seed, imputer)


def tables_of_docs(results: Path) -> dict[str, str]:
    """Return the table of ``docs/data.md``, by name."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in read_rows(results / "gaps.jsonl").values():
        found.setdefault((row["table"], row["method"]), []).append(row["rmse"])
    methods = list(dict.fromkeys(method for _, method in found))
    rows = [
        (table, *(f"{mean(found[table, method]):.3f}" for method in methods))
        for table in dict.fromkeys(table for table, _ in found)
    ]
    return {"gaps": markdown_table(("RMSE", *methods), rows)}


def main() -> None:
    out = RESULTS / "gaps.jsonl"
    arguments = options(__doc__, smoke="one table", out=out).parse_args()
    collect_with_bar(list(tasks(arguments.smoke)), arguments.out, "gaps")


if __name__ == "__main__":
    main()
