"""The values of one column: text, numbers or days, with gaps."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vaefeat.data._table import short

WORDS = {"true": 1.0, "false": 0.0}


def is_gap(value: Any) -> bool:
    """Return whether a value is missing: None, NaN, or a missing value of pandas."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def as_text(values: np.ndarray) -> list[str | None]:
    """Return values as text; whole numbers without a decimal point, so that gaps change nothing."""
    return [None if is_gap(value) else _text(value) for value in values.tolist()]


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def as_numbers(values: np.ndarray, name: str) -> np.ndarray:
    """Return values as float64; NaN for gaps."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    return _each(values, _number, name, "a number")


def as_days(values: np.ndarray, name: str) -> np.ndarray:
    """Return dates as float64 days since 1970; NaN for gaps."""
    if values.dtype.kind == "M":
        days = values.astype("M8[us]").astype(np.int64) / 86_400e6
        return np.where(np.isnat(values), np.nan, days)
    return _each(values, lambda value: as_days(np.array([value], "M8[us]"), name)[0], name, "a date")


def _number(value: Any) -> float:
    return WORDS[value.lower()] if isinstance(value, str) and value.lower() in WORDS else float(value)


def _each(values: np.ndarray, convert: Callable[[Any], float], name: str, expected: str) -> np.ndarray:
    numbers = np.full(len(values), np.nan)
    for i, value in enumerate(values.tolist()):
        try:
            numbers[i] = np.nan if is_gap(value) else convert(value)
        except (ValueError, TypeError) as exc:
            raise ValueError(
                f"Column {short(repr(name))}, row {i + 1}: got {short(repr(value))}, expected {expected}."
            ) from exc
    return numbers
