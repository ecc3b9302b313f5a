"""The three files of a model: NAME.onnx, and its card as NAME.json and NAME.md."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from vaefeat._files import write_together
from vaefeat.exceptions import ExportError
from vaefeat.runtime import card as cards
from vaefeat.runtime.folders import SUFFIX, card_paths

N_GOLDEN_ROWS = 2  # kept in a card with the outputs that they give
OWN_ENTRIES = {"inputs", "outputs", "classes", "weights_sha256", "golden", "file", "parity"}


def checked_path(path: Path) -> Path:
    """Return the path if it ends in .onnx; else raise ExportError."""
    if path.suffix != SUFFIX:
        raise ExportError(f"Got the path {str(path)!r}, expected one that ends in {SUFFIX}.")
    return path


def checked_entries(card: Mapping[str, Any] | None) -> cards.Card:
    """Return the caller's entries for a card; raise ExportError if the exporter sets one of them itself."""
    if reserved := OWN_ENTRIES & set(card or {}):
        raise ExportError(f"The card's entries {sorted(reserved)} are the exporter's own; leave them out.")
    return dict(card or {})


def serialize(proto: onnx.ModelProto, card: Mapping[str, Any]) -> bytes:
    """Return a model with its card inside, as bytes."""
    onnx.helper.set_model_props(proto, {cards.CARD_KEY: cards.to_json(card)})
    return proto.SerializeToString(deterministic=True)


def write_model(path: Path, content: bytes, card: Mapping[str, Any]) -> None:
    """Write a serialized model to ``path``, and its card beside it with the size and hash of the file."""
    digest = hashlib.sha256(content).hexdigest()
    beside = {**card, "file": {"name": path.name, "bytes": len(content), "sha256": digest}}
    as_json, as_markdown = cards.to_json(beside), cards.to_markdown(beside)
    json_path, markdown_path = card_paths(path)
    write_together({path: content, json_path: as_json.encode() + b"\n", markdown_path: as_markdown.encode()})
