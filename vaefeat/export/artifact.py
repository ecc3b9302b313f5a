"""The three files of a model: NAME.onnx, and its card as NAME.json and NAME.md."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from vaefeat._files import write_together
from vaefeat.runtime import card as cards
from vaefeat.runtime.folders import card_paths

N_GOLDEN_ROWS = 2  # kept in a card with the outputs that they give


def serialize(proto: onnx.ModelProto, card: Mapping[str, Any]) -> bytes:
    """Return a model with its card inside, as bytes."""
    onnx.helper.set_model_props(proto, {cards.CARD_KEY: cards.to_json(card)})
    return proto.SerializeToString(deterministic=True)


def write_model(path: Path, content: bytes, card: Mapping[str, Any]) -> None:
    """Write a serialized model to ``path``, and its card next to it with the size and hash of the file."""
    digest = hashlib.sha256(content).hexdigest()
    beside = {**card, "file": {"name": path.name, "bytes": len(content), "sha256": digest}}
    as_json, as_markdown = cards.to_json(beside), cards.to_markdown(beside)
    json_path, markdown_path = card_paths(path)
    write_together({path: content, json_path: as_json.encode() + b"\n", markdown_path: as_markdown.encode()})
