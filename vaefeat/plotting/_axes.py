"""What the Displays share: axes, colours, and the check of what they are made from."""

from copy import copy
from typing import Any

import numpy as np

from vaefeat._optional import import_optional

# Okabe & Ito's palette, yellow made grey, and two more: told apart by colour-blind readers, and by their
# markers in print.
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
    """Refuse an estimator that is not fitted, or has not what the Display shows.

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
    if hasattr(estimator, "_code_name"):
        estimator = copy(estimator).set_params(output=estimator._code_name)
    return np.asarray(estimator.transform(X))
