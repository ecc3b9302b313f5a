import json
import re
from importlib.resources import files

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.explorer.files import index_of, means_of, model_of, samples_of
from vaefeat import load_dataset
from vaefeat.explorer.folder import Exhibit, write_explorer
from vaefeat.explorer.model import ExploredModel
from vaefeat.explorer.samples import choose_samples


@pytest.fixture(scope="module")
def samples():
    return choose_samples(load_dataset("digits"))


@pytest.fixture(scope="module")
def exhibits(model_folders, samples):
    return [Exhibit(ExploredModel.load(folder), samples) for folder in model_folders]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    path = tmp_path_factory.mktemp("runtime") / "ort.wasm.min.mjs"
    path.write_text("// ONNX Runtime Web")
    return [path]


@pytest.fixture(scope="module")
def folder(exhibits, runtime, tmp_path_factory):
    return write_explorer(exhibits, tmp_path_factory.mktemp("explorer") / "above" / "out", runtime)


def test_the_folder_contains_page_runtime_models_and_each_samples_once(folder, model_folders):
    page = {file.name for file in files("vaefeat").joinpath("explorer", "page").iterdir()}
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    models = {
        f"models/{path.name}/{file}" for path in model_folders for file in ("decoder.onnx", "z_mean.f32")
    }
    others = {"base.css", "icon.svg", "explorer.json", "onnxruntime-web/ort.wasm.min.mjs", "data/0.u8"}
    assert written == page | models | others
    assert [path.name for path in folder.parent.iterdir()] == ["out"]  # and no temporary one


def test_everything_that_the_page_refers_to_exists(folder):
    texts = {path: path.read_text() for path in folder.iterdir() if path.suffix in (".html", ".js")}
    named = {
        name
        for text in texts.values()
        for name in re.findall(r'(?:href|src)="([^"]+)"|from "\./([^"]+)"', text)
        for name in name
        if name
    }
    assert named >= {"base.css", "style.css", "app.js", "models.js"}
    assert [name for name in named if not (folder / name).is_file()] == []


def test_decoders_are_copied_byte_for_byte(folder, model_folders):
    for source in model_folders:
        copy = folder / "models" / source.name / "decoder.onnx"
        assert copy.read_bytes() == (source / "decoder.onnx").read_bytes()


def test_means_and_samples_come_from_the_test_set(folder, exhibits, samples):
    digits = load_dataset("digits")
    for exhibit in exhibits:
        name = exhibit.model.name
        z_mean = exhibit.model.encoder.run(digits.X_test)["z_mean"]
        assert_array_equal(means_of(folder, name), z_mean)
    assert_allclose(samples_of(folder, "data/0.u8") / 255, digits.X_test, rtol=0, atol=1 / 510 + 1e-6)
    assert index_of(folder)["data"] == {"data/0.u8": json.loads(json.dumps(samples.describe()))}


def test_the_index_describes_each_model(folder, exhibits):
    for exhibit in exhibits:
        model = exhibit.model
        entry = model_of(folder, model.name)
        latents = model.encode(exhibit.samples.X)
        assert entry["description"] == f"The model {model.name}."
        assert entry["n_components"] == model.n_components
        assert entry["input"] == "Z"
        assert entry["n_active"] == latents.active_units.sum()
        assert_allclose(entry["kl_per_unit"], latents.kl_per_unit, rtol=0, atol=5.1e-5)


def test_more_than_two_units_are_sorted_by_activity_and_kl(folder, exhibits):
    assert model_of(folder, "digits-2")["units"] == [0, 1]
    latents = exhibits[1].model.encode(exhibits[1].samples.X)
    units = np.array(model_of(folder, "digits-6")["units"])
    n_active = latents.active_units.sum()
    assert latents.active_units[units].tolist() == [True] * n_active + [False] * (6 - n_active)
    for part in (units[:n_active], units[n_active:]):
        assert (np.diff(latents.kl_per_unit[part]) <= 0).all()


def test_models_of_other_data_bring_their_own_samples(exhibits, runtime, tmp_path):
    first, second = exhibits
    own = choose_samples(load_dataset("digits").head(10))
    write_explorer([first, Exhibit(second.model, own)], tmp_path / "out", runtime)
    assert [len(samples_of(tmp_path / "out", f"data/{i}.u8")) for i in range(2)] == [450, 10]
    assert model_of(tmp_path / "out", "digits-6")["data"] == "data/1.u8"


def test_data_of_another_width_is_refused(exhibits, tmp_path):
    np.save(tmp_path / "rows.npy", np.eye(9))
    samples = choose_samples(load_dataset(tmp_path / "rows.npy"))
    message = r"digits-2 reads rows of 64 features, but those of rows\.npy have 9\. .* --data\."
    with pytest.raises(ValueError, match=message):
        Exhibit(exhibits[0].model, samples)


def test_two_models_with_the_same_name_are_refused(exhibits, runtime, tmp_path):
    with pytest.raises(ValueError, match="expected different names: rename a folder"):
        write_explorer([exhibits[0]] * 2, tmp_path / "out", runtime)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_if_anything_fails(exhibits, tmp_path):
    with pytest.raises(FileNotFoundError):
        write_explorer(exhibits, tmp_path / "out", [tmp_path / "missing.mjs"])
    assert list(tmp_path.iterdir()) == []
