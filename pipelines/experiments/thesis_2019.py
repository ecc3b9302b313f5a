"""The 2019 thesis on MNIST in its own setting: M1, M2 and M1+M2 that never see a warped image.

M1 is a plain VAE: 600-600 softplus, 50 units, Adam with 1e-3, pixels drawn as 0 or 1 anew for each epoch. M2
has 500 softplus units in each network, but 200 in q(y|x), a variance of q(z|x,y) that depends on x alone, and
weight decay. M1+M2 is M2 on the means of M1; a perceptron, self-training and label spreading learn from the
same means.

Rows are written to ``pipelines/results/thesis-2019.jsonl``, known rows are not measured again, and figures
5.1 to 5.4 are drawn. M1 is kept in ``--models``, and not trained again.

    python -m pipelines.experiments.thesis_2019 [--only MODEL] [--epochs MODEL=N ...] [--smoke]
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from pipelines.experiments.command import RESULTS, collect_with_bar, kept, load, options
from pipelines.experiments.semi_supervised import PEERS, SUPERVISED, m2_on_latents, m2_on_pixels
from pipelines.experiments.semi_supervised_curves import N_LABELED, N_WATCHED, ErrorCurve
from pipelines.experiments.thesis_2019_page import draw_figures
from vaefeat import Gaussian, ReconstructionSnapshots, VAEEncoderTransformer, mask_labels
from vaefeat.comparison import Row, Task
from vaefeat.comparison.grid import describe, hash_of
from vaefeat.data import UNLABELED, Dataset

KEPT = Path.home() / ".cache" / "vaefeat" / "thesis-2019"
MAX_ITER = {"M1": 200, "M2": 10, "M1+M2": 12}
M2_PARAMS = {
    "activation": "softplus",
    "classifier_hidden_layer_sizes": (200,),
    "posterior_variance": "x",
    # The thesis adds half of the squared weights to the loss of all N = 60 000 images: w / N to the gradient
    # for one, which Adam divides by the root mean square of a weight's gradients, here about 0.01.
    "weight_decay": 2e-3,
}
N_DRAWS = 1
N_SNAPSHOTS = 10  # images whose reconstruction is recorded
ON_MEANS = {
    "M1 + perceptron": SUPERVISED["MLPClassifier"],
    "M1 + self-training": PEERS["SelfTrainingClassifier"],
    "M1 + label spreading": PEERS["LabelSpreading"],
}
MODELS = ("M2", "M1+M2", *ON_MEANS)


@dataclass(frozen=True)
class Thesis:
    """The data, where M1 is kept, and how many epochs the models are trained for."""

    dataset: Dataset
    folder: Path
    max_iter: dict[str, int]

    def unfitted(self, model: str) -> BaseEstimator:
        """Return a model of the thesis."""
        if model == "M1":
            snapshots = ReconstructionSnapshots(self.dataset.X[:N_SNAPSHOTS], epochs=range(0, 201, 50))
            return VAEEncoderTransformer(
                hidden_layer_sizes=(600, 600),
                activation="softplus",
                likelihood="bernoulli",
                dynamic_binarization=True,
                batch_size=200,
                max_iter=self.max_iter["M1"],
                callbacks=[snapshots],
                random_state=0,
            )
        if model == "M2":
            return m2_on_pixels(
                **M2_PARAMS,
                dynamic_binarization=True,
                learning_rate="cosine",
                learning_rate_init=2e-3,
                max_iter=self.max_iter["M2"],
            )
        if model == "M1+M2":
            m2 = m2_on_latents(
                **M2_PARAMS,
                n_components=50,
                likelihood=Gaussian(variance=0.3),
                max_iter=self.max_iter["M1+M2"],
            )
            # Units that are nearly inactive would be scaled up to the others, and are noise.
            return m2.set_params(standardscaler="passthrough")
        return ON_MEANS[model]

    @cached_property
    def m1(self) -> VAEEncoderTransformer:
        """M1, trained if it is not kept yet."""
        m1 = self.unfitted("M1")
        path = self.folder / f"m1-{hash_of(self._config('M1'))}.joblib"
        return kept(path, lambda: m1.fit(self.dataset.X))

    def features(self, model: str) -> tuple[np.ndarray, np.ndarray]:
        """Return what a model sees of the training and of the test images."""
        X, X_test = self.dataset.X, self.dataset.X_test
        return (X, X_test) if model == "M2" else (self.m1.transform(X), self.m1.transform(X_test))

    def tasks(self, models: tuple[str, ...], n_labeled: tuple[int, ...], n_draws: int) -> Iterator[Task]:
        """Yield what is measured, the first draw of all models first."""
        if models != ("M2",):
            yield self._task("M1", partial(measure_m1, self))
        for draw in range(n_draws):
            for model in models:
                for n in n_labeled:
                    yield self._task(model, partial(measure, self, model, n, draw), n_labeled=n, draw=draw)

    def _task(self, model: str, measured: Callable[[], Row], **labels: int) -> Task:
        config = self._config(model) | labels
        description = ", ".join([model, *map(str, labels.values())])
        return Task({"key": hash_of(config)} | config, measured, description)

    def _config(self, model: str) -> Row:
        data = {"data": self.dataset.sha256, "n_train": len(self.dataset.X)}
        on = {} if model in ("M1", "M2") else {"m1_params": describe(self.unfitted("M1"))}
        return data | {"model": model, "model_params": describe(self.unfitted(model))} | on


def measure_m1(thesis: Thesis) -> Row:
    """Return the terms of the loss of M1, one value per epoch, and the mean ELBO of the test images."""
    m1 = thesis.m1
    terms = {name: [round(value, 3) for value in values] for name, values in m1.history_.items()}
    active = int(m1.active_units_.sum())
    return terms | {"active_units": active, "test_elbo": float(m1.score(thesis.dataset.X_test))}


def measure(thesis: Thesis, model: str, n_labeled: int, draw: int) -> Row:
    """Return the test error in %, and for M2 and M1+M2 its course."""
    y = mask_labels(thesis.dataset.y, n_labeled, random_state=draw)
    X, X_test = thesis.features(model)
    estimator = thesis.unfitted(model)
    if model in ("M2", "M1+M2"):
        return learn(estimator, thesis.dataset, X, X_test, y)
    if model == "M1 + perceptron":
        X, y = X[y != UNLABELED], y[y != UNLABELED]
    predicted = estimator.fit(X, y).predict(X_test)
    return {"error": 100 * float(np.mean(predicted != thesis.dataset.y_test))}


def learn(model: BaseEstimator, dataset: Dataset, X: np.ndarray, X_test: np.ndarray, y: np.ndarray) -> Row:
    """Train M2 behind the steps that prepare its features, and return its curves: one value per epoch."""
    if isinstance(model, Pipeline):
        X, X_test, model = model[:-1].fit_transform(X), model[:-1].transform(X_test), model[-1]
    watched = np.flatnonzero(y == UNLABELED)[:N_WATCHED]
    training, test = ErrorCurve(X[watched], dataset.y[watched]), ErrorCurve(X_test, dataset.y_test)
    model.set_params(callbacks=[training, test]).fit(X, y)
    return {
        "error": test.errors[-1],
        "training_errors": training.errors,
        "test_errors": test.errors,
        **{name: model.history_[name] for name in ("bound", "cross_entropy")},
    }


def epochs(text: str) -> tuple[str, int]:
    """Return a model and its number of epochs, as in "M2=20"."""
    model, n = text.split("=")
    if model not in MAX_ITER:
        raise ValueError(f"{model} is none of {', '.join(MAX_ITER)}.")
    return model, int(n)


def main() -> None:
    parser = options(__doc__, smoke="500 images, one epoch, 100 labels", out=RESULTS / "thesis-2019.jsonl")
    parser.add_argument("--only", choices=MODELS, help="a model")
    parser.add_argument("--models", type=Path, default=KEPT, help="where M1 is kept")
    parser.add_argument("--draws", type=int, default=N_DRAWS, help="of the labels")
    parser.add_argument("--epochs", type=epochs, nargs="+", default=[], metavar="MODEL=N")
    arguments = parser.parse_args()
    n_labeled, max_iter = N_LABELED, MAX_ITER
    if arguments.smoke:
        n_labeled, max_iter = (100,), dict.fromkeys(MAX_ITER, 1)
    thesis = Thesis(load("mnist", arguments.smoke), arguments.models, max_iter | dict(arguments.epochs))
    models = (arguments.only,) if arguments.only else MODELS
    tasks = list(thesis.tasks(models, n_labeled, arguments.draws))
    rows = collect_with_bar(tasks, arguments.out, "thesis of 2019")
    if not arguments.only:
        draw_figures(rows, *thesis.m1.callbacks, arguments.out.with_suffix(""))


if __name__ == "__main__":
    main()
