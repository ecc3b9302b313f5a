"""How far does one label per class go? Labels that spread over a graph of all images.

The features are the hidden layer of an ``image_encoder`` from ``exported/``, trained on the training images
without labels. In a *union*, that of a ``photo_encoder`` stands beside it; *longer* are four times as many
steps, and *two* or *three* of these encoders, of which the seeds differ, stand side by side; *fine-tuned*,
one of them learns on from the labeled images, and stands beside the three. *Inductive*: the graph holds the
training images alone, a network learns the classes that these get, and is tested on images that nothing has
seen. *Transductive*: the graph holds the test images, too, without labels, and their classes are read from
it. Of the digits that scikit-learn brings, the encoder has seen three quarters. "Equal shares" tells the
classifier that all classes are about of one size; it knows of no other label. The settings were chosen on
training images (see docs/few-labels.md).

Rows are written to ``pipelines/results/one-label.jsonl``; known rows are not measured again.

    python -m pipelines.experiments.one_label [--only DATASET] [--cost [USE ...]] [--smoke]
"""

import math
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import Normalizer

from pipelines.experiments.command import EXPORTED, RESULTS, collect_with_bar, kept, load, options
from pipelines.experiments.fine_tuning import fine_tune
from pipelines.experiments.image_features import (
    CORRUPTIONS,
    KEPT,
    N_LONG,
    long_encoder,
    long_encoders,
    union,
)
from vaefeat import GraphClassifier, OnnxEncoderTransformer, OnnxModel, export_onnx, mask_labels
from vaefeat.comparison import Row, Task, markdown_table
from vaefeat.data import UNLABELED, Dataset
from vaefeat.recipes import image_encoder

ENCODERS = {
    "digits": "digits-image-vae",
    "mnist": "mnist-image-vae-50",
    "fashion-mnist": "fashion-mnist-image-vae-50",
}
# data set: numbers of labels, and draws of each
DRAWS = {
    "digits": {10: 10},
    "mnist": {10: 10, 100: 10, 3000: 3},
    "fashion-mnist": {100: 3},
}
FINE_TUNED = "fine-tuned"  # features for so many labels that equal shares do not help
N_FEW = 3  # draws of the fewest labels of what is measured beside
SETS_OF_PRIORS = (
    *("digits, 10 labels", "mnist, 10", "mnist, 100", "uneven mnist, 10", "uneven mnist, 100"),
    *("fashion-mnist, 10", "fashion-mnist, 100"),
)
ON_THE_WAY = ("graph_before", "error", "graph_after")  # of trials
N_AT_A_TIME = 2  # encoders that are trained, one for each core
N_COPIES = 17  # of 60 000 images: a million samples
NOISE = 0.3  # by which copies differ, relative to the standard deviation of a feature


def classifier(dataset: Dataset, method: str, equal_shares: bool, memory: str | None) -> GraphClassifier:
    """Return the classifier behind the encoder."""
    n_classes = len(np.unique(dataset.y))
    prior = np.full(n_classes, 1 / n_classes).tolist() if equal_shares else None
    return GraphClassifier(method, class_prior=prior, memory=memory, random_state=0)


def encoder(dataset: Dataset) -> OnnxEncoderTransformer:
    """Return the frozen encoder of a data set, which gives its hidden layer."""
    path = EXPORTED / ENCODERS[dataset.name] / "model.onnx"
    return OnnxEncoderTransformer(path, output="hidden")


def both(dataset: Dataset, encoder: Any, path: Path) -> FrozenEstimator:
    """Return an encoder and, beside it, a ``photo_encoder`` that is fitted once; both are kept in a file."""
    return FrozenEstimator(kept(path, lambda: union(dataset, encoder).fit(dataset.X)))


def fine_tuned(dataset: Dataset, y: np.ndarray) -> FeatureUnion:
    """Return an encoder that has learned on from the labeled images, and beside it the three before it.

    Features of each have one length in each image; those of the first count as much as the others together.
    """
    model = long_encoder(dataset, KEPT).estimator.encoder_.to_bytes()
    labeled = y != UNLABELED
    corruption = CORRUPTIONS[dataset.name]
    tuned_model = fine_tune(model, dataset.X[labeled], y[labeled], dataset.image_shape, corruption)
    tuned = OnnxEncoderTransformer(tuned_model, output="hidden")
    three = long_encoders(dataset, KEPT)
    return FeatureUnion(
        [("tuned", make_pipeline(tuned, Normalizer())), ("three", three)],
        transformer_weights={"tuned": math.sqrt(len(three.transformer_list))},
    )


FEATURES: dict[str, Callable[[Dataset, np.ndarray, str], Any]] = {
    "image": lambda dataset, y, folder: encoder(dataset),
    "union": lambda dataset, y, folder: both(dataset, encoder(dataset), Path(folder) / "union.joblib"),
    "union, longer": lambda dataset, y, folder: both(
        dataset, long_encoder(dataset, KEPT), Path(folder) / "long-union.joblib"
    ),
    "longer": lambda dataset, y, folder: long_encoder(dataset, KEPT),
    "longer, two": lambda dataset, y, folder: long_encoders(dataset, KEPT, 2),
    "longer, three": lambda dataset, y, folder: long_encoders(dataset, KEPT),
    FINE_TUNED: lambda dataset, y, folder: fine_tuned(dataset, y),
}
# data set: other features, and the numbers of labels that they are measured with
TRIED = {
    "digits": {"union": (10,)},
    "mnist": {
        "longer": (10, 100, 3000),
        "longer, two": (10,),
        "longer, three": (10, 100, 3000),
        FINE_TUNED: (3000,),
    },
    "fashion-mnist": {"union": (100,), "union, longer": (100,)},
}


def inductive(dataset: Dataset, y: np.ndarray, features: str, last_step: GraphClassifier) -> Row:
    """Return the test error of a network that learned from the graph of training images, in %."""
    pipe = make_pipeline(FEATURES[features](dataset, y, last_step.memory), last_step).fit(dataset.X, y)
    return {
        "error": _percent(pipe.predict(dataset.X_test) != dataset.y_test),
        "error_of_graph": _percent((last_step.transduction_ != dataset.y)[y == -1]),
    }


def transductive(dataset: Dataset, y: np.ndarray, features: str, last_step: GraphClassifier) -> Row:
    """Return the error that the graph of training and test images makes on the latter, in %."""
    X = np.concatenate([dataset.X, dataset.X_test])
    unlabeled = np.full(len(dataset.X_test), -1)
    last_step.set_params(n_steps=1)  # the network is not asked
    pipe = make_pipeline(FEATURES[features](dataset, y, last_step.memory), last_step)
    pipe.fit(X, np.concatenate([y, unlabeled]))
    return {"error": _percent(last_step.transduction_[len(y) :] != dataset.y_test)}


USES = {"inductive": inductive, "transductive": transductive}


def measure(
    dataset: Dataset,
    memory: str,
    use: str,
    n_labeled: int,
    draw: int,
    method: str,
    equal_shares: bool,
    features: str = "image",
) -> Row:
    """Return the errors of one draw of the labels."""
    y = mask_labels(dataset.y, n_labeled, random_state=draw)
    return USES[use](dataset, y, features, classifier(dataset, method, equal_shares, memory))


def graph_cost(dataset: Dataset) -> Row:
    """Return what the graph of all images costs, with labels that spread over it, and no network."""
    X = encoder(dataset).fit_transform(np.concatenate([dataset.X, dataset.X_test]))
    y = np.concatenate([mask_labels(dataset.y, 10, random_state=0), np.full(len(dataset.X_test), -1)])
    graph = classifier(dataset, "poisson", True, None).set_params(n_steps=1)
    return {"shape": X.shape} | _cost(lambda: graph.fit(X, y))


def large_graph_cost(dataset: Dataset) -> Row:
    """Return what a graph of many samples costs: the means of the images, many times over, with noise."""
    means = encoder(dataset).set_params(output="z_mean").fit_transform(dataset.X)
    noise = np.random.default_rng(0).standard_normal((N_COPIES * len(means), means.shape[1]), np.float32)
    X = np.tile(means, (N_COPIES, 1)) + NOISE * means.std(axis=0) * noise
    y = np.full(len(X), -1)
    y[: len(means)] = mask_labels(dataset.y, 10, random_state=0)
    del noise
    graph = classifier(dataset, "poisson", True, None).set_params(n_steps=1)
    measured = _cost(lambda: graph.fit(X, y))
    wrong = (graph.transduction_ != np.tile(dataset.y, N_COPIES))[y == -1]
    return {"shape": X.shape, "error_of_graph": _percent(wrong)} | measured


def whole_cost(dataset: Dataset) -> Row:
    """Return what all costs that 10 labels need: two encoders that are trained, a graph, and the network.

    The encoders are trained at the same time, each in a process of its own, whose memory is not counted.
    """
    y = mask_labels(dataset.y, 10, random_state=0)
    encoders = [
        image_encoder(dataset.image_shape, output="hidden", n_steps=N_LONG, random_state=seed)
        for seed in range(N_AT_A_TIME)
    ]
    features = make_union(*(make_pipeline(encoder, Normalizer()) for encoder in encoders), n_jobs=N_AT_A_TIME)
    pipe = make_pipeline(features, classifier(dataset, "poisson", True, None))
    measured = _cost(lambda: pipe.fit(dataset.X, y))
    error = _percent(pipe.predict(dataset.X_test) != dataset.y_test)
    return {"shape": dataset.X.shape, "error": error, "n_encoders": N_AT_A_TIME, "n_steps": N_LONG} | measured


def parity(dataset: Dataset) -> Row:
    """Return how far the file of encoder and classifier differs from the Pipeline on the test images."""
    y = mask_labels(dataset.y, 10, random_state=0)
    pipe = make_pipeline(encoder(dataset), classifier(dataset, "poisson", True, None)).fit(dataset.X, y)
    with TemporaryDirectory() as folder:
        path = export_onnx(pipe, Path(folder) / "model.onnx", X=dataset.X[:1_000])
        outputs, size = OnnxModel.load(path).run(dataset.X_test), path.stat().st_size
    return {
        "n_rows": len(dataset.X_test),
        "n_other_labels": int(np.sum(outputs["label"] != pipe.predict(dataset.X_test))),
        "largest_deviation": float(
            np.abs(outputs["probabilities"] - pipe.predict_proba(dataset.X_test)).max()
        ),
        "bytes": size,
    }


COSTS = {"cost": graph_cost, "parity": parity, "large": large_graph_cost, "whole": whole_cost}


def _percent(wrong: np.ndarray) -> float:
    return 100 * float(np.mean(wrong))


def _cost(work: Callable[[], Any]) -> Row:
    """Return the time that ``work`` takes, on the clock and on all processors together, and the memory."""
    before, clock, processors = _peak_mb(), time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": time.perf_counter() - clock,
        "cpu_seconds": time.process_time() - processors,
        "peak_mb": _peak_mb(),
        "peak_mb_before": before,
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def settings(draws: dict[int, int], tried: dict[str, tuple[int, ...]]) -> Iterator[dict[str, Any]]:
    """Yield what is measured on a data set, the most important first."""
    best = {"use": "inductive", "method": "poisson", "equal_shares": True}
    fewest = min(draws)
    yield from _draws(best, draws)
    few = draws | {fewest: min(draws[fewest], N_FEW)}
    yield from _draws(best | {"equal_shares": False}, few)
    yield from _draws(best | {"use": "transductive"}, {fewest: N_FEW})
    yield from _draws(best | {"method": "spreading"}, {fewest: N_FEW})
    for features, numbers in tried.items():
        for equal_shares, n_draws in ((True, draws), (False, few)):
            if equal_shares and features == FINE_TUNED:
                continue
            measured = {n: n_draws[n] for n in numbers if n in n_draws}
            yield from _draws(best | {"features": features, "equal_shares": equal_shares}, measured)


def _draws(setting: dict[str, Any], draws: dict[int, int]) -> Iterator[dict[str, Any]]:
    for n_labeled, n_draws in draws.items():
        yield from (setting | {"n_labeled": n_labeled, "draw": draw} for draw in range(n_draws))


def tasks(dataset: Dataset, draws: dict[int, int], memory: str) -> list[Task]:
    """Return the tasks of a data set."""
    described = []
    for setting in settings(draws, TRIED[dataset.name]):
        values = [setting[name] for name in ("use", "n_labeled", "method", "equal_shares", "draw")]
        values += [setting["features"]] if "features" in setting else []
        key = ", ".join([dataset.name, str(len(dataset.X)), *map(str, values)])
        config = {"key": key, "dataset": dataset.name, "data": dataset.sha256, **setting}
        described.append(Task(config, partial(measure, dataset, memory, **setting), key))
    return described


def tasks_of_use(dataset: Dataset, uses: Iterable[str]) -> list[Task]:
    """Return the tasks of measuring what a use costs, best in a process of its own, or its file."""
    return [
        Task(
            {"key": f"{dataset.name}, {len(dataset.X)}, {use}", "dataset": dataset.name, "use": use},
            partial(COSTS[use], dataset),
            use,
        )
        for use in uses
    ]


def table(rows: list[Row]) -> str:
    """Return the mean errors in %, by data set, number of labels and way to use the graph."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        if row["use"] not in USES:
            continue
        groups.setdefault((row["dataset"], row["n_labeled"], _way(row)), []).append(row)
    cells = [
        (dataset, str(n), way, str(len(group)), _spread(group, "error"), _spread(group, "error_of_graph"))
        for (dataset, n, way), group in sorted(groups.items())
    ]
    return markdown_table(("data", "labels", "", "draws", "test error", "graph, unlabeled"), cells)


def tables_of_trials(rows: list[Row]) -> dict[str, str]:
    """Return the errors in % on unlabeled training images by which features and networks were chosen."""
    of_graphs = [
        (row["dataset"], row["graph_of"], *map(_or_blank, row["errors"].values()))
        for row in rows
        if "graph_of" in row
    ]
    of_networks = [
        (row["network"], str(row["n_labeled"]), *(_or_blank(row[name]) for name in ON_THE_WAY))
        for row in rows
        if "network" in row
    ]
    of_priors = [(row["prior"], *map(_or_blank, row["errors"].values())) for row in rows if "prior" in row]
    heading = ("data", "features of the graph", "10 labels", "100 labels", "3000 labels")
    networks = ("what a network of warped pixels learns", "labels", "graph before", "network", "graph after")
    return {
        "prior-trials": markdown_table(("prior", *SETS_OF_PRIORS), of_priors),
        "graph-trials": markdown_table(heading, of_graphs),
        "network-trials": markdown_table(networks, of_networks),
    }


def sentence(rows: list[Row]) -> str:
    """Return the error of what is best on MNIST with one label per class, in one sentence."""
    best = {
        "dataset": "mnist",
        "n_labeled": 10,
        "use": "inductive",
        "method": "poisson",
        "equal_shares": True,
    }
    found = [row for row in rows if best.items() <= row.items()]
    shorter, longer, three = (
        [row for row in found if row.get("features") == features]
        for features in (None, "longer", "longer, three")
    )
    return (
        f"With one label per class of MNIST, it misclassifies **{_spread(shorter, 'error')} %** of the test "
        f"images ({len(shorter)} draws of\nthe labels; the encoder has seen the training images without "
        "labels, and the classifier is told that the classes are\nabout equally large); "
        f"**{_spread(longer, 'error')} %** if the encoder is trained for 8 000 steps in place of 2 000, and "
        f"**{_spread(three, 'error')} %**\nwith three such encoders side by side."
    )


def _way(row: Row) -> str:
    method = {"poisson": "Poisson learning", "spreading": "label spreading"}[row["method"]]
    shares = ", equal shares" if row["equal_shares"] else ""
    features = f", {row['features']}" if "features" in row else ""
    return f"{row['use']}, {method}{shares}{features}"


def _or_blank(error: float | None) -> str:
    return "" if error is None else f"{error:.2f}"


def _spread(rows: list[Row], name: str) -> str:
    """Return mean and standard deviation; nothing if the rows do not have the entry."""
    values = [row[name] for row in rows if name in row]
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""


def main() -> None:
    parser = options(__doc__, smoke="500 images, few draws", out=RESULTS / "one-label.jsonl")
    parser.add_argument("--only", choices=ENCODERS, help="a data set")
    parser.add_argument(
        "--cost", nargs="*", choices=COSTS, help="time and memory, or a file, alone; all by default"
    )
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else ENCODERS:
        dataset, draws = load(name, arguments.smoke), {10: 2} if arguments.smoke else DRAWS[name]
        with TemporaryDirectory() as memory:
            if arguments.cost is None:
                todo = tasks(dataset, draws, memory)
            else:
                todo = tasks_of_use(dataset, arguments.cost or COSTS)
            collect_with_bar(todo, arguments.out, name)


if __name__ == "__main__":
    main()
