import gzip
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tests.onnx_models import linear_model
from tests.serving.live import serving
from vaefeat import OnnxModel
from vaefeat.serving.batching import BatchSettings
from vaefeat.serving.http.app import PAGES, make_app
from vaefeat.serving.metrics import Metrics
from vaefeat.serving.repository import Repository
from vaefeat.serving.service import Service

WEIGHTS = np.random.default_rng(0).normal(size=(4, 3))
X = np.random.default_rng(1).random((5, 4), np.float32)
INFER = "/v2/models/linear/infer"
REQUEST = {"inputs": [{"name": "X", "shape": [5, 4], "datatype": "FP32", "data": X.astype(float).tolist()}]}


def model(version):
    return linear_model(
        version * WEIGHTS, np.zeros(3), metadata={"vaefeat.card": json.dumps({"name": "a card"})}
    )


def expected(version=2):
    return OnnxModel(model(version)).run(X)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for version in (1, 2):
        path = folder / "linear" / str(version) / "model.onnx"
        path.parent.mkdir(parents=True)
        path.write_bytes(model(version))
    with serving(folder) as live:
        yield live.client


def output(answer, name="Y"):
    (found,) = [output for output in answer.json()["outputs"] if output["name"] == name]
    return np.array(found["data"], np.float32).reshape(found["shape"])


@pytest.mark.parametrize(
    ("path", "version"),
    [(INFER, 2), ("/v2/models/linear/versions/1/infer", 1), ("/v2/models/linear/versions/2/infer", 2)],
)
def test_the_latest_version_answers_unless_another_is_named(client, path, version):
    answer = client.post(path, json=REQUEST)
    assert answer.json()["model_version"] == str(version)
    assert_array_equal(output(answer), expected(version)["Y"])


def test_the_metadata_contain_the_card_and_all_versions(client):
    for path in ("/v2/models/linear", "/v2/models/linear/versions/1"):
        found = client.get(path).json()
        assert found["versions"] == ["1", "2"]
        assert found["properties"] == {"name": "a card"}
        assert found["platform"] == "onnx_onnxv1"


def test_health_and_server_metadata_follow_the_protocol(client):
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/linear/ready").json() == {"ready": True}
    assert set(client.get("/v2").json()) == {"name", "version", "extensions"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v2/models", 404),
        ("GET", "/v2/models/nothing", 404),
        ("GET", "/v2/models/nothing/ready", 404),
        ("POST", "/v2/models/nothing/infer", 404),
        ("POST", "/v2/models/linear/versions/3/infer", 404),
        ("GET", INFER, 405),
        ("DELETE", "/v2/models/linear", 405),
        ("POST", "/", 405),
    ],
)
def test_every_error_is_json_with_a_sentence(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")
    assert ("allow" in answer.headers) == (status == 405)


def test_responses_to_head_have_no_body(client):
    assert client.head("/v2").status_code == 200


# --- forms of requests and answers ---


def as_input(rows):
    data = rows.astype(float).ravel().tolist()
    return {"name": "X", "shape": list(rows.shape), "datatype": "FP32", "data": data}


@pytest.mark.parametrize("n_rows", [1, 4, 5, 3000])
def test_json_of_any_size_gives_the_model_s_outputs(client, n_rows):
    rows = np.random.default_rng(2).random((n_rows, 4), np.float32)
    input_ = as_input(rows)
    answer = client.post(INFER, json={"inputs": [input_]})
    assert_array_equal(output(answer), OnnxModel(model(2)).run(rows)["Y"])


@pytest.mark.parametrize(
    ("accepted", "n_rows", "encoding"),
    [("gzip, br", 3000, "gzip"), ("gzip", 1, None), ("br", 3000, None), ("", 3000, None)],
)
def test_large_json_is_compressed_if_the_client_accepts_it(client, accepted, n_rows, encoding):
    rows = np.random.default_rng(2).random((n_rows, 4), np.float32)
    input_ = as_input(rows)
    answer = client.post(INFER, json={"inputs": [input_]}, headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert_array_equal(output(answer), OnnxModel(model(2)).run(rows)["Y"])


def test_a_compressed_request_is_read(client):
    body = gzip.compress(json.dumps(REQUEST).encode())
    assert_array_equal(
        output(client.post(INFER, content=body, headers={"Content-Encoding": "gzip"})), expected()["Y"]
    )


@pytest.mark.parametrize("length", ["", "-1", "1.5", "9" * 30, "one"])
def test_a_length_that_is_not_a_number_is_refused(client, length):
    answer = client.post(INFER, json=REQUEST, headers={"Inference-Header-Content-Length": length})
    assert answer.status_code == 400


def test_the_error_locates_values_that_are_not_finite(client):
    body = json.loads(json.dumps(REQUEST))
    body["inputs"][0]["data"][3][1] = 1e39
    assert client.post(INFER, json=body).json() == {
        "error": "X contains NaN or infinity: got inf in row 3, column 1, expected finite float32 values."
    }


@settings(max_examples=100)
@given(st.binary(max_size=200), st.sampled_from(["", "gzip", "deflate"]), st.none() | st.integers(0, 300))
def test_any_body_gets_200_or_an_error_message(client, body, encoding, header_length):
    headers = {"Content-Encoding": encoding} if encoding else {}
    if header_length is not None:
        headers["Inference-Header-Content-Length"] = str(header_length)
    answer = client.post(INFER, content=body, headers=headers)
    assert answer.status_code == 200 or (answer.status_code == 400 and answer.json()["error"])


# --- what is counted ---


def test_requests_errors_batches_and_times_are_counted(client):
    before = metrics(client)
    for _ in range(3):
        client.post(INFER, json=REQUEST)
    client.post(INFER, content=b"{")
    client.post("/v2/models/nothing/infer")
    after = metrics(client)

    def change(name):
        return after[name] - before.get(name, 0)

    linear = '{model="linear"'
    assert change(f'vaefeat_requests_total{linear},status="200"}}') == 3
    assert change(f'vaefeat_requests_total{linear},status="400"}}') == 1
    assert change(f'vaefeat_errors_total{linear},reason="invalid"}}') == 1
    assert change('vaefeat_errors_total{model="",reason="not_found"}') == 1
    assert change(f"vaefeat_batch_rows_sum{linear}}}") == 15
    for name in ("inference", "queue", "request"):
        assert change(f"vaefeat_{name}_seconds_count{linear}}}") == 3
        assert change(f"vaefeat_{name}_seconds_sum{linear}}}") > 0
    assert after[f"vaefeat_queue_rows{linear}}}"] == 0


def metrics(client):
    lines = client.get("/metrics").text.splitlines()
    return {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")
    }


def test_unknown_model_names_create_no_metrics(client):
    for name in ("a", "b", "c"):
        client.post(f"/v2/models/{name}/infer")
    models = {re.search('model="(.*?)"', name)[1] for name in metrics(client) if "model=" in name}
    assert models == {"", "linear"}


# --- pages ---


@pytest.mark.parametrize("path", PAGES)
def test_pages_cannot_load_anything_from_other_hosts(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    addresses = re.findall(r"https?://[^\s\"'`<]+", answer.text)
    assert [address for address in addresses if "www.w3.org" not in address] == []


def test_openapi_lists_exactly_the_routes(client, tmp_path):
    metrics = Metrics()
    app = make_app(Service(Repository(tmp_path, BatchSettings(), metrics), metrics))
    paths = {
        (route.path, method.lower())
        for route in app.routes
        for method in route.methods - {"HEAD"}
        if route.path not in PAGES
    }
    described = client.get("/openapi.json").json()["paths"]
    assert {(path, method) for path, methods in described.items() for method in methods} == paths


def test_a_table_is_encoded_as_a_frame_is(tmp_path):
    from tests.runtime.test_columns import FRAME, model_of

    table = model_of()
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "model.onnx").write_bytes(table.to_bytes())
    rows = FRAME[:1]
    given = {
        "since": ("BYTES", ["2020-01-01"]),
        "age": ("FP64", [30.0]),
        "home": ("BYTES", ["rent"]),
        "member": ("BOOL", [True]),
    }
    inputs = [
        {"name": name, "shape": [1], "datatype": datatype, "data": data}
        for name, (datatype, data) in given.items()
    ]
    with serving(tmp_path) as live:
        answer = live.client.post("/v2/models/table/infer", json={"inputs": inputs})
        assert_array_equal(output(answer), table.run(rows)["Y"])
        inputs[1]["data"] = ["thirty"]
        inputs[1]["datatype"] = "BYTES"
        answer = live.client.post("/v2/models/table/infer", json={"inputs": inputs})
        assert answer.status_code == 400
        assert "Column 'age', row 1: got 'thirty', expected a number" in answer.json()["error"]
