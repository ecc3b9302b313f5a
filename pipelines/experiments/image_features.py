"""Features of images that no label has shaped: how good can they be, and what makes them so.

Logistic regression on the latent means of ``vaefeat.recipes.image_encoder``, three seeds, and on the last
hidden layer of the same encoders; against raw pixels, PCA, a restricted Boltzmann machine, an untrained
encoder of equal shape and a plain VAE; and the ingredients of the recipe one after the other. The recipe
was chosen on the last 10 000 training images; the test set is read once for each row. Rows go to
``pipelines/results/mnist.jsonl`` and ``fashion-mnist.jsonl``; those that are there are not computed again.

    python -m pipelines.experiments.image_features [mnist | fashion-mnist] [--smoke]
"""

import argparse
from pathlib import Path

from rich.progress import Progress
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import BernoulliRBM
from sklearn.preprocessing import FunctionTransformer

from pipelines.experiments.progress import line_of
from pipelines.experiments.publish import EXPORTED, RESULTS, publish
from pipelines.experiments.thesis_mnist import logistic_regression, vae
from vaefeat import ImageWarp, compare, load_dataset
from vaefeat.data import Dataset
from vaefeat.recipes import image_encoder

N_LABELED = (100, 600, 3000, "all")
N_DRAWS = 20
SEEDS = (0, 1, 2)
# What makes no difference: how a hand wrote the digit; to clothes, which way they face and little more.
CORRUPTIONS = {
    "mnist": ImageWarp(),
    "fashion-mnist": ImageWarp(2, scale=0.1, shear=0, shift=0.05, elastic=0, thickness=0, flip=True),
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


def recipe(name: str, seed: int, **params):
    """Return the encoder that this experiment is about, unfitted."""
    settings = {"corruption": CORRUPTIONS[name], "random_state": seed, **SETTINGS[name], **params}
    return image_encoder((28, 28), **settings)


def controls(name: str, **params):
    """Return what the recipe is compared with."""
    return {
        "raw": FunctionTransformer(),
        "pca-50": PCA(50, random_state=0),
        "rbm-50": BernoulliRBM(50, random_state=0),
        "untrained-conv-50": recipe(name, 0, **params | {"max_iter": 0}),
        "vae-50": vae(50, params.get("max_iter", 50)),
    }


def ingredients(name: str, **params):
    """Return the plain VAE and what is added to it, one after the other, up to the recipe."""
    perceptron = {"filters": (), "hidden_layer_sizes": (500, 500)}
    return {
        "+ warps": recipe(name, 0, contrastive_weight=0.0, **perceptron | params),
        "+ convolutions": recipe(name, 0, contrastive_weight=0.0, **params),
    }


def run(dataset: Dataset, out: Path, exported: Path, *, n_labeled, n_draws, seeds, **params) -> None:
    """Compute the rows that are missing, the recipe's first; export the encoder of the first seed."""
    name = dataset.name
    with Progress() as bar:

        def compared(extractors):
            return compare(
                dataset,
                extractors=extractors,
                classifiers=CLASSIFIERS,
                n_labeled=n_labeled,
                n_draws=n_draws,
                out=out,
                progress=line_of(bar, ", ".join(extractors)),
            )

        for seed in seeds:
            means, hidden = f"recipe, seed {seed}", f"recipe, hidden layer, seed {seed}"
            encoder = recipe(name, seed, **params)
            comparison = compared({means: encoder})
            encoder = comparison.extractors.get(means, encoder)  # unfitted if all its rows were there
            if seed == seeds[0] and means in comparison.extractors:
                folder = exported / f"{name}-image-vae-50"
                publish(encoder, comparison, means, dataset, folder, DESCRIPTION.format(name=name))
            frozen = {hidden: FrozenEstimator(encoder.set_params(output="hidden"))}
            try:
                compared(frozen)
            except NotFittedError:
                encoder.fit(dataset.X)
                compared(frozen)
        compared(controls(name, **params))
        compared(ingredients(name, **params))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?", choices=list(CORRUPTIONS), default="mnist")
    parser.add_argument("--smoke", action="store_true", help="500 images, one epoch, one draw")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--exported", type=Path, default=EXPORTED)
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.dataset)
    out = arguments.out or RESULTS / f"{arguments.dataset}.jsonl"
    settings = {"n_labeled": N_LABELED, "n_draws": N_DRAWS, "seeds": SEEDS}
    if arguments.smoke:
        dataset = dataset.head(500)
        settings = {"n_labeled": (100,), "n_draws": 1, "seeds": (0,), "max_iter": 1}
    run(dataset, out, arguments.exported, **settings)


if __name__ == "__main__":
    main()
