import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.explorer.files import index_of
from vaefeat.cli import app
from vaefeat.explorer.onnxruntime_web import FILES


@pytest.fixture
def runtime(tmp_path):
    """A package that is as good as ONNX Runtime Web, as long as nobody runs it."""
    dist = tmp_path / "package" / "dist"
    dist.mkdir(parents=True)
    for name in FILES:
        (dist / name).touch()
    return tmp_path / "package"


@pytest.fixture
def explore(runtime, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where there is no node_modules

    def explore(*arguments):
        arguments = ["--out", "out", "--onnxruntime-web", runtime, *arguments]
        return CliRunner().invoke(app, ["explore", *map(str, arguments)])

    return explore


@pytest.fixture
def rows(tmp_path):
    """Rows like digits, with a class in the last column."""
    rng = np.random.default_rng(0)
    path = tmp_path / "rows.npy"
    np.save(path, np.column_stack([rng.random((40, 64)), np.arange(40) % 2]))
    return path


def failed(result):
    """Return the sentence in which a failure is said."""
    assert result.exit_code == 1
    return " ".join(result.stderr.split())


def test_explore_writes_an_explorer_and_says_how_to_open_it(explore, model_folders, tmp_path):
    result = explore(*model_folders)
    assert result.exit_code == 0, result.output
    assert "Wrote an explorer of digits-2, digits-6 to out." in result.stdout
    assert "python -m http.server --bind 127.0.0.1 --directory out" in result.stdout
    assert [model["name"] for model in index_of(tmp_path / "out")["models"]] == ["digits-2", "digits-6"]


def test_the_data_come_from_the_card_or_a_file(explore, model_folders, rows, tmp_path):
    result = explore(model_folders[0], "--data", rows, "--target", "-1", "--image-shape", "8x8")
    assert result.exit_code == 0, result.output
    (data,) = index_of(tmp_path / "out")["data"].values()
    assert (data["name"], data["n_samples"], data["image_shape"]) == ("rows.npy", 10, [8, 8])
    assert data["classes"] == ["0", "1"]


def test_a_file_without_classes_and_shape_is_a_table(explore, model_folders, tmp_path):
    np.save(tmp_path / "table.npy", np.random.default_rng(0).random((40, 64)))
    result = explore(model_folders[0], "--data", tmp_path / "table.npy")
    assert result.exit_code == 0, result.output
    (data,) = index_of(tmp_path / "out")["data"].values()
    assert (data["image_shape"], data["classes"], data["is_ordered"]) == (None, None, False)


@pytest.mark.parametrize("card", [{}, {"data": "digits"}, {"data": {"name": "../secret.npy"}}])
def test_a_card_cannot_name_a_file_of_the_user(explore, card, model_folders, tmp_path):
    onnx = pytest.importorskip("onnx")
    folder = shutil.copytree(model_folders[0], tmp_path / "copy")
    proto = onnx.load(folder / "model.onnx")
    onnx.helper.set_model_props(proto, {"vaefeat.card": json.dumps(card)})
    onnx.save(proto, folder / "model.onnx")
    assert "The card of copy names no known data set" in failed(explore(folder))


def test_data_of_another_width_is_refused_in_one_sentence(explore, model_folders, tmp_path):
    np.save(tmp_path / "rows.npy", np.eye(9))
    sentence = failed(explore(model_folders[0], "--data", "rows.npy"))
    assert "digits-2 reads rows of 64 features, but those of rows.npy have 9" in sentence


def test_a_folder_without_a_decoder_is_refused_in_one_sentence(explore, model_folders, tmp_path):
    folder = shutil.copytree(model_folders[0], tmp_path / "copy")
    (folder / "decoder.onnx").unlink()
    assert "There is no decoder.onnx in" in failed(explore(model_folders[1], folder))
    assert not (tmp_path / "out").exists()


def test_a_decoder_that_does_not_fit_is_refused_in_one_sentence(explore, model_folders, tmp_path):
    folder = shutil.copytree(model_folders[0], tmp_path / "copy")
    shutil.copy(model_folders[1] / "decoder.onnx", folder)
    assert "The decoder of copy does not fit its encoder" in failed(explore(folder))


def test_a_folder_that_is_not_empty_is_left_unchanged(explore, model_folders, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    assert "There is something at" in failed(explore(model_folders[0]))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_missing_onnx_runtime_web_is_reported_with_the_command_to_install_it(
    model_folders, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["explore", str(model_folders[0]), "--out", "out"])
    assert "Install it with: npm install --no-save onnxruntime-web" in failed(result)


def test_explore_needs_no_training_packages(run_fresh, model_folders, tmp_path, runtime):
    folder, out = str(model_folders[0]), str(tmp_path / "out")
    script = f"""
        import numpy as np
        from vaefeat.data import datasets
        from vaefeat.cli import app
        X = np.zeros((20, 64), np.float32)
        datasets.load_dataset = lambda name, **_: datasets.Dataset(name, X, None, X, None, "", (8, 8))
        arguments = ["explore", {folder!r}, "--out", {out!r}, "--onnxruntime-web", {str(runtime)!r}]
        app(arguments, standalone_mode=False)
    """
    run_fresh(script, absent="tensorflow keras sklearn scipy pandas onnx tf2onnx skl2onnx".split())
    assert (tmp_path / "out" / "index.html").is_file()
