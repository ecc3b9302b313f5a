"""Check that a model file matches its card, and that it computes the same here as where it was exported."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vaefeat.exceptions import InvalidModelError, ParityError
from vaefeat.runtime.folders import card_paths
from vaefeat.runtime.model import OnnxModel
from vaefeat.runtime.parity import TOLERANCE, check_outputs


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


def verify(path: str | os.PathLike[str]) -> list[Check]:
    """Check a model file against its card.

    Parameters
    ----------
    path : path
        Ends in .onnx. The card is inside the file; the sha256 of the file is in the .json beside it.

    Returns
    -------
    list of Check
        "inspection" (the file is safe to load, and its weights match its card), "file" (its sha256 is the
        one in the card beside it), "golden rows" (its outputs match those in the card, within 1e-5).

    Examples
    --------
    >>> from vaefeat.runtime import verify
    >>> [(check.name, check.passed) for check in verify("exported/digits-vae/model.onnx")]
    [('inspection', True), ('file', True), ('golden rows', True)]
    """
    path = Path(path)
    try:
        model = OnnxModel.load(path)
    except InvalidModelError as exc:
        return [Check("inspection", False, str(exc)), _check_file(path)]
    weights = "its weights match its card"
    if "weights_sha256" not in model.card:
        weights = "its card has no sha256 of its weights" if model.card else "it has no card"
    return [
        Check("inspection", True, f"safe to load; {weights}"),
        _check_file(path),
        check_golden_rows(model),
    ]


def _check_file(path: Path) -> Check:
    beside = card_paths(path)[0]
    try:
        expected = json.loads(beside.read_text())["file"]["sha256"]
    except FileNotFoundError:
        return Check("file", None, f"there is no {beside.name} beside it")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Check("file", False, f"{beside.name} has no sha256")
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        return Check(
            "file", False, f"sha256 {actual[:12]}..., but {beside.name} says {str(expected)[:12]}..."
        )
    return Check("file", True, f"sha256 {actual[:12]}... as in {beside.name}")


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
        deviation = check_outputs(expected, model.run(rows, list(expected)))["largest_deviation"]
    except ParityError as exc:
        return Check("golden rows", False, str(exc))
    except (InvalidModelError, ValueError, TypeError, KeyError, IndexError, OverflowError) as exc:
        return Check("golden rows", False, f"the rows in the card cannot be run: {exc}")
    return Check(
        "golden rows",
        True,
        f"{len(rows)} rows, largest deviation {deviation:.1e}, allowed {TOLERANCE:.0e} of the largest value",
    )
