import json
import os
import shutil

import numpy as np
import pytest
from onnx import helper

from tests import hostile_models
from tests.onnx_models import linear_model, make_model
from vaefeat.exceptions import SandboxError
from vaefeat.runtime import sandbox
from vaefeat.runtime.sandbox import Sandbox
from vaefeat.serving.batching import BatchSettings
from vaefeat.serving.errors import ModelNotFoundError
from vaefeat.serving.metrics import Metrics
from vaefeat.serving.repository import Repository


def content(factor=1.0, *, golden=None):
    """Return a model whose first output is ``factor``, if its input is ones."""
    card = {"factor": factor} | ({"golden": golden} if golden else {})
    return linear_model(np.full((4, 2), factor / 4), np.zeros(2), metadata={"vaefeat.card": json.dumps(card)})


BAD = {
    "not a model": b"nothing of the kind",
    "cut off": content()[:-20],
    "golden rows that it does not give": content(2.0, golden={"X": [[1, 1, 1, 1]], "Y": [[3.0, 3.0]]}),
    "empty": b"",
}


def write(path, model):
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(model)
    partial.replace(path)


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def repository(tmp_path, metrics):
    return Repository(tmp_path, BatchSettings(max_rows=4), metrics)


def look(repository):
    """Take up what has changed; tell whether anything has."""
    swap = repository.read()
    if swap is not None:
        swap()
    return swap is not None


def factors(repository):
    return {served.name: served.model.card["factor"] for served in repository.models}


def loads(metrics):
    return [
        metrics._registry.get_sample_value("vaefeat_loads_total", {"outcome": outcome})
        for outcome in ("served", "refused")
    ]


def test_models_are_found_and_the_latest_version_is_served(tmp_path, repository):
    write(tmp_path / "flat" / "model.onnx", content(1.0))
    for version in (2, 10, 9):
        write(tmp_path / "many" / str(version) / "model.onnx", content(version))
    assert look(repository)
    assert factors(repository) == {"flat": 1.0, "many": 10}
    assert repository.versions("flat") == ["1"]
    assert repository.versions("many") == ["2", "9", "10"]
    assert repository.find("many", "9").model.card["factor"] == 9


@pytest.mark.parametrize(
    "path",
    [
        "model.onnx",
        ".hidden/model.onnx",
        "name/v1/model.onnx",
        "name/01/model.onnx",
        "name/-1/model.onnx",
        "name/1/2/model.onnx",
        "name/other.onnx",
        "na me/model.onnx",
        "-name/model.onnx",
    ],
)
def test_files_in_other_places_are_not_models(path, tmp_path, repository):
    write(tmp_path / path, content())
    assert not look(repository)


def test_models_may_be_links(tmp_path, repository):
    write(tmp_path / "elsewhere" / "a" / "b" / "model.onnx", content(3.0))
    (tmp_path / "name").symlink_to(tmp_path / "elsewhere" / "a" / "b")
    look(repository)
    assert factors(repository) == {"name": 3.0}


@pytest.mark.parametrize(
    "name", ["../name", "name/..", "..", ".", "", "NAME", "name\0", "%2e%2e", "a" * 10_000]
)
def test_names_that_are_not_in_the_folder_are_not_found(name, tmp_path, repository):
    write(tmp_path / "name" / "model.onnx", content())
    look(repository)
    for arguments in ((name,), ("name", name)):
        with pytest.raises(ModelNotFoundError, match="no such"):
            repository.find(*arguments)


def test_unchanged_files_are_not_read_again(tmp_path, repository, metrics):
    write(tmp_path / "name" / "model.onnx", content())
    write(tmp_path / "bad" / "model.onnx", b"")
    assert look(repository)
    assert not look(repository)
    assert loads(metrics) == [1, 1]


def test_new_models_versions_and_files_are_loaded(tmp_path, repository):
    write(tmp_path / "flat" / "model.onnx", content(1.0))
    write(tmp_path / "many" / "1" / "model.onnx", content(1.0))
    look(repository)
    write(tmp_path / "flat" / "model.onnx", content(2.0))
    write(tmp_path / "many" / "2" / "model.onnx", content(2.0))
    write(tmp_path / "new" / "model.onnx", content(2.0))
    swap = repository.read()
    assert factors(repository) == {"flat": 1.0, "many": 1.0}  # nothing changes before it is told so
    swap()
    assert factors(repository) == {"flat": 2.0, "many": 2.0, "new": 2.0}
    assert repository.find("many", "1").model.card["factor"] == 1.0


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("path", ["name/model.onnx", "name/1/model.onnx", "name/2/model.onnx"])
def test_a_bad_file_is_refused_and_the_previous_model_stays(bad, path, tmp_path, repository, metrics, caplog):
    write(tmp_path / "name" / "1" / "model.onnx", content(1.0))
    if path == "name/model.onnx":
        shutil.move(tmp_path / "name" / "1" / "model.onnx", tmp_path / "name" / "model.onnx")
        os.rmdir(tmp_path / "name" / "1")
    look(repository)
    write(tmp_path / path, bad)
    look(repository)
    assert factors(repository) == {"name": 1.0}
    assert loads(metrics) == [1, 1]
    version = path.split("/")[1] if path.count("/") == 2 else "1"
    assert list(repository.refusals) == [("name", version)]
    assert f"Refused version {version} of name: " in caplog.text
    write(tmp_path / path, content(3.0))
    look(repository)
    assert factors(repository) == {"name": 3.0}
    assert repository.refusals == {}


def test_a_removed_version_is_dropped_but_the_last_one_stays(tmp_path, repository):
    for version in (1, 2):
        write(tmp_path / "name" / str(version) / "model.onnx", content(version))
    look(repository)
    shutil.rmtree(tmp_path / "name" / "2")
    look(repository)
    assert factors(repository) == {"name": 1}
    shutil.rmtree(tmp_path / "name")
    assert not look(repository)
    assert factors(repository) == {"name": 1}


def test_a_replaced_model_stops_its_threads(tmp_path, repository):
    write(tmp_path / "name" / "model.onnx", content(1.0))
    look(repository)
    old = repository.find("name").batcher
    write(tmp_path / "name" / "model.onnx", content(2.0))
    look(repository)
    for thread in old._threads:
        thread.join(5)
        assert not thread.is_alive()
    assert repository.is_alive


def test_a_file_replaced_during_loading_is_served_as_tried(tmp_path, repository, monkeypatch):
    path = tmp_path / "name" / "model.onnx"
    write(path, content(1.0))
    try_model = Sandbox.try_model

    def replace_and_try(*args, **options):
        write(path, b"another")
        return try_model(*args, **options)

    monkeypatch.setattr(Sandbox, "try_model", replace_and_try)
    look(repository)
    assert factors(repository) == {"name": 1.0}
    monkeypatch.undo()
    look(repository)
    assert factors(repository) == {"name": 1.0}
    assert list(repository.refusals) == [("name", "1")]


def test_a_file_that_vanishes_during_listing_is_skipped(tmp_path, repository):
    (tmp_path / "name").mkdir()
    (tmp_path / "name" / "model.onnx").symlink_to(tmp_path / "nowhere")
    assert not look(repository)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path, repository, monkeypatch):
    write(tmp_path / "name" / "model.onnx", content())

    def read(path):
        raise PermissionError("no access")

    monkeypatch.setattr("vaefeat.serving.repository.read_model", read)
    look(repository)
    assert repository.refusals == {("name", "1"): "no access"}


def test_a_pipe_named_like_a_model_is_refused_at_once(tmp_path, repository):
    (tmp_path / "name").mkdir()
    os.mkfifo(tmp_path / "name" / "model.onnx")
    look(repository)
    assert "a device or a pipe, expected a regular file" in repository.refusals["name", "1"]


@pytest.mark.parametrize("kind", ["HANG", "GREED", "CRASH"])
def test_a_file_that_would_kill_or_stall_the_service_is_refused_and_the_previous_model_stays(
    kind, tmp_path, repository, metrics, monkeypatch
):
    write(tmp_path / "name" / "model.onnx", content(1.0))
    look(repository)
    monkeypatch.setattr(sandbox, "_PROGRAM", hostile_models.BLIND + sandbox._PROGRAM)
    monkeypatch.setattr(repository, "_sandbox", Sandbox(seconds=1.5))
    write(tmp_path / "name" / "model.onnx", getattr(hostile_models, kind))
    write(tmp_path / "other" / "model.onnx", content(3.0))
    look(repository)
    assert factors(repository) == {"name": 1.0, "other": 3.0}
    assert loads(metrics) == [2, 1]
    assert list(repository.refusals) == [("name", "1")]


def test_reasons_for_refusal_hold_no_control_characters(tmp_path, repository, caplog):
    names = "bad\x1b[2J\n2026-01-01 INFO Loaded"
    node = helper.make_node("MatMul", ["X", names], ["Y"], name=names)
    write(tmp_path / "name" / "model.onnx", make_model([node]))
    look(repository)
    assert "Loaded" in repository.refusals["name", "1"]
    for text in (repository.refusals["name", "1"], *(record.getMessage() for record in caplog.records)):
        assert text.isprintable()


def test_a_closed_repository_loads_nothing_more(tmp_path, repository):
    write(tmp_path / "name" / "model.onnx", content())
    repository.close()
    with pytest.raises(SandboxError, match="shutting down"):
        repository.read()


def test_a_model_whose_card_cannot_be_served_is_refused(tmp_path, repository):
    card = '{"name": "\\ud800"}'
    write(
        tmp_path / "name" / "model.onnx",
        linear_model(np.ones((4, 2)), np.zeros(2), metadata={"vaefeat.card": card}),
    )
    write(tmp_path / "other" / "model.onnx", content(1.0))
    look(repository)
    assert factors(repository) == {"other": 1.0}
    assert "surrogate" in repository.refusals["name", "1"]


# --- control ---


def test_an_unloaded_model_is_not_read_again_until_it_is_asked_for(repository, tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name / "model.onnx", content())
    look(repository)
    repository.unload("a")
    write(tmp_path / "a" / "model.onnx", content(2.0))
    write(tmp_path / "b" / "model.onnx", content(3.0))
    assert look(repository)
    assert factors(repository) == {"b": 3.0}
    repository.read("a")()
    assert factors(repository) == {"a": 2.0, "b": 3.0}
    write(tmp_path / "a" / "model.onnx", content(4.0))
    assert look(repository)
    assert factors(repository) == {"a": 4.0, "b": 3.0}


def test_reading_one_model_leaves_the_others_as_they_are(repository, tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name / "model.onnx", content())
    look(repository)
    for name in ("a", "b"):
        write(tmp_path / name / "model.onnx", content(2.0))
    repository.read("a")()
    assert factors(repository) == {"a": 2.0, "b": 1.0}


def test_what_is_not_served_cannot_be_unloaded(repository):
    with pytest.raises(ModelNotFoundError):
        repository.unload("a")
