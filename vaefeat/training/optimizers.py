"""Optimizers: made from what an estimator's parameters say, and their state."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import keras
import numpy as np

from vaefeat.training.choices import choose

NOT_DECAYED = ["bias", "log_dispersion"]


def make_optimizer(
    chosen: str | Mapping[str, Any], learning_rate: float, weight_decay: float | None = None
) -> keras.optimizers.Optimizer:
    """Return a new optimizer, whose weight decay, if any, spares the biases.

    Parameters
    ----------
    chosen : str or dict
        The parameter ``optimizer`` of an estimator: a name, or as ``keras.optimizers.serialize`` writes it.
    learning_rate : float
        The parameter ``learning_rate_init``.
    weight_decay : float, optional
        The parameter ``weight_decay``, if it is to override that of the optimizer.

    Raises
    ------
    ValueError
        If there is no such optimizer, or if its settings are not those it takes, or contradict the others.
    """
    choice = choose("optimizer", chosen, keras.optimizers, "learning_rate")
    settings = dict(choice.settings)
    own = {"learning_rate": learning_rate}
    if weight_decay is not None:
        own["weight_decay"] = weight_decay
    for name, value in own.items():
        if not _agree(settings.get(name), value):
            raise ValueError(
                f"optimizer sets {name} to {settings[name]}, but the estimator's own parameter is {value}: "
                "leave it out of the optimizer."
            )
    optimizer = choice.make(_step, **own)
    optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def _step(optimizer: keras.optimizers.Optimizer) -> None:
    """Make one step of a variable."""
    variable = keras.Variable(np.zeros((2, 2), np.float32), name="kernel")
    optimizer.apply([np.zeros((2, 2), np.float32)], [variable])


def _agree(given: Any, value: float) -> bool:
    """Return whether a setting is not given, or is the value; Keras serializes float32."""
    return given is None or (isinstance(given, Real) and math.isclose(given, value, rel_tol=1e-6))


def settings(optimizer: keras.optimizers.Optimizer) -> tuple[str, str]:
    """Return all that the graph of a step depends on: the kind of an optimizer and its settings.

    Its learning rate is not among them: it is a variable.
    """
    config = optimizer.get_config()
    del config["name"], config["learning_rate"]
    return type(optimizer).__name__, repr(config)


def state(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Return all variables of a built optimizer.

    Nadam does not list the product of its momenta among its ``variables``.
    """
    listed = optimizer.variables
    attributes = [each for each in vars(optimizer).values() if isinstance(each, keras.Variable)]
    return [*listed, *(each for each in attributes if not any(each is other for other in listed))]
