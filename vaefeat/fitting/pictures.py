"""The pictures of a report, as PNG."""

import io
from collections.abc import Callable
from typing import Any

from sklearn.pipeline import Pipeline

from vaefeat.fitting.run import Choice
from vaefeat.fitting.scores import RegressionScore

N_IMAGES = 10


def draw(choice: Choice) -> dict[str, bytes]:
    """Return the pictures by what they show.

    Those are the scores of the candidates; scores over the number of labels; quantities and their
    predictions; and images and their reconstructions.
    """
    score = choice.scores[choice.chosen]
    pictures = {
        "Score of each candidate": _picture(
            0.6 + 0.5 * len(choice.candidates), lambda axes: _draw_candidates(choice, axes)
        )
    }
    if len(choice.curves) > 1:
        pictures["Score by number of labels"] = _picture(3.5, lambda axes: _draw_curves(choice, axes))
    if isinstance(score, RegressionScore):
        pictures["Predictions"] = _picture(4.0, lambda axes: _draw_predictions(score, axes))
    encoder = _trained_encoder(choice.pipeline)
    if encoder is not None and choice.samples.image_shape is not None:
        pictures["Reconstructions"] = _picture(2.5, lambda axes: _draw_images(choice, encoder, axes))
    return pictures


def _picture(height: float, draw: Callable[[Any], Any]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, height), layout="constrained")
    draw(figure.subplots())
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120, metadata={"Software": None})
    return content.getvalue()


def _scale(choice: Choice) -> tuple[int, str]:
    """Return what values are multiplied by, and the name of the axis."""
    score = choice.scores[0]
    is_r2 = isinstance(score, RegressionScore)
    return (1, f"{score.metric} by cross-validation") if is_r2 else (100, f"{score.metric} (%)")


def _draw_candidates(choice: Choice, axes: Any) -> None:
    """Draw the scores of the candidates, with two standard errors."""
    scores = choice.scores[::-1]
    scale, label = _scale(choice)
    axes.barh(
        [candidate.name for candidate in choice.candidates][::-1],
        [scale * score.value for score in scores],
        xerr=[2 * scale * score.standard_error for score in scores],
        color=["C0" if i == choice.chosen else "0.7" for i in range(len(scores))][::-1],
    )
    axes.axvline(scale * scores[0].chance, color="0.3", linestyle=":", label="one answer for all")
    lowest = min(0.0, *(scale * (score.value - 2 * score.standard_error) for score in scores))
    axes.set(xlabel=label, xlim=(lowest, scale))
    axes.legend(loc="lower right")


def _trained_encoder(pipeline: Pipeline) -> int | None:
    """Return the position of an encoder whose decoder has been trained, too."""
    steps = enumerate(pipeline)
    return next((i for i, step in steps if hasattr(step, "reconstruct") and step.n_iter_), None)


def _draw_curves(choice: Choice, axes: Any) -> None:
    """Draw a line for each candidate over the number of labels."""
    scale, label = _scale(choice)
    for i, candidate in enumerate(choice.candidates):
        values = [scale * of_all[i] for of_all in choice.curves.values()]
        axes.plot(
            list(choice.curves),
            values,
            marker="o",
            label=candidate.name,
            linewidth=1.5 + (i == choice.chosen),
        )
    axes.set(xlabel="labeled rows", ylabel=label, xscale="log")
    axes.set_xticks(list(choice.curves), [f"{n:,}" for n in choice.curves])
    axes.set_xticks([], minor=True)
    axes.legend()


def _draw_predictions(score: RegressionScore, axes: Any) -> None:
    axes.scatter(score.y, score.predictions[0], s=9, alpha=0.6)
    ends = [score.y.min(), score.y.max()]
    axes.plot(ends, ends, color="0.3", linestyle=":")
    axes.set(xlabel="quantity", ylabel="prediction without its row")


def _draw_images(choice: Choice, encoder: int, axes: Any) -> None:
    from vaefeat.plotting import ReconstructionDisplay

    X = choice.samples.X[:N_IMAGES]
    for step in list(choice.pipeline)[:encoder]:
        X = step.transform(X)
    ReconstructionDisplay.from_estimator(choice.pipeline[encoder], X, ax=axes)
