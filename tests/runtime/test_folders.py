from pathlib import Path

import pytest

from vaefeat.runtime.folders import card_paths, find_models, is_model_name, version_path


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_models_are_found_with_and_without_versions(tmp_path):
    expected = {
        ("flat", "1"): write(tmp_path / "flat" / "model.onnx"),
        ("many", "2"): write(tmp_path / "many" / "2" / "model.onnx"),
        ("many", "10"): write(tmp_path / "many" / "10" / "model.onnx"),
    }
    assert find_models(tmp_path) == expected


def test_a_numbered_version_1_wins_over_the_file_without_a_version(tmp_path):
    write(tmp_path / "name" / "model.onnx")
    path = write(tmp_path / "name" / "1" / "model.onnx")
    assert find_models(tmp_path) == {("name", "1"): path}


@pytest.mark.parametrize(
    "path",
    [
        *("model.onnx", ".hidden/model.onnx", "name/v1/model.onnx", "name/01/model.onnx"),
        *("name/-1/model.onnx", "name/1/2/model.onnx", "name/other.onnx", "na me/model.onnx"),
        *("-name/model.onnx", "name/decoder.onnx"),
    ],
)
def test_files_in_other_places_are_not_models(path, tmp_path):
    write(tmp_path / path)
    assert find_models(tmp_path) == {}


def test_a_missing_folder_holds_no_models(tmp_path):
    assert find_models(tmp_path / "missing") == {}


def test_a_model_written_as_a_version_is_found(tmp_path):
    path = write(version_path(tmp_path, "name", "7"))
    assert find_models(tmp_path) == {("name", "7"): path}


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", ".hidden", "a b", 'a"b', "a\n"])
def test_names_that_could_lead_elsewhere_are_not_names_of_models(name):
    assert not is_model_name(name)


@pytest.mark.parametrize("name", ["a", "mnist-vae_50", "v1.2", "0"])
def test_names_of_letters_digits_and_marks_are_names_of_models(name):
    assert is_model_name(name)


def test_cards_lie_beside_the_model():
    assert card_paths(Path("a/digits.v1.onnx")) == (Path("a/digits.v1.json"), Path("a/digits.v1.md"))
