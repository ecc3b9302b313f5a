"""Parameters that several estimators share: what they may be, and what the engine makes of them."""

from numbers import Integral, Real
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from vaefeat.values.corruptions import Corruption
from vaefeat.values.images import full_shape
from vaefeat.values.likelihoods import LIKELIHOODS, Likelihood

NETWORK_CONSTRAINTS: dict = {
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "hidden_layer_sizes": ["array-like"],
    "activation": [StrOptions({"identity", "relu", "sigmoid", "softplus", "tanh"})],
    "kernel_initializer": "no_validation",  # Keras checks them
    "optimizer": "no_validation",
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
TRAINING_CONSTRAINTS: dict = {
    **NETWORK_CONSTRAINTS,
    "image_shape": ["array-like", None],
    "corruption": [Corruption, None],
    "learning_rate": [StrOptions({"constant", "cosine"})],
    "callbacks": ["array-like"],
}
LIKELIHOOD_CONSTRAINTS: dict = {
    "likelihood": [StrOptions(set(LIKELIHOODS)), Likelihood],
    "dynamic_binarization": ["boolean"],
}


def positive_integers(estimator: BaseEstimator, name: str) -> tuple[int, ...]:
    """Return a parameter that is a sequence of positive integers."""
    values = tuple(getattr(estimator, name))
    if not all(isinstance(value, Integral) and int(value) > 0 for value in values):
        raise ValueError(f"{name} must hold positive integers, got {values}.")
    return tuple(map(int, values))


def checked_image_shape(
    estimator: BaseEstimator, n_features: int, *, convolutions: bool = False
) -> tuple[int, int, int] | None:
    """Return the parameter ``image_shape`` as rows, columns and channels, if it fits the features.

    It is needed by convolutions, and by corruptions of images.
    """
    if estimator.image_shape is None:
        if convolutions or (estimator.corruption is not None and estimator.corruption.needs_image_shape):
            raise ValueError(
                "filters and ImageWarp are for images: set image_shape to their rows, columns and, in color, "
                f"channels, whose product is the number of features, {n_features}."
            )
        return None
    return full_shape(estimator.image_shape, n_features)


def check_binarization(estimator: BaseEstimator, likelihood: Likelihood) -> None:
    """Refuse ``dynamic_binarization`` for features that are not probabilities."""
    if estimator.dynamic_binarization and not likelihood.is_binary:
        raise ValueError(f'dynamic_binarization=True is for likelihood="bernoulli", got "{likelihood.name}".')


def network_config(
    estimator: BaseEstimator, n_features: int, n_outputs: int | None = None, **options: Any
) -> Any:
    """Return the engine's description of the network that the parameters ask for, a ``NetworkConfig``.

    It has ``n_outputs`` outputs, ``n_components`` by default.
    """
    from vaefeat.training.networks import NetworkConfig, choose_initializer

    return NetworkConfig(
        n_inputs=n_features,
        n_outputs=int(estimator.n_components) if n_outputs is None else n_outputs,
        hidden_layer_sizes=positive_integers(estimator, "hidden_layer_sizes"),
        activation=estimator.activation,
        kernel_initializer=choose_initializer(estimator.kernel_initializer),
        **options,
    )
