"""Do features learned without labels pay on tables? Candidates on twelve tables, against raw features.

Of each table 40 % of the rows are set aside for testing. The features learn from the other rows without
labels; the predictors from as many labeled ones as a row says, equally many of each class in every other
draw and as they come in the others. "alone" is logistic regression on the features, "beside" on raw and
learned features, "forest" a forest of random trees on both, and "average" the mean of the probabilities of
logistic regression on the features and a forest on the raw ones.

Screening takes four draws of 50 and 100 labels for all candidates; ``--final`` takes ten draws and five
numbers of labels for the simple models and the features that are left. Writes rows to
``pipelines/results/table-features.jsonl``; an interrupted run continues.

    python -m pipelines.experiments.table_features [--final] [--smoke]
"""

import math
import os
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from pipelines.experiments.chooser import TABLES, TEST_FRACTION
from pipelines.experiments.command import RESULTS, collect_with_bar, options
from pipelines.experiments.table_networks import SelfSupervisedNetwork
from vaefeat import GraphClassifier, M2Classifier, MaskingNoise, SwapNoise, load_dataset, mask_labels
from vaefeat.comparison import Row, Task
from vaefeat.comparison.defaults import wide_encoder
from vaefeat.data import UNLABELED
from vaefeat.data.samples import read_samples

ALL = 1_000_000  # labels, or as many as there are
N_LABELED = (50, 100, 300, 1_000, ALL)
SCREENING = {"n_labeled": N_LABELED[:2], "n_draws": 4}
FINAL = {"n_labeled": N_LABELED, "n_draws": 10}
LIMIT = 3.0  # of a normal score: a tail of a thousandth
N_TREES = 128
FINAL_FEATURES = ("raw", "ranks")
M2_STEPS = 1_500
SEMI_SUPERVISED: dict[str, Callable[[int], BaseEstimator]] = {
    "graph": lambda n_rows: GraphClassifier(random_state=0),
    "m2": lambda n_rows: M2Classifier(
        20,
        hidden_layer_sizes=(128,),
        learning_rate="cosine",
        max_iter=math.ceil(M2_STEPS * 100 / n_rows),
        random_state=0,
    ),
}


def ranks(n_rows: int) -> list[BaseEstimator]:
    """Return the steps that give each feature a normal distribution."""
    quantiles = QuantileTransformer(
        n_quantiles=min(200, n_rows), output_distribution="normal", random_state=0
    )
    clip = FunctionTransformer(partial(np.clip, a_min=-LIMIT, a_max=LIMIT))
    return [quantiles, clip, StandardScaler()]


def features(n_rows: int, n_features: int, n_steps: int | None) -> dict[str, list[BaseEstimator]]:
    """Return the steps that follow the imputer, by the name of the features."""
    epochs = {} if n_steps is None else {"n_steps": n_steps}
    vae = partial(wide_encoder, n_rows, None, output="hidden", **epochs)
    networks: dict[str, BaseEstimator] = {
        "untrained": vae(max_iter=0),
        "vae": vae(),
        "vae, swaps": vae(corruption=SwapNoise(0.2)),
        "contrast of swaps": vae(corruption=SwapNoise(0.4), contrastive_weight=10.0, temperature=0.5),
        "contrast of subsets": vae(corruption=MaskingNoise(0.4), contrastive_weight=10.0, temperature=0.5),
        **{
            task: SelfSupervisedNetwork(task, **epochs) for task in ("denoising", "masks", "bins", "clusters")
        },
    }
    return {
        "raw": [StandardScaler()],
        "ranks": ranks(n_rows),
        "pca": [StandardScaler(), PCA(min(30, n_features, n_rows), random_state=0)],
        "nystroem": [StandardScaler(), Nystroem(gamma=0.5 / n_features, n_components=256, random_state=0)],
        **{name: [*ranks(n_rows), network] for name, network in networks.items()},
    }


def read(table: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a table and their classes as whole numbers."""
    if table in TABLES:
        path = Path(os.environ["VAEFEAT_DATA"]) / "tables" / f"{table}.csv.gz"
        samples = read_samples(path, TABLES[table])
        X, y = samples.X, samples.y
    elif table == "satimage":
        data = load_dataset("satimage")
        X, y = np.concatenate([data.X, data.X_test]), np.concatenate([data.y, data.y_test])
    else:
        X, y = {"breast cancer": load_breast_cancer, "wine": load_wine}[table](return_X_y=True)
    return X.astype(np.float32), np.unique(y, return_inverse=True)[1]


ALL_TABLES = (*TABLES, "satimage", "breast cancer", "wine")


class Trial:
    """A table with some rows set aside for testing, and features that have learned from the others."""

    def __init__(self, table: str, split: int, name: str, n_steps: int | None) -> None:
        X, y = read(table)
        rows = np.random.default_rng(split).permutation(len(X))
        n_test = round(TEST_FRACTION * len(rows))
        train, test = rows[n_test:], rows[:n_test]
        imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(X[train])
        self.X, self.X_test = imputer.transform(X[train]), imputer.transform(X[test])
        self.y, self.y_test = y[train], y[test]
        self.name = name
        self._steps = features(*self.X.shape, n_steps)

    @cached_property
    def raw(self) -> tuple[np.ndarray, np.ndarray]:
        return self._transformed("raw")

    @cached_property
    def learned(self) -> tuple[np.ndarray, np.ndarray]:
        """The features of the training and test rows, scaled to the norm of the raw ones."""
        train, test = self._transformed(self.name)
        scaler = StandardScaler().fit(train)
        scale = np.sqrt(self.X.shape[1] / train.shape[1])
        return scale * scaler.transform(train), scale * scaler.transform(test)

    def _transformed(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        pipe = make_pipeline(*self._steps[name])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # silent units, that a quantile is repeated
            return pipe.fit_transform(self.X), pipe.transform(self.X_test)

    def measure(self, n_labeled: int, draw: int) -> Row:
        """Return the balanced accuracy and the accuracy of each predictor."""
        y = mask_labels(self.y, min(n_labeled, len(self.y)), random_state=draw, stratify=draw % 2 == 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = self._answers(y)
        seen = np.unique(y[y != UNLABELED])
        return {name: self._scores(seen[answer.argmax(axis=1)]) for name, answer in answers.items()}

    def _answers(self, y: np.ndarray) -> dict[str, np.ndarray]:
        """Return the probabilities of the classes of the test rows, by the name of the predictor."""
        if self.name == "raw":
            return self._simple(y)
        if self.name in SEMI_SUPERVISED:
            train, test = self._transformed("ranks")
            model = SEMI_SUPERVISED[self.name](len(train))
            return {"alone": model.fit(train, y).predict_proba(test)}
        return self._with_features(y)

    def _simple(self, y: np.ndarray) -> dict[str, np.ndarray]:
        """Return the answers of models on the raw features."""
        rows = y != UNLABELED
        logistic = self._probabilities(LogisticRegression(max_iter=2_000), *self.raw, y)
        forest = self._probabilities(RandomForestClassifier(N_TREES, random_state=0), self.X, self.X_test, y)
        trees = self._probabilities(ExtraTreesClassifier(N_TREES, random_state=0), self.X, self.X_test, y)
        answers = {
            "alone": logistic,
            "random forest": forest,
            "extra trees": trees,
            "average": logistic + forest,
            "average with extra trees": logistic + trees,
        }
        if np.count_nonzero(rows) <= SCREENING["n_labeled"][-1]:
            boosting = HistGradientBoostingClassifier(max_iter=50, random_state=0)
            teacher = SelfTrainingClassifier(LogisticRegression(max_iter=2_000), threshold=0.9)
            answers["boosting"] = self._probabilities(boosting, self.X, self.X_test, y)
            answers["self-training"] = teacher.fit(self.raw[0], y).predict_proba(self.raw[1])
        return answers

    def _with_features(self, y: np.ndarray) -> dict[str, np.ndarray]:
        train, test = self.learned
        beside = [np.concatenate(pair, axis=1) for pair in zip(self.raw, self.learned, strict=True)]
        both = [
            np.concatenate(pair, axis=1) for pair in zip((self.X, self.X_test), self.learned, strict=True)
        ]
        logistic = LogisticRegression(max_iter=2_000)
        trees = ExtraTreesClassifier(N_TREES, random_state=0)
        alone = self._probabilities(logistic, train, test, y)
        return {
            "alone": alone,
            "beside": self._probabilities(logistic, *beside, y),
            "forest": self._probabilities(trees, *both, y),
            "average": alone + self._probabilities(trees, self.X, self.X_test, y),
        }

    def _probabilities(
        self, model: BaseEstimator, X: np.ndarray, X_test: np.ndarray, y: np.ndarray
    ) -> np.ndarray:
        rows = y != UNLABELED
        return model.fit(X[rows], y[rows]).predict_proba(X_test)

    def _scores(self, answers: np.ndarray) -> list[float]:
        """Return the balanced accuracy and the accuracy."""
        right = answers == self.y_test
        recalls = [right[self.y_test == label].mean() for label in np.unique(self.y_test)]
        return [round(float(np.mean(recalls)), 4), round(float(right.mean()), 4)]


def tasks(table_names: tuple[str, ...], final: bool, smoke: bool) -> Iterator[Task]:
    """Yield one task for each table, draw, number of labels and kind of features; of a split, together."""
    design = FINAL if final else SCREENING
    n_labeled = (50,) if smoke else design["n_labeled"]
    names = FINAL_FEATURES if final else ("raw", *list(features(2, 2, 1))[1:], *SEMI_SUPERVISED)
    trial = lru_cache(1)(partial(Trial, n_steps=2 if smoke else None))
    for split in range(1 if smoke else design["n_draws"] // 2):
        for name in names:
            for table in table_names:
                for n in n_labeled:
                    for draw in (2 * split, 2 * split + 1):
                        yield _task(trial, table, split, name, n, draw)


def _task(trial: Any, table: str, split: int, name: str, n_labeled: int, draw: int) -> Task:
    config = {
        "key": f"{table}, {name}, {n_labeled}, {draw}",
        "table": table,
        "features": name,
        "n_labeled": n_labeled,
        "draw": draw,
        "draws": "balanced" if draw % 2 == 0 else "as they come",
    }
    return Task(config, lambda: trial(table, split, name).measure(n_labeled, draw), config["key"])


def main() -> None:
    parser = options(__doc__, smoke="one table, two steps", out=RESULTS / "table-features.jsonl")
    parser.add_argument("--final", action="store_true", help="ten draws, five numbers of labels")
    arguments = parser.parse_args()
    tables = ("wine",) if arguments.smoke else ALL_TABLES
    rows = list(tasks(tables, arguments.final, arguments.smoke))
    collect_with_bar(rows, arguments.out, "table features")


if __name__ == "__main__":
    main()
