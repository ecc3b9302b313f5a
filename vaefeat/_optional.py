"""Imports of packages that only an extra installs."""

from importlib import import_module
from types import ModuleType

from vaefeat.exceptions import MissingExtraError


def import_optional(name: str, extra: str | None) -> ModuleType:
    """Import the module ``name``, or say which extra of vaefeat installs what is missing.

    Raises
    ------
    MissingExtraError
        If the module is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        if extra is None or (exc.name or "").startswith("vaefeat"):
            raise
        raise MissingExtraError(
            f'{exc.name} is not installed. Install it with: pip install "vaefeat[{extra}]"'
        ) from exc
