"""Two whole Pipelines trained on the same 100 labels of MNIST, for apps that show them side by side.

One classifies raw pixels, the other the latent means of a VAE that has seen all 60 000 images without
their labels. They are written to ``exported/mnist-100-labels-raw`` and ``exported/mnist-100-labels-vae``,
with their accuracy on the 10 000 test images in their cards, and the first two test images of each
class to ``exported/examples/samples.json``.

    python -m pipelines.experiments.few_labels [--smoke]
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from pipelines.experiments.command import EXPORTED, load, options
from vaefeat import VAEEncoderTransformer, export_onnx, mask_labels
from vaefeat.comparison import CS, with_folds
from vaefeat.data import UNLABELED, Dataset
from vaefeat.recipes import make_image_pipeline

N_LABELED = 100
N_SAMPLES_PER_CLASS = 2


def fit_on_few(features: Pipeline, dataset: Dataset) -> Pipeline:
    """Fit ``features`` to all samples without labels, and a classifier after it to the labeled ones."""
    labeled = mask_labels(dataset.y, N_LABELED, random_state=0) != UNLABELED
    y = dataset.y[labeled]
    features.fit(dataset.X)
    # By the log-loss: the apps show probabilities, not only labels.
    search = GridSearchCV(LogisticRegression(max_iter=5_000), {"C": CS}, scoring="neg_log_loss")
    search = with_folds(search, y).fit(features.transform(dataset.X[labeled]), y)
    return Pipeline([*features.steps, ("logisticregression", search.best_estimator_)])


def publish_pipeline(pipeline: Pipeline, dataset: Dataset, folder: Path, what: str) -> None:
    """Export a fitted Pipeline, with its accuracy on the test set in the card."""
    card = {
        "name": folder.name,
        "description": (
            f"Digits from 28x28 pixels in [0, 1], row by row, white on black: logistic regression on {what}, "
            f"trained on {N_LABELED} labels of MNIST."
        ),
        "data": {"name": dataset.name, "sha256": dataset.sha256},
        "metrics": {
            f"accuracy_on_{len(dataset.X_test)}_test_images": pipeline.score(dataset.X_test, dataset.y_test)
        },
    }
    has_features = any(isinstance(step, VAEEncoderTransformer) for step in pipeline)
    export_onnx(pipeline, folder / "model.onnx", X=dataset.X, card=card, with_features=has_features)


def write_samples(dataset: Dataset, path: Path) -> None:
    """Write the first test images of each class as pixels from 0 to 255."""
    chosen = [
        i
        for c in np.unique(dataset.y_test)
        for i in np.flatnonzero(dataset.y_test == c)[:N_SAMPLES_PER_CLASS]
    ]
    samples = [
        {"label": int(dataset.y_test[i]), "pixels": np.rint(dataset.X_test[i] * 255).astype(int).tolist()}
        for i in chosen
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(json.dumps(s, separators=(",", ":")) for s in samples) + "\n]\n")


def run(dataset: Dataset, exported: Path, **vae_params: Any) -> None:
    """Fit and export both Pipelines."""
    raw = make_pipeline(MinMaxScaler(clip=True))
    vae = make_image_pipeline((28, 28), random_state=0, **vae_params)[:-1]
    for name, what, features in (("raw", "raw pixels", raw), ("vae", "the latent means of a VAE", vae)):
        fitted = fit_on_few(features, dataset)
        publish_pipeline(fitted, dataset, exported / f"mnist-{N_LABELED}-labels-{name}", what)
    write_samples(dataset, exported / "examples" / "samples.json")


def main() -> None:
    arguments = options(__doc__, smoke="500 images, one epoch", exported=EXPORTED).parse_args()
    run(load("mnist", arguments.smoke), arguments.exported, **({"max_iter": 1} if arguments.smoke else {}))


if __name__ == "__main__":
    main()
