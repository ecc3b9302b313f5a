"""What M2 has learned of style and class: new digits of each class, and one's own as another.

Trained on MNIST with 3000 labels, on the images as they are: of warped ones it would learn that slant and
width are no style. It has few latents, where the class finds no room beside the style. Writes
``pipelines/results/semi-supervised-digits.png``.

    python -m pipelines.experiments.semi_supervised_pictures [--smoke]
"""

import argparse
from pathlib import Path

from pipelines.experiments.publish import RESULTS
from pipelines.experiments.semi_supervised import m2_on_pixels
from vaefeat import AnalogyDisplay, SamplesDisplay, load_dataset, mask_labels

N_LABELED = 3000
N_COMPONENTS = 6
TRAINING = {"learning_rate": "cosine", "learning_rate_init": 2e-3, "max_iter": 8}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="500 images, one epoch")
    parser.add_argument("--out", type=Path, default=RESULTS / "semi-supervised-digits.png")
    arguments = parser.parse_args()
    dataset, n_labeled, training = load_dataset("mnist"), N_LABELED, TRAINING
    if arguments.smoke:
        dataset, n_labeled, training = dataset.head(500), 100, {"max_iter": 1}
    m2 = m2_on_pixels(verbose=1, **training).set_params(n_components=N_COMPONENTS)
    m2.fit(dataset.X, mask_labels(dataset.y, n_labeled, random_state=0))
    draw(m2, dataset, arguments.out)


def draw(m2, dataset, path: Path) -> None:
    """Draw samples and analogies side by side."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 5), layout="constrained")
    SamplesDisplay.from_estimator(m2, n_columns=10, random_state=0, ax=left)
    AnalogyDisplay.from_estimator(m2, dataset.X_test, dataset.y_test, ax=right)
    figure.savefig(path, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
