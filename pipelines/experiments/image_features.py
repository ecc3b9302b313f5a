"""Image features learned without labels: how good are they, and which ingredients matter.

Compares logistic regression on the latent means of ``vaefeat.recipes.image_encoder`` (three seeds) and on
the last hidden layer of the same encoders with raw pixels, PCA, a restricted Boltzmann machine, an
untrained encoder of the same architecture and a plain VAE, and adds the ingredients of the recipe one by
one. The recipe was chosen on the last 10 000 training images; the test set is read once per row. Rows are
written to ``pipelines/results/mnist.jsonl`` and ``fashion-mnist.jsonl``; known rows are not measured again.

    python -m pipelines.experiments.image_features [mnist | fashion-mnist] [--smoke]
"""

from pathlib import Path
from typing import Any

from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import BernoulliRBM
from sklearn.preprocessing import FunctionTransformer

from pipelines.experiments.command import EXPORTED, RESULTS, compare_with_bar, load, options
from pipelines.experiments.publish import publish
from pipelines.experiments.thesis_mnist import logistic_regression, vae
from vaefeat import ImageWarp, VAEEncoderTransformer
from vaefeat.comparison import N_LABELED, Comparison
from vaefeat.data import Dataset
from vaefeat.recipes import image_encoder

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


def run(
    dataset: Dataset, out: Path, exported: Path, *, seeds: tuple, params: dict | None = None, **settings: Any
) -> None:
    """Measure the rows that are missing, the recipe's first; export the encoder of the first seed."""
    params = params or {}

    def compared(extractors: dict[str, Any]) -> Comparison:
        return compare_with_bar(
            dataset, dataset.name, extractors=extractors, classifiers=CLASSIFIERS, out=out, **settings
        )

    for seed in seeds:
        means, hidden = f"recipe, seed {seed}", f"recipe, hidden layer, seed {seed}"
        encoder = recipe(dataset.name, seed, **params)
        comparison = compared({means: encoder})
        encoder = comparison.extractors.get(means, encoder)  # unfitted if all its rows were known
        if seed == seeds[0] and means in comparison.extractors:
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


def main() -> None:
    parser = options(__doc__, smoke="500 images, one epoch, one draw", exported=EXPORTED)
    parser.add_argument("dataset", nargs="?", choices=list(CORRUPTIONS), default="mnist")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    dataset = load(arguments.dataset, arguments.smoke)
    out = arguments.out or RESULTS / f"{arguments.dataset}.jsonl"
    settings: dict[str, Any] = {"n_labeled": N_LABELED, "n_draws": N_DRAWS, "seeds": SEEDS}
    if arguments.smoke:
        settings = {"n_labeled": (100,), "n_draws": 1, "seeds": (0,), "params": {"max_iter": 1}}
    run(dataset, out, arguments.exported, **settings)


if __name__ == "__main__":
    main()
