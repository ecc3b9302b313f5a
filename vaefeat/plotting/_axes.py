"""What the Displays share: axes, colors, and the check of the estimators that they show."""

from typing import Any

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.protocols import LatentModel

# Okabe & Ito's palette, with gray for yellow, and two more: color-blind readers can tell them apart, and in
# print the markers do.
COLORS = (
    *("#000000", "#E69F00", "#999999", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"),
    *("#882255", "#DDCC77"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
ACTIVE, SILENT = "#0072B2", "#999999"


def axes_or_new(ax: Any, figsize: tuple[float, float], projection: str | None = None) -> Any:
    """Return the axes given, or those of a new figure."""
    if ax is not None:
        return ax
    pyplot = import_optional("matplotlib.pyplot", "train")
    _, ax = pyplot.subplots(
        figsize=figsize, layout="constrained", subplot_kw={"projection": projection} if projection else None
    )
    return ax


def check_estimator(estimator: Any, display: str, *needed: str) -> None:
    """Refuse an estimator that is not fitted, or lacks what the Display shows.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    TypeError
        If one of the attributes ``needed`` is missing.
    """
    validation = import_optional("sklearn.utils.validation", "train")
    validation.check_is_fitted(estimator)
    missing = [name for name in needed if not hasattr(estimator, name)]
    if missing:
        advice = (
            "Pass its last step, and samples as that step sees them."
            if hasattr(estimator, "steps")
            else "Pass a VAEEncoderTransformer, for instance."
        )
        raise TypeError(
            f"{display} needs an estimator with {', '.join(needed)}, "
            f"but {type(estimator).__name__} has no {', '.join(missing)}. {advice}"
        )


def latents(estimator: Any, X: Any) -> np.ndarray:
    """Return the latent means or the code of ``X``, whatever the estimator's ``output`` is."""
    return np.asarray(estimator.encode(X) if isinstance(estimator, LatentModel) else estimator.transform(X))
