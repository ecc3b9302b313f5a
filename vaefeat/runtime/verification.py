"""Check that a model file matches its card, and that it computes the same here as where it was exported."""

import hashlib
import json
import os
import time
from pathlib import Path

from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime.folders import card_paths
from vaefeat.runtime.golden import Check, check_golden_rows
from vaefeat.runtime.model import OnnxModel, read_model
from vaefeat.runtime.sandbox import try_once

_GAP_SECONDS = 0.1  # more than it takes to rename a model and its cards


def verify(path: str | os.PathLike[str]) -> list[Check]:
    """Check a model file against its card.

    The model is tried in a separate process first, so that a hostile one does no harm to this process.

    Parameters
    ----------
    path : path
        Ends in .onnx. The card is inside the file; the sha256 of the file is in the .json next to it.

    Returns
    -------
    list of Check
        "inspection" (the file is safe to load, and its weights match its card), "file" (its sha256 is the
        one in the card next to it), "golden rows" (its outputs match those in the card, within 1e-5).

    Examples
    --------
    >>> from vaefeat.runtime import verify
    >>> [(check.name, check.passed) for check in verify("exported/digits-vae/model.onnx")]
    [('inspection', True), ('file', True), ('golden rows', True)]
    """
    path = Path(path)
    try:
        content = read_model(path)
        try_once(content)
        model = OnnxModel(content)
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
    check = _compare_file(path)
    if check.passed is False:  # the file and its card may be just about to be replaced
        time.sleep(_GAP_SECONDS)
        check = _compare_file(path)
    return check


def _compare_file(path: Path) -> Check:
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
