import json

import numpy as np
import pytest
import yaml

from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime.card import check_portable, read_card, to_json, to_markdown, usage

CARD = {
    "name": "digits",
    "description": "Latent means.",
    "inputs": {"name": "X", "n_features": 64, "range": [0.0, 1.0]},
    "training": {"epochs": 5, "final_loss_nats": 20.123456789},
    "metrics": {"100 labels": {"raw": 0.75, "vae": 0.875}},
    "golden": {"X": [[0.625]], "z_mean": [[0.375]]},
}


def test_json_restores_the_card():
    assert json.loads(to_json(CARD)) == CARD


def test_json_does_not_depend_on_the_order_of_the_entries():
    assert to_json(dict(reversed(CARD.items()))) == to_json(CARD)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_json_refuses_numbers_that_json_does_not_have(value):
    with pytest.raises(ValueError, match="Out of range float values"):
        to_json(CARD | {"metrics": {"accuracy": value}})


def test_markdown_shows_the_readable_sections():
    page = to_markdown(CARD)
    assert "\n# digits\n\nLatent means.\n" in page
    for line in (
        "## Input",
        "| n_features | 64 |",
        "| range | 0, 1 |",
        "## Training",
        "| final_loss_nats | 20.1235 |",
        "## Measured",
        "| 100 labels.raw | 0.75 |",
        "| 100 labels.vae | 0.875 |",
        "## Use it",
    ):
        assert line in page.splitlines()


@pytest.mark.parametrize(
    ("output", "task"),
    [
        ("label", "tabular-classification"),
        ("prediction", "tabular-regression"),
        ("z_mean", "feature-extraction"),
    ],
)
def test_markdown_begins_with_what_hubs_of_models_read(output, task):
    _, hub, page = to_markdown(CARD | {"outputs": {output: "float32"}}).split("---\n", 2)
    assert yaml.safe_load(hub) == {"library_name": "onnx", "pipeline_tag": task, "tags": ["onnx", "vaefeat"]}
    assert page.startswith("\n# digits\n")


def test_markdown_leaves_out_golden_rows_and_empty_sections():
    page = to_markdown(CARD | {"outputs": {}})
    assert "0.625" not in page
    assert "golden" not in page.lower()
    assert "## Outputs" not in page
    assert "## Data" not in page


def test_the_usage_example_is_python_that_names_the_input():
    code = to_markdown(CARD).split("```python\n")[1].split("```")[0]
    compile(code, "card", "exec")
    assert "model.run(X)  # X: array of shape (n_samples, 64)" in code


def test_bars_and_underscores_do_not_break_the_table():
    page = to_markdown(
        {
            "name": "n",
            "description": "d",
            "inputs": {"name": "X", "n_features": 2},
            "outputs": {"z_mean": "q(z|x)"},
        }
    )
    assert r"| z_mean | q(z\|x) |" in page


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": "\\ud800"}', "half of a surrogate pair"),
        ('{"\\udfff": 1}', "half of a surrogate pair"),
        ('{"a": [{"b": 18446744073709551616}]}', "an integer of more than 64 bits"),
        ('{"a": -9223372036854775809}', "an integer of more than 64 bits"),
        ('{"a": NaN}', "a number that is not finite"),
        ('{"a": 1e999}', "a number that is not finite"),
        ('{"a": ' + "[" * 200 + "]" * 200 + "}", "nested deeper than 100 levels"),
    ],
)
def test_a_card_that_other_programs_cannot_read_is_refused(text, message):
    with pytest.raises(InvalidModelError, match=message):
        check_portable(read_card(text))


def test_other_cards_are_portable():
    check_portable(CARD)


@pytest.mark.parametrize("name", ["X); import os; os.abort(", "a b", "", "\n"])
def test_the_usage_example_holds_no_code_of_the_card(name):
    code = usage({"inputs": {"name": name, "n_features": 4}, "file": {"name": 'a"); print("b'}})
    compile(code, "usage", "exec")
    assert "os.abort" not in code
    assert 'load("a\\"); print(\\"b")' in code
