"""Counterparts of figures 21 to 30 and 33 to 38 of the 2018 thesis, each with the number of the thesis.

Figures 31 and 32 are drawings of networks. Figures 33 and 38 are widgets in the thesis; here they are
pictures of the widgets at some of their positions.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from vaefeat import (
    LatentSpaceDisplay,
    LossCurveDisplay,
    ManifoldDisplay,
    ReconstructionDisplay,
    SamplesDisplay,
)
from vaefeat.plotting import ImageGridDisplay

DPI = 90
N_GRAYS = 31
N_POINTS = 2_000
N_LABELED = 10_000
SHOWN = (0, 2, 4, 6, 8)  # digits whose classification is drawn
LOSS, TERMS = "negative ELBO", ("reconstruction", "KL divergence")
NAMES = {"mnist": "MNIST", "frey-face": "Frey Face"}


def draw_figures(thesis, folder: Path) -> None:
    """Write all figures as ``folder/figure-NUMBER.png``."""
    import matplotlib

    matplotlib.use("agg")
    folder.mkdir(parents=True, exist_ok=True)
    for number, figure in _figures(thesis).items():
        save(figure(), folder / f"figure-{number}.png")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; one without color gets few gray levels, which saves two thirds of the bytes."""
    png = BytesIO()
    figure.savefig(png, format="png", dpi=DPI)
    picture = Image.open(png).convert("RGB")
    is_gray = not np.ptp(np.asarray(picture), axis=2).any()
    if is_gray:
        picture = picture.convert("L").point(lambda v: round(round(v / 255 * N_GRAYS) / N_GRAYS * 255))
    picture.save(path, optimize=True)


def _figures(thesis) -> dict[int, Callable[[], Figure]]:
    """Return a function that draws each figure, by its number in the thesis."""
    figures: dict[int, Callable[[], Figure]] = {
        33: lambda: classifiers(thesis),
        34: lambda: samples(thesis),
        35: lambda: mnist_latent_space(thesis),
        36: lambda: frey_face_latent_space(thesis),
        37: lambda: manifolds(thesis),
        38: lambda: sliders(thesis),
    }
    for experiment in thesis.experiments():
        if experiment.thesis_figures:
            loss, over_training = experiment.thesis_figures
            figures[loss] = lambda each=experiment: loss_curves(thesis, each)
            figures[over_training] = lambda each=experiment: reconstructions(thesis, each)
    return dict(sorted(figures.items()))


def new_figure(number: int | str, what: str, width: float, height: float) -> Figure:
    """Return an empty figure with its title."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(f"Figure {number}. {what}", fontsize=11)
    return figure


def _what(experiment) -> str:
    return f"{NAMES[experiment.dataset]}, {experiment.n_components} units"


def _with_gaussian(thesis, experiment) -> list:
    """Return the experiment, and the same with a Gaussian likelihood, if there is one."""
    gaussian = f"{experiment.name}-gaussian"
    return [experiment, *(each for each in thesis.experiments() if each.name == gaussian)]


def loss_curves(thesis, experiment) -> Figure:
    """Draw the loss over the epochs with the final loss of the thesis, and its two terms."""
    experiments = _with_gaussian(thesis, experiment)
    loss = thesis.fitted(experiment).loss_curve_[-1]
    what = (
        f"{_what(experiment)}: loss {loss:.2f} nats after {experiment.max_iter:,} epochs; "
        f"the thesis: {experiment.thesis_loss:.2f}"
    )
    figure = new_figure(experiment.thesis_figures[0], what, 3.4 * (1 + len(experiments)) + 2, 3.6)
    axes = figure.subplots(1, 1 + len(experiments))
    for ax, each in zip(axes, experiments, strict=False):
        _draw_loss(ax, thesis, each)
    LossCurveDisplay.from_estimator(thesis.fitted(experiment), terms=TERMS, ax=axes[-1])
    axes[-1].set_title("its two terms" if len(experiments) == 1 else "two terms, Bernoulli")
    return figure


def _draw_loss(ax, thesis, experiment) -> None:
    vae = thesis.fitted(experiment)
    LossCurveDisplay.from_estimator(vae, terms=[LOSS], ax=ax)
    if experiment.thesis_loss:
        label = f"final loss of the thesis: {experiment.thesis_loss:.2f}"
        ax.axhline(experiment.thesis_loss, color="#D55E00", linestyle=":", label=label)
    curve = np.asarray(vae.loss_curve_)
    start = curve[min(len(curve) - 1, len(curve) // 50)]  # the first steps would hide everything that follows
    low = min(curve.min(), experiment.thesis_loss or curve.min())
    ax.set_ylim(low - 0.08 * (start - low) - 1e-3, start + 0.08 * (start - low) + 1e-3)
    ax.set_title(f"{experiment.likelihood.capitalize()} likelihood")
    ax.legend(frameon=False, loc="upper right", fontsize="small")


def reconstructions(thesis, experiment) -> Figure:
    """Draw some samples and their reconstructions over the epochs."""
    experiments = _with_gaussian(thesis, experiment)
    what = f"{_what(experiment)}: reconstructions by epoch"
    figure = new_figure(experiment.thesis_figures[1], what, 7.5, 4.2 * len(experiments) + 0.3)
    for ax, each in zip(np.atleast_1d(figure.subplots(len(experiments))), experiments, strict=True):
        (snapshots,) = thesis.fitted(each).callbacks
        shape = thesis.dataset(each.dataset).image_shape
        ReconstructionDisplay.from_snapshots(snapshots, image_shape=shape, ax=ax)
        ax.set_title(f"{each.likelihood.capitalize()} likelihood")
    return figure


def classifiers(thesis) -> Figure:
    """Draw the probabilities of some test digits, by logistic regression on pixels and on latent means."""
    dataset, features = thesis.dataset("mnist"), thesis.model("mnist-50")
    X, y = dataset.X[:N_LABELED], dataset.y[:N_LABELED]
    on_means = LogisticRegression(max_iter=1_000).fit(features.transform(X), y)
    classifiers = {
        "raw pixels": LogisticRegression(C=0.01, max_iter=1_000).fit(X, y),
        "VAE means, 50": make_pipeline(features, on_means),
    }
    accuracies = (
        f"{name}: {100 * classifier.score(dataset.X_test, dataset.y_test):.1f} %"
        for name, classifier in classifiers.items()
    )
    figure = new_figure(33, f"Logistic regression, accuracy on {'; on '.join(accuracies)}", 9.0, 4.6)
    axes = figure.subplots(3, len(SHOWN), height_ratios=[1.6, 1, 1])
    for column, label in zip(axes.T, SHOWN, strict=True):
        _draw_probabilities(column, dataset.X_test[dataset.y_test == label][0], classifiers)
    for ax, name in zip(axes[1:, 0], classifiers, strict=True):
        ax.set_ylabel(name)
    figure.supxlabel(
        f"probability of each digit; trained on {len(X):,} labels. "
        "The thesis: 92 % and 98 %, the latter of an encoder trained with the labels",
        fontsize=9,
    )
    return figure


def _draw_probabilities(column, x: np.ndarray, classifiers: dict) -> None:
    """Draw an image, and below it the probabilities of each classifier."""
    column[0].imshow(x.reshape(28, 28), cmap="gray")
    column[0].set_axis_off()
    for ax, classifier, color in zip(column[1:], classifiers.values(), ("#999999", "#0072B2"), strict=True):
        ax.bar(classifier.classes_, classifier.predict_proba(x[None])[0], color=color)
        ax.set(ylim=(0, 1), xticks=range(10), yticks=[0, 1])
        ax.spines[["top", "right"]].set_visible(False)


def samples(thesis) -> Figure:
    """Draw samples from priors of different dimensions."""
    figure = new_figure(34, "MNIST: samples from the prior, by the number of latent units", 9.0, 9.4)
    names = ("mnist-2", "mnist-10", "mnist-20-cosine", "mnist-50")
    for ax, name in zip(figure.subplots(2, 2).flat, names, strict=True):
        vae = thesis.model(name)
        SamplesDisplay.from_estimator(vae, n_rows=10, n_columns=10, random_state=0, ax=ax)
        n_active = int(vae.active_units_.sum())
        ax.set_title(f"{vae.n_components} units, {n_active} active; loss {vae.loss_curve_[-1]:.2f}")
    return figure


def mnist_latent_space(thesis) -> Figure:
    """Draw test digits at their latent means, in two and in three dimensions."""
    dataset = thesis.dataset("mnist")
    X, y = dataset.X_test[:N_POINTS], dataset.y_test[:N_POINTS]
    figure = new_figure(35, f"MNIST: latent means of {len(X):,} test images", 10.0, 4.8)
    left = figure.add_subplot(121)
    LatentSpaceDisplay.from_estimator(thesis.model("mnist-2"), X, y, ax=left)
    left.set_title("2 units")
    left.get_legend().remove()  # the other legend is the same
    right = figure.add_subplot(122, projection="3d")
    LatentSpaceDisplay.from_estimator(thesis.model("mnist-10"), X, y, n_dimensions=3, ax=right)
    right.set_title("the 3 most active of 10 units")
    return figure


def frey_face_latent_space(thesis) -> Figure:
    """Draw faces at their latent means, colored by their place in the film."""
    figure = new_figure(36, "Frey Face, 2 units: latent means, colored by frame number", 10.0, 4.4)
    X = thesis.dataset("frey-face").X
    names = {"frey-face-2": "Bernoulli likelihood", "frey-face-2-gaussian": "Gaussian likelihood"}
    for ax, (name, title) in zip(figure.subplots(1, 2), names.items(), strict=True):
        LatentSpaceDisplay.from_estimator(thesis.model(name), X, np.arange(len(X)), ax=ax)
        ax.set_title(title)
    return figure


def manifolds(thesis) -> Figure:
    """Draw maps of the two-dimensional latent spaces."""
    figure = new_figure(37, "Decoded grid over the quantiles of the prior, 2 units", 10.0, 5.8)
    mnist, frey_face = figure.subplots(1, 2)
    ManifoldDisplay.from_estimator(thesis.model("mnist-2"), n_steps=15, ax=mnist)
    mnist.set_title("MNIST")
    ManifoldDisplay.from_estimator(thesis.model("frey-face-2"), n_steps=9, ax=frey_face)
    frey_face.set_title("Frey Face")
    return figure


def sliders(thesis) -> Figure:
    """Draw decoded images as one of two units moves and the other stays at 0."""
    figure = new_figure(38, "Moving through the latent space of 2 units, one slider at a time", 9.5, 6.2)
    axes = figure.subplots(2, 2, width_ratios=[1, 2.4])
    values = np.linspace(-2, 2, 9, dtype=np.float32)
    for (map_ax, strip_ax), name in zip(axes, ("mnist-2", "frey-face-2"), strict=True):
        vae, dataset = thesis.model(name), thesis.dataset(name.rsplit("-", 1)[0])
        X, y = dataset.X[:N_POINTS], None if dataset.y is None else dataset.y[:N_POINTS]
        LatentSpaceDisplay.from_estimator(vae, X, y, ax=map_ax)
        map_ax.set_title(NAMES[dataset.name])
        if map_ax.get_legend():
            map_ax.get_legend().remove()
        _draw_strips(vae, values, dataset.image_shape, map_ax, strip_ax)
    return figure


def _draw_strips(vae, values: np.ndarray, image_shape: tuple[int, int], map_ax, strip_ax) -> None:
    zero = np.zeros_like(values)
    paths = [np.stack([values, zero], axis=1), np.stack([zero, values], axis=1)]
    for path in paths:
        map_ax.plot(*path.T, color="black", marker="o", markersize=4, markeredgecolor="white")
    images = np.stack([vae.inverse_transform(path) for path in paths])
    columns = [f"{value:+.1f}" for value in values]
    ImageGridDisplay(
        images,
        image_shape=image_shape,
        rows=["unit 0", "unit 1"],
        columns=columns,
        title="one unit moves, the other stays at 0",
    ).plot(strip_ax)
