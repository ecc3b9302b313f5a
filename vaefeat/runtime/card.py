"""The card: what a model takes, what it returns and where it comes from."""

import json
import math
from collections.abc import Mapping
from typing import Any

from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime.folders import MODEL

CARD_KEY = "vaefeat.card"  # of the card among the metadata of an ONNX model

MAX_DEPTH = 100

Card = dict[str, Any]

_TYPES = {"inputs": dict, "golden": dict, "classes": list}  # the entries that the runtime itself reads
_JSON_NAMES = {dict: "object", list: "array"}

_SECTIONS = {
    "inputs": "Input",
    "outputs": "Outputs",
    "training": "Training",
    "metrics": "Measured",
    "parity": "Compared with the estimator",
    "quantization": "Quantized",
    "data": "Data",
}


def read_card(text: str) -> Card:
    """Parse the JSON of a card, and check the entries that the runtime reads.

    Parameters
    ----------
    text : str
        A JSON object, as :func:`to_json` writes it.

    Returns
    -------
    dict

    Raises
    ------
    InvalidModelError
        If the text is not a JSON object, or an entry has the wrong type.

    Examples
    --------
    >>> read_card('{"name": "digits"}')
    {'name': 'digits'}
    """
    try:
        card = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InvalidModelError("The model's card is not JSON.") from exc
    if not isinstance(card, dict):
        raise InvalidModelError("The model's card is not a JSON object.")
    for key, kind in _TYPES.items():
        if not isinstance(card.get(key), kind | None):
            raise InvalidModelError(
                f"The entry {key!r} of the model's card is not a JSON {_JSON_NAMES[kind]}."
            )
    names = (card.get("inputs") or {}).get("feature_names")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise InvalidModelError("The card's feature names are not a JSON array of strings.")
    return card


def check_portable(value: Any, depth: int = 0) -> None:
    """Refuse a card, or a part of it, that not every parser of JSON reads.

    Parameters
    ----------
    value : any
        As parsed from JSON.
    depth : int
        Of the levels above.

    Raises
    ------
    InvalidModelError
        If there is an integer of more than 64 bits, a number that is not finite, half of a surrogate pair, or
        more than 100 levels.
    """
    if depth > MAX_DEPTH:
        raise InvalidModelError(f"The model's card is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str) and not _is_unicode(value):
        raise InvalidModelError("The model's card holds text that is not Unicode: half of a surrogate pair.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InvalidModelError("The model's card holds an integer of more than 64 bits.")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidModelError("The model's card holds a number that is not finite.")
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for entry in value:
            check_portable(entry, depth + 1)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_json(card: Mapping[str, Any]) -> str:
    """Return the card as JSON, with sorted keys: equal cards have equal bytes."""
    return json.dumps(card, sort_keys=True, allow_nan=False)


def to_markdown(card: Mapping[str, Any]) -> str:
    """Return the card as a Markdown page, after a few lines of YAML for hubs of models."""
    hub = ["library_name: onnx", f"pipeline_tag: {_hub_task(card)}", "tags:", "- onnx", "- vaefeat"]
    lines = ["---", *hub, "---", "", f"# {card['name']}", "", str(card["description"]), ""]
    for title, entries in sections(card):
        lines += [f"## {title}", "", "| | |", "| --- | --- |"]
        lines += [f"| {_escape(name)} | {_escape(text)} |" for name, text in entries]
        lines.append("")
    lines += ["## Use it", "", "```python", usage(card), "```", ""]
    return "\n".join(lines)


def _hub_task(card: Mapping[str, Any]) -> str:
    """Return the task of a model by the name that hubs have for it."""
    outputs = card.get("outputs") or {}
    if "label" in outputs:
        return "tabular-classification"
    return "tabular-regression" if "prediction" in outputs else "feature-extraction"


def sections(card: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the readable part of a card: section titles, each with pairs of name and value as text."""
    return [
        (title, [(name, _readable(value)) for name, value in _flat(card[key])])
        for key, title in _SECTIONS.items()
        if card.get(key)
    ]


def usage(card: Mapping[str, Any]) -> str:
    """Return the Python code that runs the model."""
    name, width = card["inputs"]["name"], card["inputs"]["n_features"]
    name = name if name.isidentifier() else "X"  # the code is to be copied: it holds no text from others
    file = json.dumps(card.get("file", {"name": MODEL})["name"])
    return (
        "from vaefeat.runtime import OnnxModel  # needs numpy and onnxruntime only\n\n"
        f"model = OnnxModel.load({file})\n"
        f"outputs = model.run({name})  # {name}: array of shape (n_samples, {width})"
    )


def _flat(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise InvalidModelError(
            f"Got {value!r} as a section of the card, expected a mapping of names to values."
        )
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
