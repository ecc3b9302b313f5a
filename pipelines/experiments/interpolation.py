"""What the KL term is for: points between the codes of two samples decode to plausible samples.

The latent space of a plain autoencoder may have holes, which the prior of a VAE penalizes. Both are
trained with the same architecture and the same reconstruction error. The midpoints between the codes of
test samples of different classes are decoded, shown to a classifier trained on real samples, and compared
with the nearest real sample. Writes ``pipelines/results/interpolation.jsonl`` and ``interpolation.png``.

    python -m pipelines.experiments.interpolation [--smoke]
"""

import warnings
from functools import cache, partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier

from pipelines.experiments.command import RESULTS, collect_with_bar, options, save_figure
from vaefeat import AutoencoderTransformer, InterpolationDisplay, VAEEncoderTransformer, load_dataset
from vaefeat.comparison import Row, Task, markdown_table, read_rows
from vaefeat.data import Dataset

SETTINGS: dict[str, tuple[type, dict]] = {
    "VAE": (VAEEncoderTransformer, {"likelihood": "bernoulli"}),
    "plain autoencoder": (AutoencoderTransformer, {"loss": "log_loss"}),
}
CONFIDENT = 0.9  # probability of the likeliest class from which a classifier counts as sure
N_PAIRS = 1_000
N_SEEDS = 5
N_PATHS = 8


def fitted(name: str, seed: int, dataset: Dataset, max_iter: int) -> Any:
    """Return the VAE or the autoencoder, fitted."""
    kind, settings = SETTINGS[name]
    estimator = kind(10, image_shape=dataset.image_shape, max_iter=max_iter, random_state=seed, **settings)
    return estimator.fit(dataset.X)


def fitted_classifier(dataset: Dataset, max_iter: int) -> MLPClassifier:
    """Return a perceptron trained on real samples; it need not have converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier((200,), max_iter=max_iter, random_state=0).fit(dataset.X, dataset.y)


def pairs(y: np.ndarray, n_pairs: int, seed: int) -> np.ndarray:
    """Return the indices of pairs of samples of different classes, (2, n_pairs)."""
    drawn = np.random.default_rng(seed).integers(len(y), size=(2, 4 * n_pairs))
    return drawn[:, y[drawn[0]] != y[drawn[1]]][:, :n_pairs]


def config(name: str, seed: int, dataset: Dataset, max_iter: int) -> Row:
    """Return what identifies a row."""
    return {
        "key": f"{dataset.name}-{len(dataset.X)}-{max_iter}-{name}-{seed}",
        "dataset": dataset.name,
        "dataset_sha256": dataset.sha256,
        "name": name,
        "seed": seed,
    }


def measure(autoencoder: Any, seed: int, dataset: Dataset, classifier: Any, neighbors: Any) -> Row:
    """Return how midpoints decode, and for comparison how test samples are reconstructed."""
    start, end = (autoencoder.transform(dataset.X_test[i]) for i in pairs(dataset.y_test, N_PAIRS, seed))
    decoded = {
        "midpoints": autoencoder.inverse_transform((start + end) / 2),
        "reconstructions": autoencoder.inverse_transform(start),
    }
    return {
        "params": " ".join(repr(autoencoder).split()),
        **{f"confident_{what}": _confident(classifier, X) for what, X in decoded.items()},
        **{f"distance_{what}": _distance(neighbors, X) for what, X in decoded.items()},
    }


def _confident(classifier: MLPClassifier, X: np.ndarray) -> float:
    """Return the fraction of samples of which the classifier is sure."""
    return float(np.mean(classifier.predict_proba(X).max(axis=1) >= CONFIDENT))


def _distance(neighbors: NearestNeighbors, X: np.ndarray) -> float:
    """Return the mean distance to the nearest real sample, as a root mean square over the pixels."""
    distances, _ = neighbors.kneighbors(X, n_neighbors=1)
    return float(distances.mean() / np.sqrt(X.shape[1]))


def table(rows: list[Row]) -> str:
    """Return the table of means and standard deviations over the seeds."""
    models = {name: [row for row in rows if row["name"] == name] for name in SETTINGS}
    return markdown_table(
        ("halfway between two classes", "a classifier is sure", "distance to the nearest real sample"),
        [
            (
                name,
                f"{_spread([100 * row['confident_midpoints'] for row in each], 1)} %",
                _spread([row["distance_midpoints"] for row in each], 3),
            )
            for name, each in models.items()
        ],
    )


def _spread(values: list[float], digits: int) -> str:
    deviation = stdev(values) if len(values) > 1 else 0.0
    return f"{mean(values):.{digits}f} ± {deviation:.{digits}f}"


def draw(dataset: Dataset, models: dict[str, Any], path: Path) -> None:
    """Draw the same paths through both latent spaces side by side."""
    start, end = pairs(dataset.y_test, N_PATHS, seed=0)
    figure = Figure(figsize=(11.5, 4.6), layout="constrained")
    figure.suptitle("Paths between two test samples, decoded", fontsize=11)
    for ax, (name, autoencoder) in zip(figure.subplots(1, len(models)), models.items(), strict=True):
        ends = dataset.X_test[start], dataset.X_test[end]
        InterpolationDisplay.from_estimator(autoencoder, *ends, title=name, ax=ax)
    save_figure(figure, path, dpi=80)


def main() -> None:
    parser = options(__doc__, smoke="300 samples, two epochs, two seeds", out=RESULTS)
    parser.add_argument("--data", default="digits", help="digits, or mnist: its first 10 000 images")
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.data).head(300 if arguments.smoke else 10_000)
    max_iter = 2 if arguments.smoke else max(20, 200_000 // len(dataset.X))
    classifier = fitted_classifier(dataset, max_iter=5 if arguments.smoke else 100)
    neighbors = NearestNeighbors().fit(dataset.X)
    path = arguments.out / "interpolation.jsonl"
    fit = cache(partial(fitted, dataset=dataset, max_iter=max_iter))
    tasks = [
        Task(
            config(name, seed, dataset, max_iter),
            lambda name=name, seed=seed: measure(fit(name, seed), seed, dataset, classifier, neighbors),
            f"{name}, seed {seed}",
        )
        for seed in range(2 if arguments.smoke else N_SEEDS)
        for name in SETTINGS
    ]
    collect_with_bar(tasks, path, "interpolation")
    draw(dataset, {name: fit(name, 0) for name in SETTINGS}, arguments.out / "interpolation.png")
    print(table([row for row in read_rows(path).values() if row["dataset"] == dataset.name]))


if __name__ == "__main__":
    main()
