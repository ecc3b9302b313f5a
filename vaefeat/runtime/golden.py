"""Check that a model computes the same here as where it was exported."""

from dataclasses import dataclass

import numpy as np

from vaefeat.exceptions import InvalidModelError, ParityError
from vaefeat.runtime.model import OnnxModel
from vaefeat.runtime.parity import TOLERANCE, check_run


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes
    ----------
    name : str
    passed : bool or None
        None if there is nothing to compare with.
    detail : str
        What was found, as text.
    """

    name: str
    passed: bool | None
    detail: str


def check_golden_rows(model: OnnxModel) -> Check:
    """Check the outputs of a model against those that its card keeps for some rows, within 1e-5.

    Parameters
    ----------
    model : OnnxModel

    Returns
    -------
    Check
    """
    golden = model.card.get("golden")
    if not golden:
        return Check("golden rows", None, "the card has none")
    try:
        rows = golden[model.input_name]
        expected = {name: np.asarray(values) for name, values in golden.items() if name != model.input_name}
        names = list(expected)
        deviation = check_run(expected, lambda X: model.run(X, names), rows)["largest_deviation"]
    except ParityError as exc:
        return Check("golden rows", False, str(exc))
    except (InvalidModelError, ValueError, TypeError, KeyError, IndexError, OverflowError) as exc:
        return Check("golden rows", False, f"the rows in the card cannot be run: {exc}")
    return Check(
        "golden rows",
        True,
        f"{len(rows)} rows, largest deviation {deviation:.1e}, allowed {TOLERANCE:.0e} of the largest value",
    )
