"""A user's type checker finds wrong arguments of the public interface."""

import os
import re

import pytest
from mypy import api

SCRIPT = """\
from vaefeat import OnnxModel, VAEEncoderTransformer, encode

VAEEncoderTransformer(n_components=3)
VAEEncoderTransformer(n_components="three")
OnnxModel.load("model.onnx").run([[0.0]])
OnnxModel.load(3)
encode(OnnxModel.load("model.onnx"), "rows.csv", "features.csv", header="no")
"""


@pytest.fixture(scope="module")
def errors():
    """Return mypy's message for each line of the script that it refuses."""
    options = ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent"]
    output, problems, _ = api.run([*options, f"--cache-dir={os.devnull}", "-c", SCRIPT])
    assert not problems
    found = re.findall(r"^<string>:(\d+): error: (.*)$", output, re.MULTILINE)
    return {int(number): message for number, message in found}


def test_wrong_arguments_of_functions_and_methods_are_refused(errors):
    assert 'Argument 1 to "load" of "OnnxModel"' in errors[6]
    assert 'Argument "header" to "encode"' in errors[7]


def test_a_wrong_parameter_of_an_estimator_is_refused(errors):
    assert 'Argument "n_components" to "VAEEncoderTransformer"' in errors[4]


def test_right_arguments_are_accepted(errors):
    assert not {3, 5} & set(errors)
