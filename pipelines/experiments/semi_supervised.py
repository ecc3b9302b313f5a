"""How far do a hundred labels go? M1, M2 and M1+M2 on MNIST, on the table of the 2019 thesis.

M1 is an encoder that was trained without labels, with a classifier behind it: the VAE of the theses, or
the recipe for images, both as they are in ``exported/``. M1+M2 puts M2 there, and M2 alone sees the
pixels: of warped images, as the recipe for images does, or of images as they are. Beside them, on the
same features and labels, logistic regression, a perceptron, self-training and label spreading. The
settings are the same for all numbers of labels. Rows go to ``pipelines/results/semi-supervised.jsonl``;
those that are there are not computed again.

    python -m pipelines.experiments.semi_supervised [--only NAME] [--smoke]
"""

import argparse
from pathlib import Path

from rich.progress import Progress
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from pipelines.experiments.progress import line_of
from pipelines.experiments.publish import EXPORTED, RESULTS
from pipelines.experiments.thesis_mnist import logistic_regression
from vaefeat import ImageWarp, M2Classifier, OnnxEncoderTransformer, compare, load_dataset
from vaefeat.recipes import make_m1_m2_pipeline

N_LABELED = (100, 600, 3000, 1000)  # those of the thesis first
N_DRAWS = 5
SUPERVISED = {
    "LogisticRegression": logistic_regression(),
    "MLPClassifier": MLPClassifier(max_iter=500, random_state=0),
}
PEERS = {
    "SelfTrainingClassifier": SelfTrainingClassifier(LogisticRegression(max_iter=5_000), threshold=0.95),
    "LabelSpreading": LabelSpreading("knn"),
}


def encoder(name: str) -> OnnxEncoderTransformer:
    """Return M1, trained: an encoder that this repository ships, by a path that is the same in all rows."""
    return OnnxEncoderTransformer(str((EXPORTED / name / "model.onnx").relative_to(EXPORTED.parent)))


def m2_on_latents(**params):
    """Return what stands behind M1 in M1+M2."""
    return make_m1_m2_pipeline(FunctionTransformer(), random_state=0, **params)[1:]


def m2_on_pixels(**params) -> M2Classifier:
    """Return M2 alone, with the paper's network."""
    settings = {"likelihood": "bernoulli", "batch_size": 200, "random_state": 0}
    return M2Classifier(50, **settings | params)


def m2_on_warped_pixels(**params) -> M2Classifier:
    """Return M2 alone, which sees warped images and owes the clean ones."""
    warps = {"corruption": ImageWarp(), "image_shape": (28, 28)}
    training = {"learning_rate": "cosine", "learning_rate_init": 2e-3, "max_iter": 10}
    return m2_on_pixels(**warps | training | params)


def grids(**params):
    """Yield a name, features, classifiers and semi-supervised ones; those that matter most come first."""
    images = {"image vae": encoder("mnist-image-vae-50")}
    thesis = {"vae-50": encoder("mnist-vae-50")}
    raw = {"raw": FunctionTransformer()}
    yield "m1+m2", images, {}, {"M2": m2_on_latents(**params)}
    yield "m1", images | thesis, SUPERVISED, {}
    yield "m2", raw, {}, {"M2, warps": m2_on_warped_pixels(**params)}
    yield "m1+m2-thesis", thesis, {}, {"M2": m2_on_latents(**{"max_iter": 100} | params)}
    yield "raw", raw, SUPERVISED, {}
    yield "peers", images | thesis | raw, {}, PEERS
    yield "m2-thesis", raw, {}, {"M2": m2_on_pixels(**{"max_iter": 60} | params)}


def run(dataset, out: Path, *, only: str | None = None, n_labeled, n_draws: int, **params) -> None:
    """Compute the rows that are missing."""
    with Progress() as bar:
        for name, extractors, classifiers, semi_supervised in grids(**params):
            if only not in (None, name):
                continue
            compare(
                dataset,
                extractors=extractors,
                classifiers=classifiers,
                semi_supervised=semi_supervised,
                n_labeled=n_labeled,
                n_draws=n_draws,
                out=out,
                progress=line_of(bar, name),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=[name for name, *_ in grids()], help="a part of the table")
    parser.add_argument("--smoke", action="store_true", help="500 images, one epoch, one draw")
    parser.add_argument("--out", type=Path, default=RESULTS / "semi-supervised.jsonl")
    arguments = parser.parse_args()
    dataset = load_dataset("mnist")
    settings = {"n_labeled": N_LABELED, "n_draws": N_DRAWS}
    if arguments.smoke:
        dataset = dataset.head(500)
        settings = {"n_labeled": (100,), "n_draws": 1, "max_iter": 1}
    run(dataset, arguments.out, only=arguments.only, **settings)


if __name__ == "__main__":
    main()
