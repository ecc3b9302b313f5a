"""Features of photographs learned without labels: ``photo_encoder``, its ingredients, and controls.

Compares logistic regression on the hidden layer of ``vaefeat.recipes.photo_encoder`` and on its latent
means with raw pixels, principal components, and convolutional encoders as wide: untrained, trained by the
contrastive term alone, and as an autoencoder alone. The recipe was chosen on 5 000 training images of
CIFAR-10; test images are read once per row. The faces of Olivetti have no test images: each draw is tested
on the faces whose labels it leaves out, and encoders see all faces, without labels. Rows are written to
``pipelines/results/photos.jsonl``; known rows are not measured again.

    python -m pipelines.experiments.photos [--only DATASET] [--quick] [--smoke]
"""

import warnings
from pathlib import Path
from typing import Any

from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer

from pipelines.experiments.command import RESULTS, compare_with_bar, load, options
from vaefeat import PhotoViews, VAEEncoderTransformer
from vaefeat.comparison import ALL, Comparison, Row, markdown_table, read_rows
from vaefeat.data import Dataset
from vaefeat.recipes import image_encoder, photo_encoder

WIDTH = 512
# data set: numbers of labels, and draws of each
LABELS: dict[str, tuple[tuple[int | str, ...], int]] = {
    "cifar-10": ((1000, ALL), 5),
    "olivetti": ((40, 80, 120, 280), 10),
    "fashion-mnist": ((100, 1000, ALL), 5),
}
# Clothes are upright, in the middle, and of no color.
VIEWS = {"fashion-mnist": PhotoViews(smallest_crop=0.5)}
CS = (0.001, 0.01, 0.1, 1.0, 10.0)
ABOUT = """\
Accuracy in % of logistic regression, mean ± standard deviation over draws of the labels (equally many of each
class). Encoders see all training images without labels. For the faces of Olivetti, each draw is tested on the
faces whose labels it leaves out."""
NAMES = {
    "raw": "raw pixels",
    "pca": "PCA, at most 512",
    "untrained": "untrained convolutions, 512",
    "autoencoder": "convolutions trained as an autoencoder, 512",
    "contrastive": "convolutions trained by the contrastive term alone, 512",
    "patches": "responses to patches, principal components, 512",
    "photo_encoder": "**`photo_encoder`, hidden layer, 512**",
    "photo_encoder, means": "`photo_encoder`, 64 means",
}


def extractors(dataset: Dataset, quick: bool, **params: Any) -> dict[str, Any]:
    """Return what is compared, the cheapest first; ``quick`` leaves out what is trained.

    The hidden layer of ``photo_encoder`` is not trained, so that its row needs no training.
    """
    shape, views = dataset.image_shape, VIEWS.get(dataset.name, PhotoViews())
    fixed = {"max_iter": 0, "random_state": 0, **params}
    untrained = {
        "photo_encoder": photo_encoder(shape, corruption=views, **fixed),
        "raw": FunctionTransformer(),
        "pca": PCA(min(WIDTH, len(dataset.X) - 1), random_state=0),
        "patches": photo_encoder(shape, **fixed).set_params(corruption=None, contrastive_weight=0.0),
        "untrained": convolutions(dataset, max_iter=0),
    }
    if quick:
        return untrained
    steps = {"n_steps": 1} if params else {}
    trained = photo_encoder(shape, corruption=views, output="z_mean", random_state=0, **params | steps)
    return untrained | {
        "photo_encoder, means": trained,
        # So heavy that the other terms make no difference.
        "contrastive": convolutions(dataset, corruption=views, contrastive_weight=1e6, **steps),
        "autoencoder": convolutions(dataset, corruption=None, contrastive_weight=0.0, beta=0.0, **steps),
    }


def convolutions(dataset: Dataset, **params: Any) -> VAEEncoderTransformer:
    """Return an encoder of the same width with convolutions, whose features are its hidden layer."""
    return image_encoder(
        dataset.image_shape, 64, hidden_layer_sizes=(WIDTH,), output="hidden", random_state=0, **params
    )


def table(comparison: Comparison, dataset: str) -> str:
    """Return the mean accuracies in % on a data set, with the paired gain over raw pixels."""
    rows = [row for row in comparison.rows if row["dataset"] == dataset]
    cells = {(row["extractor"], row["n_labeled"]): row for row in Comparison(rows).summary()}
    counts = list(dict.fromkeys(n for _, n in cells))
    lines = [
        (name, *(_cell(cells.get((extractor, n))) for n in counts))
        for extractor, name in NAMES.items()
        if any((extractor, n) in cells for n in counts)
    ]
    return markdown_table((dataset, *(f"{n} labels" for n in counts)), lines)


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    text = f"{100 * row['accuracy_mean']:.1f}"
    return f"{text} ± {100 * row['accuracy_sd']:.1f}" if row["accuracy_sd"] else text  # of one draw, none


def trials_table(rows: list[Row]) -> str:
    """Return the validation accuracies in % by which the recipe was chosen."""
    cells = [(row["key"], f"{row['accuracy_1000']:.1f}", f"{row['accuracy_20000']:.1f}") for row in rows]
    return markdown_table(("hidden layer", "1000 labels", "20000 labels"), cells)


def tables_of_docs(results: Path = RESULTS) -> dict[str, str]:
    """Return the tables of ``docs/photos.md``, by name, from the rows in a folder."""
    comparison = Comparison(list(read_rows(results / "photos.jsonl").values()))
    measured = {row["dataset"] for row in comparison.rows}
    tables = [table(comparison, name) for name in LABELS if name in measured]
    return {
        "photos": "\n\n".join([ABOUT, *tables]) if tables else "Not measured yet.",
        "photo-trials": trials_table(list(read_rows(results / "photo-trials.jsonl").values())),
    }


def main() -> None:
    parser = options(__doc__, smoke="one draw, few patches, one step", out=RESULTS / "photos.jsonl")
    parser.add_argument("--only", choices=LABELS, help="a data set")
    parser.add_argument("--quick", action="store_true", help="leave out what is trained")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    search = GridSearchCV(LogisticRegression(max_iter=200), {"C": CS})
    for name in [arguments.only] if arguments.only else LABELS:
        dataset = load(name, arguments.smoke)
        n_labeled, n_draws = LABELS[name]
        params: dict[str, Any] = {}
        if arguments.smoke:
            n_labeled, n_draws, params = n_labeled[:1], 1, {"n_patches": 8}
        compare_with_bar(
            dataset,
            name,
            extractors=extractors(dataset, arguments.quick, **params),
            classifiers={"LogisticRegression": search},
            n_labeled=n_labeled,
            n_draws=n_draws,
            out=arguments.out,
        )


if __name__ == "__main__":
    main()
