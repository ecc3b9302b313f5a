import json

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.onnx_models import linear_model
from vaefeat.runtime import OnnxModel
from vaefeat.serving.contract import Contract
from vaefeat.serving.errors import InvalidRequestError
from vaefeat.serving.http.protocol import InferenceRequest, format_response, model_metadata

X = np.arange(10, dtype=np.float32).reshape(2, 5)
CONTRACT = Contract.of(OnnxModel(linear_model(np.ones((5, 3)), np.zeros(3))))


def test_a_contract_holds_names_types_and_widths():
    assert CONTRACT.input == ("X", "FP32", [-1, 5])
    assert CONTRACT.outputs == [("Y", "FP32", [-1, 3]), ("S", "FP32", [-1])]


def answer(outputs, binaries=False, id_=None):
    asked = InferenceRequest(id_, X, dict.fromkeys(outputs, binaries))
    body, header_length = format_response("name", "3", asked, outputs)
    return json.loads(body[:header_length]), body[header_length or len(body) :]


@pytest.mark.parametrize("id_", [None, "", "a"])
def test_a_response_names_the_model_and_repeats_the_id(id_):
    found, _ = answer({"Y": X}, id_=id_)
    assert found["model_name"] == "name"
    assert found["model_version"] == "3"
    assert found.get("id") == id_


@settings(max_examples=100)
@given(arrays.arrays(np.float32, (2, 3), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_numbers_survive_json_and_binary_bit_for_bit(Y):
    found, _ = answer({"Y": Y})
    assert found["outputs"][0]["shape"] == [2, 3]
    assert np.array(found["outputs"][0]["data"], np.float32).tobytes() == Y.tobytes()
    found, tensors = answer({"Y": Y, "Z": Y[:1]}, binaries=True)
    assert [output["parameters"]["binary_data_size"] for output in found["outputs"]] == [24, 12]
    assert tensors == Y.tobytes() + Y[:1].tobytes()


@pytest.mark.parametrize(
    ("Y", "datatype", "data"),
    [
        (np.array([3, -1]), "INT64", [3, -1]),
        (np.array([1.5, 2], np.float64), "FP64", [1.5, 2.0]),
        (np.array([True, False]), "BOOL", [True, False]),
        (np.array(["a", "é"], object), "BYTES", ["a", "é"]),
        (np.empty((0, 3), np.float32), "FP32", []),
        (np.asfortranarray(X), "FP32", X.ravel().tolist()),
        (X[:, ::2].astype(np.int64), "INT64", [0, 2, 4, 5, 7, 9]),
    ],
)
def test_every_output_type_has_a_name_in_the_protocol(Y, datatype, data):
    output = answer({"Y": Y})[0]["outputs"][0]
    assert (output["datatype"], output["data"]) == (datatype, data)


def test_binary_text_is_prefixed_with_its_length():
    assert answer({"Y": np.array(["a", "é"], object)}, binaries=True)[1] == (
        b"\x01\x00\x00\x00a\x02\x00\x00\x00\xc3\xa9"
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_sent_only_in_binary(value):
    Y = np.array([[value]], np.float32)
    with pytest.raises(InvalidRequestError, match='The output "Y" is not finite'):
        answer({"Y": Y})
    assert answer({"Y": Y}, binaries=True)[1] == Y.tobytes()


def test_metadata_contain_the_card():
    found = orjson.loads(orjson.dumps(model_metadata("name", ["1", "2"], CONTRACT, {"a": 1})))
    assert found["inputs"] == [{"name": "X", "datatype": "FP32", "shape": [-1, 5]}]
    assert found["outputs"][1] == {"name": "S", "datatype": "FP32", "shape": [-1]}
    assert found["properties"] == {"a": 1}
