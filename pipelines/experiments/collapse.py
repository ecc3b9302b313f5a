"""Which defaults keep a VAE from collapsing: starts, variances and KL schedules on twelve data sets.

A latent unit that tells nothing about the sample is silent; where all are, the features are noise. For each
data set, candidate and seed there is a row with the number of active units, the ELBO of the test samples,
and the accuracy of LogisticRegression on the latent means and on the last hidden layer, with 100 labels and
with all. The defaults are also trained as long as in the thesis of 2018, whose losses they should reach
without a start of their own. Rows are written to ``pipelines/results/collapse.jsonl``; an interrupted run
continues.

    python -m pipelines.experiments.collapse [--smoke]
"""

import os
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from statistics import mean
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import tensorflow as tf
from pandas import read_csv
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pipelines.experiments.command import RESULTS, collect_with_bar, options
from vaefeat import Bernoulli, Gaussian, Likelihood, VAEEncoderTransformer, load_dataset
from vaefeat.comparison import Row, Task, markdown_table, read_rows
from vaefeat.data import Dataset

TABLES = {  # and the columns with the classes
    "dna": "target",
    "vehicle": "target",
    "letter": "target",
    "spam": "target",
    "phoneme": "target",
}
WITH_CATEGORIES = {"churn": "churn", "soybean": "Class"}  # which are encoded as one of several
BLACK_AND_WHITE = ("mnist", "frey-face")  # Bernoulli likelihood
DATASETS = (*TABLES, *WITH_CATEGORIES, "satimage", "wine", "digits", *BLACK_AND_WHITE)
THESIS = {  # data set and units: epochs, and the loss of the last one in the thesis, in nats
    ("frey-face", 2): (1_000, 347.80),
    ("frey-face", 20): (1_000, 346.75),  # after 5 000 epochs
    ("mnist", 20): (50, 95.79),
    ("mnist", 10): (50, 97.53),
    ("mnist", 2): (50, 135.98),
    ("mnist", 50): (50, 97.21),
}
N_HELD_OUT = {"frey-face": 0, "mnist": 5_000}  # the thesis sets the first 5 000 images aside
N_SEEDS = 3  # of which the committed rows hold two, and three of dna
N_STEPS = 2_000  # a fifth of the default: collapse comes early, or not at all
N_LABELED = 100
MAX_LABELED = 10_000  # "all" labels: more take long, and change little
FREE_NATS = 0.05  # for each latent unit and sample


class FromFullVariance(Gaussian):
    """Starts at the variance of each feature, as if latents could explain nothing."""

    def base_log_dispersion(self, n_features: int, X: np.ndarray | None = None) -> np.ndarray:
        base = super().base_log_dispersion(n_features, X)
        return base if X is None else (base + np.log(10)).astype(np.float32)  # instead of a tenth


class Optimal(Gaussian):
    """The share of the variance is not learned, but the best for each batch (Rybkin et al. 2021)."""

    def log_prob(self, x: Any, location: Any, log_dispersion: Any = None, observed: Any = None) -> Any:
        if isinstance(x, np.ndarray):
            return super().log_prob(x, location, log_dispersion, observed)
        best = tf.math.log(tf.reduce_mean(tf.square(x - location) / tf.exp(log_dispersion)))
        return super().log_prob(x, location, log_dispersion + best, observed)


class FreeBits(Gaussian):
    """A Gaussian whose KL term has a floor: see :func:`measure`."""


class KLWeight(keras.callbacks.Callback):
    """Raises the weight of the KL term to 1 over the first share of the epochs; 0: it is always 1."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        n_epochs = self._share * self.params["epochs"]
        self.model.kl_weight.assign(min(1.0, (epoch + 1) / n_epochs) if n_epochs else 1.0)


@dataclass(frozen=True)
class Candidate:
    """A likelihood for measurements, and a schedule of the KL term; None is the default's."""

    gaussian: Likelihood
    warm_up: float | None = None

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        return [] if self.warm_up is None else [KLWeight(self.warm_up)]


CANDIDATES = {
    "variance of each feature, full start": Candidate(FromFullVariance("learned"), 0.0),
    "variance of each feature, full start, delayed KL": Candidate(FromFullVariance("learned")),
    "shared variance, full start": Candidate(FromFullVariance("shared"), 0.0),
    "shared variance, start at a tenth": Candidate(Gaussian("shared"), 0.0),
    "shared variance, start at a tenth, linear warm-up": Candidate(Gaussian("shared"), 0.1),
    "shared variance, start at a tenth, delayed KL (default)": Candidate(Gaussian("shared")),
    "the default with free bits": Candidate(FreeBits("shared")),
    "best variance of each batch, delayed KL": Candidate(Optimal("shared")),
}
SCHEDULES = tuple(name for name, each in CANDIDATES.items() if each.gaussian == Gaussian("shared"))


@cache
def load(name: str) -> Dataset:
    """Return a data set as it is given to the encoder, without missing values."""
    if name == "wine":
        return _wine_with_constant()
    if name in WITH_CATEGORIES:
        return _one_hot(name)
    if name not in TABLES:
        return load_dataset(name)
    dataset = load_dataset(_path(name), target=TABLES[name])
    scaler = make_pipeline("passthrough" if name == "dna" else StandardScaler()).fit(dataset.X)
    X, X_test = (scaler.transform(rows).astype(np.float32) for rows in (dataset.X, dataset.X_test))
    return Dataset(name, X, dataset.y, X_test, dataset.y_test, dataset.sha256)


def _path(name: str) -> Path:
    return Path(os.environ["VAEFEAT_DATA"], "tables", f"{name}.csv.gz")


def _one_hot(name: str) -> Dataset:
    frame = read_csv(_path(name))
    y = frame.pop(WITH_CATEGORIES[name]).to_numpy(str)
    categories = frame.columns if name == "soybean" else frame.select_dtypes(exclude="number").columns
    encoder = make_column_transformer(
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), list(categories)),
        remainder=StandardScaler(),
    )
    train, test, y, y_test = train_test_split(frame, y, test_size=0.25, random_state=0)
    X, X_test = encoder.fit_transform(train), encoder.transform(test)
    digest = sha256(_path(name).read_bytes()).hexdigest()
    return Dataset(name, X.astype(np.float32), y, X_test.astype(np.float32), y_test, digest)


def _wine_with_constant() -> Dataset:
    X, y = load_wine(return_X_y=True)
    X = np.c_[StandardScaler().fit_transform(X), np.zeros(len(X))].astype(np.float32)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    return Dataset("wine", X, y, X_test, y_test, "scikit-learn's wine and a column of zeros")


def measure(name: str, candidate: Candidate, seed: int, **settings: Any) -> Row:
    """Return what a VAE with these defaults learns on a data set."""
    dataset = load(name)
    vae = VAEEncoderTransformer(
        10,
        likelihood=Bernoulli() if name in BLACK_AND_WHITE else candidate.gaussian,
        image_shape=dataset.image_shape,
        callbacks=candidate.callbacks,
        random_state=seed,
        **settings,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about the collapse that is counted here
        with _free_bits(isinstance(candidate.gaussian, FreeBits)):
            vae.fit(dataset.X)
    held_out = dataset.X_test if len(dataset.X_test) else dataset.X
    found = {
        "active_units": int(vae.active_units_.sum()),
        "elbo": float(vae.score(held_out)) if not isinstance(candidate.gaussian, Optimal) else None,
        "loss": vae.loss_curve_[-1],
        "epochs": vae.n_iter_,
    }
    return found | _accuracies(vae, dataset, seed) if dataset.y is not None else found


def _free_bits(wanted: bool) -> Any:
    """Return a context in which each latent unit has a number of nats for free."""
    if not wanted:
        return nullcontext()

    def floored(mean: Any, log_var: Any) -> Any:
        per_unit = 0.5 * (tf.exp(log_var) + tf.square(mean) - 1.0 - log_var)  # (batch, n_components)
        return tf.reduce_sum(tf.maximum(per_unit, FREE_NATS), axis=-1)

    return patch("vaefeat.training.vae.objectives.gaussian_kl", floored)


def _accuracies(vae: VAEEncoderTransformer, dataset: Dataset, seed: int) -> Row:
    codes, codes_test = (vae.encoder_.run(X, ["z_mean", "hidden"]) for X in (dataset.X, dataset.X_test))
    codes, codes_test = codes | {"raw": dataset.X}, codes_test | {"raw": dataset.X_test}
    labeled = {"100": _labeled(dataset.y, seed), "all": slice(MAX_LABELED)}
    return {
        f"accuracy_{features}_{n}": _accuracy(
            (X[rows], dataset.y[rows]), (codes_test[features], dataset.y_test)
        )
        for features, X in codes.items()
        for n, rows in labeled.items()
    }


def _labeled(y: np.ndarray, seed: int) -> np.ndarray:
    """Return the positions of 100 samples, and at least one of each class."""
    order = np.random.default_rng(seed).permutation(len(y))
    first = order[np.unique(y[order], return_index=True)[1]]
    others = order[~np.isin(order, first)]
    return np.concatenate([first, others[: max(0, N_LABELED - len(first))]])


def _accuracy(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> float:
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return float(classifier.fit(*train).score(*test))


def tasks(smoke: bool) -> list[Task]:
    """Return the rows of the matrix; of black and white images those that differ in the schedule alone."""
    settings = {"max_iter": 2} if smoke else {"n_steps": N_STEPS}
    return [
        Task(
            {"key": f"{dataset}, {name}, {seed}", "dataset": dataset, "candidate": name, "seed": seed},
            partial(measure, dataset, candidate, seed, **settings),
            f"{dataset}: {name}",
        )
        for seed in range(1 if smoke else N_SEEDS)
        for dataset in (("wine",) if smoke else DATASETS)
        for name, candidate in CANDIDATES.items()
        if dataset not in BLACK_AND_WHITE or name in SCHEDULES
    ]


def train_as_in_thesis(name: str, n_components: int, max_iter: int) -> Row:
    """Return how the default VAE ends that is trained as in the thesis."""
    dataset = load(name)
    vae = VAEEncoderTransformer(
        n_components,
        likelihood="bernoulli",
        image_shape=dataset.image_shape,
        max_iter=max_iter,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        vae.fit(dataset.X[N_HELD_OUT[name] :])
    return {"active_units": int(vae.active_units_.sum()), "loss": vae.loss_curve_[-1]}


def thesis_tasks(smoke: bool) -> list[Task]:
    """Return the rows of the thesis's trainings."""
    return [
        Task(
            {
                "key": f"as in the thesis: {dataset}, {n_components} units",
                "dataset": dataset,
                "n_components": n_components,
                "epochs": max_iter,
                "thesis_loss": loss,
            },
            partial(train_as_in_thesis, dataset, n_components, max_iter),
            f"as in the thesis: {dataset}, {n_components} units",
        )
        for (dataset, n_components), (max_iter, loss) in THESIS.items()
        if not smoke
    ]


def table(rows: list[Row], entry: str, digits: int = 2, of: Callable[..., float] = mean) -> str:
    """Return an entry for each candidate and data set: the mean over the seeds, or another statistic."""
    names = list(dict.fromkeys(row["dataset"] for row in rows))

    def cell(candidate: str, dataset: str) -> str:
        values = [
            row.get(entry) for row in rows if (row["candidate"], row["dataset"]) == (candidate, dataset)
        ]
        known = [value for value in values if value is not None]
        return f"{of(known):.{digits}f}" if known else ""

    lines = [(candidate, *(cell(candidate, name) for name in names)) for candidate in CANDIDATES]
    return markdown_table(("candidate", *names), lines)


def tables_of_docs(results: Path) -> dict[str, str]:
    """Return the tables of ``docs/latent-space.md``, by name."""
    rows = list(read_rows(results / "collapse.jsonl").values())
    matrix = [row for row in rows if "candidate" in row and row["dataset"] != "frey-face"]
    as_in_thesis = [row for row in rows if "thesis_loss" in row]
    return {
        "active-units": table([row for row in rows if "candidate" in row], "active_units", 0, of=min),
        "accuracy-of-means": table(matrix, "accuracy_z_mean_all"),
        "losses-of-the-thesis": markdown_table(
            ("training", "thesis", "here", "active units"),
            [
                (
                    f"{row['dataset']}, {row['n_components']} units, {row['epochs']} epochs",
                    f"{row['thesis_loss']:.2f}",
                    f"{row['loss']:.2f}",
                    str(row["active_units"]),
                )
                for row in as_in_thesis
            ],
        ),
    }


def main() -> None:
    parser = options(__doc__, smoke="one data set, two epochs, one seed", out=RESULTS)
    arguments = parser.parse_args()
    path = arguments.out / "collapse.jsonl"
    as_in_thesis = collect_with_bar(thesis_tasks(arguments.smoke), path, "collapse")
    rows = collect_with_bar(tasks(arguments.smoke), path, "collapse")
    for entry in ("active_units", "accuracy_z_mean_all", "accuracy_hidden_all", "accuracy_z_mean_100"):
        print(f"\n{entry}\n\n{table(rows, entry)}")
    for row in as_in_thesis:
        print(f"{row['key']}: {row['loss']:.2f} nats, in the thesis {row['thesis_loss']}")


if __name__ == "__main__":
    main()
