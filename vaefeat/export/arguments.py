"""What the caller of an exporter passes, checked before anything is computed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaefeat.exceptions import ExportError
from vaefeat.runtime.card import Card
from vaefeat.runtime.folders import SUFFIX

OWN_ENTRIES = {"inputs", "outputs", "classes", "weights_sha256", "golden", "file", "parity"}


def checked_path(path: str | os.PathLike[str]) -> Path:
    """Return the path if it ends in .onnx; otherwise raise ExportError."""
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ExportError(f"Got the path {str(path)!r}, expected one that ends in {SUFFIX}.")
    return path


def checked_entries(card: Mapping[str, Any] | None) -> Card:
    """Return the caller's entries for a card; raise ExportError if the exporter sets one of them itself."""
    if reserved := OWN_ENTRIES & set(card or {}):
        raise ExportError(f"The card's entries {sorted(reserved)} are the exporter's own; leave them out.")
    return dict(card or {})
