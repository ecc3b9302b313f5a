"""Optimizers and initializers of Keras that users choose: by name, or as Keras serializes them."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

SERIALIZED = {"module", "class_name", "config", "registered_name"}  # what keras.optimizers.serialize writes


@dataclass(frozen=True)
class Choice:
    """A class of Keras and its settings; hashable, so that it can be part of what defines a network."""

    kind: type
    settings: tuple[tuple[str, Any], ...] = ()

    def make(self, **others: Any) -> Any:
        """Return an object of the class with the settings and others.

        Raises
        ------
        ValueError
            If the class does not take them.
        """
        settings = dict(self.settings) | others
        try:
            return self.kind(**settings)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Keras's {self.kind.__name__} does not take {settings}: {error}") from error


def choose(parameter: str, value: str | Mapping[str, Any], module: ModuleType, argument: str) -> Choice:
    """Return what a parameter of an estimator chooses from a module of Keras.

    Parameters
    ----------
    parameter : str
        The name of the parameter.
    value : str or dict
        A name, such as "adam", or ``{"class_name": "SGD", "config": {"momentum": 0.9}}``.
    module : module
        ``keras.optimizers`` or ``keras.initializers``.
    argument : str
        What a class must take to be one of the choices.

    Raises
    ------
    ValueError
        If the value has another form, or the name is not one of the module.
    """
    form: Mapping[str, Any] = {"class_name": value} if isinstance(value, str) else value
    name, settings = form.get("class_name"), form.get("config", {})
    if not (form.keys() <= SERIALIZED and isinstance(name, str) and isinstance(settings, Mapping)):
        raise ValueError(
            f'{parameter} must be a name or {{"class_name": name, "config": settings}}, got {value!r}.'
        )
    found = classes(module, argument)
    if name.lower() not in found:
        names = ", ".join(sorted({each.__name__ for each in found.values()}))
        raise ValueError(f"{parameter} must be one of {module.__name__}: {names}; got {name!r}.")
    return Choice(found[name.lower()], tuple(sorted(settings.items())))


def classes(module: ModuleType, argument: str) -> dict[str, type]:
    """Return the classes of a module that take an argument, by their names in lower case.

    Those that do not wrap others, as LossScaleOptimizer, or give the same to all, as Zeros.
    """
    return {
        name.lower(): each
        for name, each in vars(module).items()
        if isinstance(each, type) and argument in inspect.signature(each).parameters
        if each.__name__ not in ("Initializer", "Optimizer")  # which are abstract
    }
