"""How M2 and M1+M2 learn MNIST, over the epochs, as in figures 5.3 and 5.4 of the 2019 thesis.

The bound is that of -log p(x) of a sample, the cross-entropy that of the labelled ones. Errors are those
of training images whose labels were not given; the test set is not looked at. Rows go to
``pipelines/results/semi-supervised-curves.jsonl``, those that are there are not computed again, and
from all of them ``semi-supervised-curves.png`` is drawn.

    python -m pipelines.experiments.semi_supervised_curves [--smoke]
"""

import argparse
from functools import partial
from pathlib import Path

import keras
import numpy as np
from rich.progress import Progress
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from pipelines.experiments.progress import line_of
from pipelines.experiments.publish import RESULTS
from pipelines.experiments.semi_supervised import encoder, m2_on_latents, m2_on_warped_pixels
from vaefeat import load_dataset, mask_labels
from vaefeat.comparison import Row, Task, collect_rows
from vaefeat.data import UNLABELED, Dataset

N_LABELED = (100, 600, 3000)
N_WATCHED = 10_000  # images whose errors are counted
MODELS = {
    "M2": (FunctionTransformer, m2_on_warped_pixels),
    "M1+M2": (lambda: encoder("mnist-image-vae-50"), m2_on_latents),
}
COLORS = "#0072B2", "#D55E00", "#000000"  # Okabe & Ito
PANELS = {
    "bound": "bound, nats",
    "cross_entropy": "cross-entropy, nats",
    "error": "errors, %",
}


class ErrorCurve(keras.callbacks.Callback):
    """Keeps, for each epoch, the share of samples that q(y|x) tells wrongly, in %."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        super().__init__()
        self.X, self.y = X, y
        self.errors: list[float] = []

    def on_epoch_end(self, epoch, logs=None):
        predicted = np.argmax(self.model.classifier(self.X), axis=1)
        self.errors.append(100 * float(np.mean(predicted != self.y)))


def learn(name: str, dataset: Dataset, n_labeled: int, **params) -> Row:
    """Train a model, and return its curves: a value each epoch."""
    make_features, make_model = MODELS[name]
    model = make_model(**params)
    *scalers, m2 = model if isinstance(model, Pipeline) else [model]
    X, y = dataset.X, mask_labels(dataset.y, n_labeled, random_state=0)
    for step in [make_features(), *scalers]:
        X = step.fit_transform(X)
    watched = np.flatnonzero(y == UNLABELED)[:N_WATCHED]
    curve = ErrorCurve(X[watched], dataset.y[watched])
    m2.set_params(callbacks=[curve]).fit(X, y)
    return {name: m2.history_[name] for name in ("bound", "cross_entropy")} | {"error": curve.errors}


def task(name: str, dataset: Dataset, n_labeled: int, **params) -> Task:
    """Return what trains a model, and makes a row of its curves."""
    key = f"{name}, {n_labeled} labels, {len(dataset.X)} images"
    config = {"key": key, "model": name, "n_labeled": n_labeled, "data": dataset.sha256}
    return Task(config, partial(learn, name, dataset, n_labeled, **params), key)


def plot(rows: list[Row], path: Path) -> None:
    """Draw the curves: a row of axes for each model, a line for each number of labels."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(MODELS), len(PANELS), figsize=(10, 5), layout="constrained")
    for (model, quantity), ax in zip(
        ((model, quantity) for model in MODELS for quantity in PANELS), axes.flat, strict=True
    ):
        shown = [row for row in rows if row["model"] == model]
        for row, style, color in zip(shown, ("-", "--", ":"), COLORS, strict=False):
            epochs = np.arange(1, len(row[quantity]) + 1)
            ax.plot(epochs, row[quantity], style, color=color, label=f"{row['n_labeled']:,} labels")
        ax.set(title=f"{model}: {PANELS[quantity]}", xlabel="epoch")
        ax.title.set_fontsize("medium")
        if quantity == "error":
            ax.set_ylim(0, 10)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0, -1].legend(frameon=False)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="500 images, one epoch")
    parser.add_argument("--out", type=Path, default=RESULTS / "semi-supervised-curves.jsonl")
    arguments = parser.parse_args()
    dataset, n_labeled, params = load_dataset("mnist"), N_LABELED, {}
    if arguments.smoke:
        dataset, n_labeled, params = dataset.head(500), (100,), {"max_iter": 1}
    tasks = [task(name, dataset, n, **params) for n in n_labeled for name in MODELS]
    with Progress() as bar:
        rows = collect_rows(tasks, arguments.out, line_of(bar, "curves"))
    plot(rows, arguments.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
