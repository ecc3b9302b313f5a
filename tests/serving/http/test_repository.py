"""Triton's extensions for the repository and for statistics, over HTTP."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.serving.live import MODEL, put, row, serving


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    put(folder)
    put(folder, name="other")
    with serving(folder, "--allow-control") as live:
        live.folder = folder
        yield live


def index_of(live, **body):
    entries = live.client.post("/v2/repository/index", json=body).json()
    return [tuple(entry.values()) for entry in entries]


def post(live, path, **body):
    return live.client.post(f"/v2/repository/models/{path}", json=body)


def test_a_model_is_unloaded_and_loaded_as_it_is_then(live):
    put(live.folder)
    assert post(live, "linear/unload", parameters={"unload_dependents": False}).json() == {}
    assert live.infer(row()).status_code == 404
    assert index_of(live) == [("other", "1", "READY"), ("linear", "", "UNAVAILABLE", "unloaded")]
    assert index_of(live, ready=True) == [("other", "1", "READY")]
    put(live.folder, factor=2.0)
    assert post(live, "linear/load").json() == {}
    assert index_of(live) == [("linear", "1", "READY"), ("other", "1", "READY")]
    values = live.infer(row()).json()["outputs"][0]["data"]
    assert_array_equal(np.array(values, np.float32), 2 * MODEL.run(row())["Y"][0])


def test_a_refused_file_leaves_the_old_model(live):
    put(live.folder, name="other", factor=0)
    answer = post(live, "other/load")
    assert answer.status_code == 400
    assert "Version 1 of other is refused: The file is not an ONNX model" in answer.json()["error"]
    assert live.infer(row(), name="other").status_code == 200
    put(live.folder, name="other")
    assert post(live, "other/load").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("nothing/load", {}, 404),
        ("nothing/unload", {}, 404),
        ("linear/load", {"parameters": {"config": "{}"}}, 400),
        ("linear/load", {"parameters": [1]}, 400),
        ("linear/unload", {"parameters": {"file:1/model.onnx": "AAAA"}}, 400),
    ],
)
def test_what_cannot_be_done_is_refused(live, path, body, status):
    assert post(live, path, **body).status_code == status


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"ready": 1}', b"\xff"])
def test_a_bad_body_is_refused(live, content):
    assert live.client.post("/v2/repository/index", content=content).status_code == 400


def test_statistics_count_rows_runs_and_requests(live):
    def stats(path):
        return live.client.get(path).json()["model_stats"]

    before = stats("/v2/models/other/stats")[0]
    live.infer(np.zeros((3, 4)), name="other")
    live.infer(np.zeros((3, 3)), name="other")
    after = stats("/v2/models/other/versions/1/stats")[0]
    assert after["inference_count"] == before["inference_count"] + 3
    assert after["execution_count"] == before["execution_count"] + 1
    for outcome in ("success", "fail"):
        found, earlier = after["inference_stats"][outcome], before["inference_stats"][outcome]
        assert found["count"] == earlier["count"] + 1
        assert found["ns"] > earlier["ns"]
    assert {each["name"] for each in stats("/v2/models/stats")} >= {"other"}
    assert live.client.get("/v2/models/nothing/stats").status_code == 404


def test_control_is_forbidden_unless_it_is_allowed(folder):
    with serving(folder) as live:
        for verb in ("load", "unload"):
            answer = post(live, f"linear/{verb}")
            assert answer.status_code == 403
            assert "--allow-control" in answer.json()["error"]
        assert live.infer(row()).status_code == 200
