"""Optimizers and initializers of Keras that users choose: by name, or as Keras serializes them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

SERIALIZED = {"module", "class_name", "config", "registered_name"}  # what keras.optimizers.serialize writes


@dataclass(frozen=True)
class Choice:
    """A class of Keras and its settings; hashable, so that it can be part of what defines a network."""

    kind: type
    settings: tuple[tuple[str, Any], ...] = ()

    def make(self, try_out: Callable[[Any], object] | None = None, /, **others: Any) -> Any:
        """Return an object of the class with the settings and others.

        Keras checks few settings before it uses them: if there are any, ``try_out`` uses another object.

        Raises
        ------
        ValueError
            If the class does not take them, or cannot be used with them.
        """
        settings = dict(self.settings) | others
        try:
            if try_out is not None and self.settings:
                try_out(self.kind(**settings))
            return self.kind(**settings)
        except Exception as error:  # TensorFlow has its own types
            raise ValueError(f"Keras's {self.kind.__name__} does not take {settings}: {error}") from error


def choose(parameter: str, value: Any, module: ModuleType, argument: str) -> Choice:
    """Return what a parameter of an estimator chooses from a module of Keras.

    Parameters
    ----------
    parameter : str
        The name of the parameter.
    value : object
        A name, such as "adam", or ``{"class_name": "SGD", "config": {"momentum": 0.9}}``; others are refused.
    module : module
        ``keras.optimizers`` or ``keras.initializers``.
    argument : str
        What a class must take to be one of the choices.

    Raises
    ------
    ValueError
        If the value has another form, or the name is not one of the module.
    """
    form: Any = {"class_name": value} if isinstance(value, str) else value
    if not _is_serialized(form):
        raise ValueError(
            f'{parameter} must be a name or {{"class_name": name, "config": settings}}, '
            f"as {module.__name__}.serialize writes it, got {value!r}."
        )
    name, settings = form["class_name"], form.get("config", {})
    found = classes(module, argument)
    if name.lower() not in found or form.get("module", module.__name__) != module.__name__:
        names = ", ".join(sorted({each.__name__ for each in found.values()}))
        raise ValueError(f"{parameter} must be one of {module.__name__}: {names}; got {value!r}.")
    return Choice(found[name.lower()], tuple(sorted(settings.items())))


def _is_serialized(form: Any) -> bool:
    if not (isinstance(form, Mapping) and form.keys() <= SERIALIZED):
        return False
    settings = form.get("config", {})
    return (
        isinstance(form.get("class_name"), str)
        and isinstance(settings, Mapping)
        and all(isinstance(name, str) for name in settings)
    )


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
