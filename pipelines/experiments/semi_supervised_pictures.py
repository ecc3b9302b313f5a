"""What M2 learns about style and class: new digits of each class, and analogies.

M2 is trained on MNIST with 3000 labels, on the original images: warped ones would teach it that slant and
width are not part of the style. It has few latent units, so that they hold little of the class. Writes
``pipelines/results/semi-supervised-digits.png``.

    python -m pipelines.experiments.semi_supervised_pictures [--smoke]
"""

from pathlib import Path

from matplotlib.figure import Figure

from pipelines.experiments.command import RESULTS, load, options, save_figure
from pipelines.experiments.semi_supervised import m2_on_pixels
from vaefeat import AnalogyDisplay, M2Classifier, SamplesDisplay, mask_labels
from vaefeat.data import Dataset

N_LABELED = 3000
N_COMPONENTS = 6
TRAINING = {"learning_rate": "cosine", "learning_rate_init": 2e-3, "max_iter": 8}


def main() -> None:
    out = RESULTS / "semi-supervised-digits.png"
    arguments = options(__doc__, smoke="500 images, one epoch", out=out).parse_args()
    dataset = load("mnist", arguments.smoke)
    n_labeled, training = (100, {"max_iter": 1}) if arguments.smoke else (N_LABELED, TRAINING)
    m2 = m2_on_pixels(verbose=1, **training).set_params(n_components=N_COMPONENTS)
    m2.fit(dataset.X, mask_labels(dataset.y, n_labeled, random_state=0))
    draw(m2, dataset, arguments.out)


def draw(m2: M2Classifier, dataset: Dataset, path: Path) -> None:
    """Draw samples and analogies side by side."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    SamplesDisplay.from_estimator(m2, n_columns=10, random_state=0, ax=left)
    AnalogyDisplay.from_estimator(m2, dataset.X_test, dataset.y_test, ax=right)
    save_figure(figure, path, dpi=120)


if __name__ == "__main__":
    main()
