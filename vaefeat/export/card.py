"""The card: what a model takes, what it gives, and where it comes from."""

import json
from collections.abc import Mapping
from typing import Any

from vaefeat.exceptions import ExportError

Card = dict[str, Any]

_SECTIONS = {
    "inputs": "Input",
    "outputs": "Outputs",
    "training": "Training",
    "metrics": "Measured",
    "parity": "Compared with the estimator",
    "quantization": "Quantised",
    "data": "Data",
}


def to_json(card: Mapping[str, Any]) -> str:
    """Return the card as JSON: keys sorted, so that equal cards have equal bytes."""
    return json.dumps(card, sort_keys=True, allow_nan=False)


def to_markdown(card: Mapping[str, Any]) -> str:
    """Return the card as a page in Markdown."""
    lines = [f"# {card['name']}", "", str(card["description"]), ""]
    for title, entries in sections(card):
        lines += [f"## {title}", "", "| | |", "| --- | --- |"]
        lines += [f"| {_escape(name)} | {_escape(text)} |" for name, text in entries]
        lines.append("")
    lines += ["## Use it", "", "```python", usage(card), "```", ""]
    return "\n".join(lines)


def sections(card: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what a person wants to know of a card: titles, each with names and values as text."""
    return [
        (title, [(name, _readable(value)) for name, value in _flat(card[key])])
        for key, title in _SECTIONS.items()
        if card.get(key)
    ]


def usage(card: Mapping[str, Any]) -> str:
    """Return the lines of Python that run the model."""
    name, width = card["inputs"]["name"], card["inputs"]["n_features"]
    file = card.get("file", {"name": "model.onnx"})
    return (
        "from vaefeat.runtime import OnnxModel  # needs numpy and onnxruntime only\n\n"
        f'model = OnnxModel.load("{file["name"]}")\n'
        f"outputs = model.run({name})  # {name}: array of shape (n_samples, {width})"
    )


def _flat(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise ExportError(f"Got {value!r} as a section of the card, expected a mapping of names to values.")
    rows: list[tuple[str, Any]] = []
    for key, entry in value.items():
        name = f"{prefix}{key}"
        if isinstance(entry, Mapping):
            rows += _flat(entry, f"{name}.")
        elif entry is not None:
            rows.append((name, entry))
    return rows


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def _readable(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_readable, value))
    return str(value)
