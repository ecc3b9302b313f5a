"""What the Displays share: axes, colors, and the check of the estimators that they show."""

from collections.abc import Sequence
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
# A method has the same color and marker in every plot, whatever stands beside it: the first pattern that its
# name begins with decides.
METHODS = {
    "raw beside": 8,
    "raw": 0,
    "pca": 1,
    "supervised": 2,
    "untrained": 9,
    "M1+M2": 7,
    "M2": 6,
    "hidden": 4,
    "image vae, hidden": 4,
    "image vae": 3,
    "photo": 6,  # as M2, which stands beside it nowhere
    "vae": 5,
    "plain vae": 5,
}
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


def styles(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return a color and a marker for each name: those of its method, or else one that no other name has."""
    chosen: dict[str, int] = {}
    for name in names:
        place = _place(name)
        if place is not None and place not in chosen.values():
            chosen[name] = place
    free = [place for place in range(len(COLORS)) if place not in chosen.values()] or [*range(len(COLORS))]
    unknown = [name for name in names if name not in chosen]
    chosen |= {name: free[i % len(free)] for i, name in enumerate(unknown)}
    return {name: {"color": COLORS[chosen[name]], "marker": MARKERS[chosen[name]]} for name in names}


def _place(name: str) -> int | None:
    return next((place for start, place in METHODS.items() if name.lower().startswith(start.lower())), None)


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
