"""What VAEs with convolutional decoders make of faces and of color, and photographs by number of labels.

Two VAEs learn, one the faces of Olivetti, one a part of CIFAR-10; the images shown are not among those that
they learned from. Writes ``pipelines/results/photos-DATASET.png``, and ``photos.png``, the label-efficiency
plots of the rows of :mod:`pipelines.experiments.photos`.

    python -m pipelines.experiments.photo_pictures [--only DATASET] [--smoke]
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from pipelines.experiments import photos
from pipelines.experiments.command import RESULTS, load, options, save_figure
from vaefeat import (
    InterpolationDisplay,
    LabelEfficiencyDisplay,
    ReconstructionDisplay,
    SamplesDisplay,
    VAEEncoderTransformer,
)
from vaefeat.comparison import Comparison, read_rows

N_COLUMNS = 9


class Setting(NamedTuple):
    """How many images are learned from, and how."""

    n_images: int
    n_components: int
    n_steps: int
    batch_size: int


SETTINGS = {"olivetti": Setting(390, 64, 800, 50), "cifar-10": Setting(10_000, 128, 1_000, 100)}


def train(name: str, smoke: bool) -> tuple[VAEEncoderTransformer, np.ndarray]:
    """Return a VAE of a data set, and images that it has not seen."""
    setting = SETTINGS[name]
    dataset = load(name, smoke)
    X = np.random.default_rng(0).permutation(dataset.X)
    n_images = min(setting.n_images, len(X) - N_COLUMNS)
    vae = VAEEncoderTransformer(
        setting.n_components,
        hidden_layer_sizes=(256,),
        filters=(16, 32, 64),
        decoder="convolutional",
        image_shape=dataset.image_shape,
        batch_size=setting.batch_size,
        learning_rate="cosine",
        learning_rate_init=2e-3,
        max_iter=1 if smoke else "auto",
        n_steps=setting.n_steps,
        random_state=0,
        verbose=1,
    ).fit(X[:n_images])
    return vae, X[n_images : n_images + N_COLUMNS]


def draw(vae: VAEEncoderTransformer, unseen: np.ndarray, path: Path) -> None:
    """Draw reconstructions, paths between two images, and samples."""
    figure = Figure(figsize=(9, 9), layout="constrained")
    top, middle, bottom = figure.subplots(3, height_ratios=(2, 4, 3))
    ReconstructionDisplay.from_estimator(vae, unseen, n_samples=N_COLUMNS, ax=top)
    InterpolationDisplay.from_estimator(
        vae, unseen[:4], unseen[4:8], n_steps=N_COLUMNS, title="From one image to another", ax=middle
    )
    SamplesDisplay.from_estimator(vae, n_rows=3, n_columns=N_COLUMNS, random_state=0, ax=bottom)
    save_figure(figure, path, dpi=110, bbox_inches="tight")  # names of rows stand outside


def draw_label_efficiency(comparison: Comparison, path: Path) -> None:
    """Draw the accuracy by the number of labels, for each data set."""
    names = [name for name in photos.LABELS if any(row["dataset"] == name for row in comparison.rows)]
    figure = Figure(figsize=(5 * len(names), 4.5), layout="constrained")
    for name, ax in zip(names, figure.subplots(1, len(names), squeeze=False)[0], strict=True):
        rows = [row for row in comparison.rows if row["dataset"] == name]
        LabelEfficiencyDisplay.from_comparison(Comparison(rows), ax=ax)
        ax.set_title(name)
    save_figure(figure, path, dpi=110)


def main() -> None:
    parser = options(__doc__, smoke="few images, one epoch", out=RESULTS)
    parser.add_argument("--only", choices=SETTINGS, help="a data set")
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else SETTINGS:
        draw(*train(name, arguments.smoke), arguments.out / f"photos-{name}.png")
    rows = list(read_rows(RESULTS / "photos.jsonl").values())
    draw_label_efficiency(Comparison(rows), arguments.out / "photos.png")


if __name__ == "__main__":
    main()
