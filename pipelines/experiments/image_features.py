"""Image features learned without labels: how good are they, and which ingredients matter.

Compares logistic regression on the latent means of ``vaefeat.recipes.image_encoder`` (three seeds) and on the
last hidden layer of the same encoders with raw pixels, PCA, a restricted Boltzmann machine, an untrained
encoder of the same architecture and a plain VAE. It adds the ingredients of the recipe one by one, leaves the
VAE out of it, puts the hidden layer of a ``photo_encoder`` beside its own, trains it longer, puts three of
these side by side, and lets a logistic regression learn from warped copies of the labeled images, without any
encoder. The recipe was chosen on the last 10 000 training images; the test set is read once per row. Rows are
written to ``pipelines/results/mnist.jsonl`` and ``fashion-mnist.jsonl``; known rows are not measured again.

    python -m pipelines.experiments.image_features [mnist | fashion-mnist] [--smoke]
"""

from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import tensorflow as tf
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, Normalizer

from pipelines.experiments.command import EXPORTED, RESULTS, compare_with_bar, kept, load, options
from pipelines.experiments.publish import publish
from pipelines.experiments.semi_supervised import encoder as trained_encoder
from pipelines.experiments.thesis_mnist import logistic_regression, vae
from vaefeat import ImageWarp, VAEEncoderTransformer
from vaefeat.comparison import N_LABELED, Comparison
from vaefeat.comparison.grid import describe, hash_of
from vaefeat.data import Dataset
from vaefeat.recipes import image_encoder, make_image_union

N_DRAWS = 20
SEEDS = (0, 1, 2)
# Variations that make no difference: handwriting for digits; for clothes, hardly more than mirroring.
CORRUPTIONS = {
    "mnist": ImageWarp(),
    "fashion-mnist": ImageWarp(rotation=2, scale=0.1, shear=0, shift=0.05, elastic=0, thickness=0, flip=True),
}
SETTINGS = {
    "mnist": {},
    "fashion-mnist": {
        "hidden_layer_sizes": (512,),
        "beta": 0.05,
        "contrastive_weight": 30.0,
        "temperature": 0.5,
    },
}
CLASSIFIERS = {"LogisticRegression": logistic_regression()}
KEPT = Path.home() / ".cache" / "vaefeat" / "image-features"
N_LONG = 8_000  # steps
CONTRAST_ALONE = 1e6  # a weight beside which the bound, of hundreds of nats, is nothing
N_COPIED = 6_000  # images: so many warped copies of few, and one of each of many
DESCRIPTION = (
    "50 latent means of a convolutional VAE trained on randomly warped images of {name}, without labels. "
    "Input: 28x28 pixels in [0, 1], row by row."
)


def recipe(name: str, seed: int, **params: Any) -> VAEEncoderTransformer:
    """Return the unfitted encoder that this experiment is about."""
    settings = {"corruption": CORRUPTIONS[name], "random_state": seed, **SETTINGS[name], **params}
    return image_encoder((28, 28), **settings)


def controls(name: str, **params: Any) -> dict[str, Any]:
    """Return the extractors that the recipe is compared with."""
    return {
        "raw": FunctionTransformer(),
        "pca-50": PCA(50, random_state=0),
        "rbm-50": BernoulliRBM(50, random_state=0),
        "untrained-conv-50": recipe(name, 0, **params | {"max_iter": 0}),
        "vae-50": vae(50, params.get("max_iter", 50)),
    }


def ingredients(name: str, **params: Any) -> dict[str, Any]:
    """Return the encoders between the plain VAE and the recipe, each with one more ingredient."""
    perceptron = {"filters": (), "hidden_layer_sizes": (500, 500)}
    return {
        "+ warps": recipe(name, 0, contrastive_weight=0.0, **perceptron | params),
        "+ convolutions": recipe(name, 0, contrastive_weight=0.0, **params),
    }


def encoders(name: str, seeds: tuple, **params: Any) -> dict[tuple[str, ...], VAEEncoderTransformer]:
    """Return the encoders whose hidden layer is measured, too: the recipe's, and one without its VAE."""
    recipes = {("recipe", f"seed {seed}"): recipe(name, seed, **params) for seed in seeds}
    return recipes | {
        ("contrast alone",): recipe(name, 0, contrastive_weight=CONTRAST_ALONE, **params),
    }


def union(dataset: Dataset, encoder: Any) -> FeatureUnion:
    """Return ``make_image_union`` with an encoder of drawings that is fitted already."""
    both = make_image_union(dataset.image_shape, corruption=CORRUPTIONS.get(dataset.name), random_state=0)
    return both.set_params(image__vaeencodertransformer=encoder)


def long_encoder(dataset: Dataset, folder: Path, seed: int = 0, **params: Any) -> FrozenEstimator:
    """Return the hidden layer of the recipe after four times as many steps; kept in a folder once trained."""
    encoder = recipe(dataset.name, seed, **{"n_steps": N_LONG, "output": "hidden"} | params)
    name = hash_of({"data": dataset.sha256, "n_train": len(dataset.X), "params": describe(encoder)})
    return FrozenEstimator(kept(folder / f"{name}.joblib", lambda: encoder.fit(dataset.X)))


def long_encoders(
    dataset: Dataset, folder: Path, n_encoders: int = len(SEEDS), **params: Any
) -> FeatureUnion:
    """Return the hidden layers of encoders that differ in their seeds alone, side by side."""
    encoders = (long_encoder(dataset, folder, seed, **params) for seed in SEEDS[:n_encoders])
    return make_union(*(make_pipeline(encoder, Normalizer()) for encoder in encoders))


class WarpedCopies(ClassifierMixin, BaseEstimator):
    """A logistic regression that learns from images and warped copies of them: invariance without an encoder.

    Parameters
    ----------
    corruption : ImageWarp
        The variations that the encoder learns to ignore.
    """

    def __init__(self, corruption: ImageWarp) -> None:
        self.corruption = corruption

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Learn from pixels in [0, 1], (n_samples, 784), and classes, (n_samples,)."""
        n_copies = max(1, N_COPIED // len(X))
        warp = tf.function(partial(self.corruption, image_shape=(28, 28)), autograph=False)  # traced once
        copies = [warp(tf.constant(X), tf.constant([0, i])) for i in range(n_copies)]
        self.classifier_ = LogisticRegression(C=0.1, max_iter=200)
        self.classifier_.fit(np.concatenate([X, *copies]), np.tile(y, 1 + n_copies))
        self.classes_ = self.classifier_.classes_
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the class of each image."""
        return self.classifier_.predict(X)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class for each image."""
        return self.classifier_.predict_proba(X)


def run(
    dataset: Dataset,
    out: Path,
    exported: Path,
    models: Path,
    *,
    seeds: tuple,
    params: dict | None = None,
    **settings: Any,
) -> None:
    """Measure the rows that are missing, the recipe's first; export the encoder of the first seed."""
    params = params or {}

    def compared(extractors: dict[str, Any], classifiers: dict[str, Any] = CLASSIFIERS) -> Comparison:
        return compare_with_bar(
            dataset, dataset.name, extractors=extractors, classifiers=classifiers, out=out, **settings
        )

    for (first, *others), encoder in encoders(dataset.name, seeds, **params).items():
        means, hidden = ", ".join([first, *others]), ", ".join([first, "hidden layer", *others])
        comparison = compared({means: encoder})
        encoder = comparison.extractors.get(means, encoder)  # unfitted if all its rows were known
        if means == f"recipe, seed {seeds[0]}" and means in comparison.extractors:
            folder = exported / f"{dataset.name}-image-vae-50"
            description = DESCRIPTION.format(name=dataset.name)
            publish(encoder, comparison, means, dataset, folder, description)
        frozen = {hidden: FrozenEstimator(encoder.set_params(output="hidden"))}
        try:
            compared(frozen)
        except NotFittedError:
            encoder.fit(dataset.X)
            compared(frozen)
    compared(controls(dataset.name, **params))
    compared(ingredients(dataset.name, **params))
    compared({"longer": long_encoder(dataset, models, **params)})
    compared({"longer, three": long_encoders(dataset, models, **params)})
    compared({"raw": FunctionTransformer()}, {"warped copies": WarpedCopies(CORRUPTIONS[dataset.name])})
    frozen_encoder = trained_encoder(f"{dataset.name}-image-vae-50").set_params(output="hidden")
    compared({"union": union(dataset, frozen_encoder)})


def main() -> None:
    parser = options(__doc__, smoke="500 images, one epoch, one draw", exported=EXPORTED)
    parser.add_argument("dataset", nargs="?", choices=list(CORRUPTIONS), default="mnist")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--models", type=Path, default=KEPT, help="where long trainings are kept")
    arguments = parser.parse_args()
    dataset = load(arguments.dataset, arguments.smoke)
    out = arguments.out or RESULTS / f"{arguments.dataset}.jsonl"
    settings: dict[str, Any] = {"n_labeled": N_LABELED, "n_draws": N_DRAWS, "seeds": SEEDS}
    if arguments.smoke:
        settings = {"n_labeled": (100,), "n_draws": 1, "seeds": (0,), "params": {"max_iter": 1}}
    run(dataset, out, arguments.exported, arguments.models, **settings)


if __name__ == "__main__":
    main()
