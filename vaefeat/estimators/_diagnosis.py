"""What can be wrong with a training that raises no error, said where the user looks."""

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from vaefeat.data.rows import Rows

MIN_EPOCHS, MIN_STEPS = 25, 500  # nothing can be said about a shorter training
FLAT = 0.05  # share of the whole improvement of the loss that the last tenth of the epochs may still add
FEW_COMPONENTS = 10  # if most of so few are silent, the features are poorer than they need be
N_NAMED = 10


def warn_of_constant_features(X: np.ndarray | Rows) -> None:
    """Warn of features that have a single value in the training data, (n_samples, n_features)."""
    constant = np.flatnonzero(X.min(axis=0) == X.max(axis=0)).tolist()
    if constant:
        _warn(
            UserWarning,
            f"{len(constant)} of {X.shape[1]} features are constant in the training data: "
            f"{_listed(constant)}. They carry no information: put VarianceThreshold() before this step.",
        )


def warn_of_silent_units(active: np.ndarray, n_steps: int) -> None:
    """Warn if no latent unit carries information, or few of only a few do.

    Parameters
    ----------
    active : ndarray of shape (n_components,), bool
    n_steps : int
        Steps of the training.
    """
    n_active, n_components = int(active.sum()), len(active)
    if n_steps < MIN_STEPS:
        return
    if n_active == 0:
        _warn(
            ConvergenceWarning,
            f"None of the {n_components} latent units carries information: the features are the same for "
            "all samples. Scale the features with StandardScaler(), or lower beta.",
        )
    elif n_active < n_components / 2 and n_components <= FEW_COMPONENTS:
        _warn(
            UserWarning,
            f"Only {n_active} of the {n_components} latent units carry information: "
            "the data may need no more, or beta is too high.",
        )


def warn_of_saturated_dispersion(saturated: np.ndarray) -> None:
    """Warn of features whose learned variance is as small as is allowed, (n_features,), bool."""
    if saturated.any():
        features = np.flatnonzero(saturated).tolist()
        _warn(
            UserWarning,
            f"{len(features)} of {len(saturated)} features are predicted exactly: {_listed(features)}. "
            "They outweigh the others: drop copies of features, or set the variance of "
            'Gaussian to "shared" or a number.',
        )


def warn_if_not_converged(loss_curve: Sequence[float]) -> None:
    """Warn if the loss of each epoch was still falling at the end."""
    n_epochs = len(loss_curve)
    if n_epochs < MIN_EPOCHS:
        return
    tenth = max(1, n_epochs // 10)
    before, last = np.mean(loss_curve[-2 * tenth : -tenth]), np.mean(loss_curve[-tenth:])
    if before - last > FLAT * (loss_curve[0] - last):
        _warn(
            ConvergenceWarning,
            f"The loss still fell when training stopped after {n_epochs} epochs: raise max_iter or n_steps.",
        )


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:N_NAMED]))
    return shown if len(numbers) <= N_NAMED else f"{shown}, ..."


def _warn(category: type[Warning], message: str) -> None:
    warnings.warn(message, category, stacklevel=5)
