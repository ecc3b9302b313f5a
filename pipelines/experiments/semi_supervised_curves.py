"""How M2 and M1+M2 learn MNIST, epoch by epoch, as in figures 5.3 and 5.4 of the 2019 thesis.

The bound is that of -log p(x) per sample, and the cross-entropy that of the labeled samples. Errors are
counted on training images without labels; the test set is not used. Rows are written to
``pipelines/results/semi-supervised-curves.jsonl``, known rows are not measured again, and all of them are
drawn in ``semi-supervised-curves.png``.

    python -m pipelines.experiments.semi_supervised_curves [--smoke]
"""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from pipelines.experiments.command import RESULTS, collect_with_bar, load, options, save_figure
from pipelines.experiments.semi_supervised import encoder, m2_on_latents, m2_on_warped_pixels
from vaefeat import mask_labels
from vaefeat.comparison import Row, Task
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
    """Records, for each epoch, the percentage of samples that q(y|x) misclassifies."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        super().__init__()
        self.X, self.y = X, y
        self.errors: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        predicted = np.argmax(self.model.classifier(self.X), axis=1)
        self.errors.append(100 * float(np.mean(predicted != self.y)))


def learn(name: str, dataset: Dataset, n_labeled: int, **params: Any) -> Row:
    """Train a model, and return its curves: one value per epoch."""
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


def task(name: str, dataset: Dataset, n_labeled: int, **params: Any) -> Task:
    """Return the task of training a model."""
    key = f"{name}, {n_labeled} labels, {len(dataset.X)} images"
    config = {"key": key, "model": name, "n_labeled": n_labeled, "data": dataset.sha256}
    return Task(config, partial(learn, name, dataset, n_labeled, **params), key)


def plot(rows: list[Row], path: Path) -> None:
    """Draw the curves: one row of axes per model."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots(len(MODELS), len(PANELS))
    for model, row_of_axes in zip(MODELS, axes, strict=True):
        titles = {quantity: f"{model}: {title}" for quantity, title in PANELS.items()}
        draw_curves([row for row in rows if row["model"] == model], row_of_axes, titles)
    axes[0, -1].legend(frameon=False)
    save_figure(figure, path, dpi=120)


def draw_curves(rows: list[Row], axes: np.ndarray, titles: dict[str, str], max_error: float = 10) -> None:
    """Draw one quantity on each of the axes, with one line per row, which is that of a number of labels."""
    for (quantity, title), ax in zip(titles.items(), axes, strict=True):
        for row, style, color in zip(rows, ("-", "--", ":"), COLORS, strict=False):
            epochs = np.arange(1, len(row[quantity]) + 1)
            ax.plot(epochs, row[quantity], style, color=color, label=f"{row['n_labeled']:,} labels")
        ax.set(title=title, xlabel="epoch")
        ax.title.set_fontsize("medium")
        if "error" in quantity:
            ax.set_ylim(0, max_error)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)


def main() -> None:
    out = RESULTS / "semi-supervised-curves.jsonl"
    arguments = options(__doc__, smoke="500 images, one epoch", out=out).parse_args()
    dataset = load("mnist", arguments.smoke)
    n_labeled, params = ((100,), {"max_iter": 1}) if arguments.smoke else (N_LABELED, {})
    tasks = [task(name, dataset, n, **params) for n in n_labeled for name in MODELS]
    rows = collect_with_bar(tasks, arguments.out, "curves")
    plot(rows, arguments.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
