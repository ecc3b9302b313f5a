"""How far do a hundred labels go? M1, M2 and M1+M2 on MNIST, as in the table of the 2019 thesis.

M1 is an encoder trained without labels, followed by a classifier. The encoders are the VAE of the theses
and ``image_encoder``, both from ``exported/``. In M1+M2 the classifier is M2. M2 alone learns from pixels:
of warped images, as ``image_encoder`` does, or of the original ones. For comparison, logistic regression,
a perceptron, self-training and label spreading learn from the same features and labels. The settings are
the same for all numbers of labels. Rows are written to ``pipelines/results/semi-supervised.jsonl``; known
rows are not measured again.

    python -m pipelines.experiments.semi_supervised [--only NAME] [--smoke]
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from pipelines.experiments.command import EXPORTED, RESULTS, compare_with_bar, load, options
from pipelines.experiments.thesis_mnist import logistic_regression
from vaefeat import ImageWarp, M2Classifier, OnnxEncoderTransformer
from vaefeat.data import Dataset
from vaefeat.recipes import make_m1_m2_pipeline

N_LABELED = (100, 600, 3000, 1000)  # first those of the thesis
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
    """Return a trained encoder from this repository, by a path that is the same on every machine."""
    return OnnxEncoderTransformer(str((EXPORTED / name / "model.onnx").relative_to(EXPORTED.parent)))


def m2_on_latents(**params: Any) -> Pipeline:
    """Return the steps that follow M1 in M1+M2."""
    return make_m1_m2_pipeline(FunctionTransformer(), random_state=0, **params)[1:]


def m2_on_pixels(**params: Any) -> M2Classifier:
    """Return M2 alone, with the network of the paper."""
    settings = {"likelihood": "bernoulli", "batch_size": 200, "random_state": 0}
    return M2Classifier(50, **settings | params)


def m2_on_warped_pixels(**params: Any) -> M2Classifier:
    """Return M2 alone, which sees warped images; its target is the original ones."""
    warps = {"corruption": ImageWarp(), "image_shape": (28, 28)}
    training = {"learning_rate": "cosine", "learning_rate_init": 2e-3, "max_iter": 10}
    return m2_on_pixels(**warps | training | params)


def grids(**params: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield names of comparisons and their estimators, the most important first."""
    images = {"image vae": encoder("mnist-image-vae-50")}
    thesis = {"vae-50": encoder("mnist-vae-50")}
    raw = {"raw": FunctionTransformer()}
    yield "m1+m2", _semi_supervised(images, {"M2": m2_on_latents(**params)})
    yield "m1", {"extractors": images | thesis, "classifiers": SUPERVISED}
    yield "m2", _semi_supervised(raw, {"M2, warps": m2_on_warped_pixels(**params)})
    yield "m1+m2-thesis", _semi_supervised(thesis, {"M2": m2_on_latents(**{"max_iter": 100} | params)})
    yield "raw", {"extractors": raw, "classifiers": SUPERVISED}
    yield "peers", _semi_supervised(images | thesis | raw, PEERS)
    yield "m2-thesis", _semi_supervised(raw, {"M2": m2_on_pixels(**{"max_iter": 60} | params)})


def _semi_supervised(extractors: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    return {"extractors": extractors, "classifiers": {}, "semi_supervised": models}


def run(dataset: Dataset, out: Path, only: str | None, params: dict[str, Any], **settings: Any) -> None:
    """Measure the rows that are missing."""
    for name, estimators in grids(**params):
        if only in (None, name):
            compare_with_bar(dataset, name, out=out, **estimators, **settings)


def main() -> None:
    parser = options(__doc__, smoke="500 images, one epoch, one draw", out=RESULTS / "semi-supervised.jsonl")
    parser.add_argument("--only", choices=[name for name, _ in grids()], help="a part of the table")
    arguments = parser.parse_args()
    settings: dict[str, Any] = {"params": {}, "n_labeled": N_LABELED, "n_draws": N_DRAWS}
    if arguments.smoke:
        settings = {"params": {"max_iter": 1}, "n_labeled": (100,), "n_draws": 1}
    run(load("mnist", arguments.smoke), arguments.out, arguments.only, **settings)


if __name__ == "__main__":
    main()
