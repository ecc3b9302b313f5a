import errno
import hashlib
import json
import os
import sys
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
import onnx
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import vaefeat
from vaefeat import (
    OnnxModel,
    SupervisedEncoderTransformer,
    VAEEncoderTransformer,
    __version__,
    export_onnx,
)
from vaefeat.exceptions import ExportError, ParityError
from vaefeat.export import proof as room
from vaefeat.runtime.inspection import inspect_model

PACKAGE = Path(vaefeat.__file__).parent


@pytest.fixture(scope="module")
def exported(vae, digits, tmp_path_factory):
    """Return the path of an exported file; its folder holds nothing else but the card."""
    path = tmp_path_factory.mktemp("exported") / "digits.onnx"
    return export_onnx(vae, path, X=digits[0])


@pytest.fixture(scope="module")
def card(exported):
    return json.loads(exported.with_suffix(".json").read_text())


@pytest.fixture
def folder_with_old_files(tmp_path):
    for suffix in ("onnx", "json", "md"):
        (tmp_path / f"model.{suffix}").write_text("old")
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


# --- the file ---


def test_the_file_gives_what_the_estimator_gives(exported, vae, digits):
    outputs = OnnxModel.load(exported).run(digits[0])
    assert_array_equal(outputs["z_mean"], vae.transform(digits[0]))
    assert outputs["z_log_var"].shape == (1797, 4)


def test_three_files_are_written_and_the_path_is_returned(exported):
    assert sorted(contents(exported.parent)) == ["digits.json", "digits.md", "digits.onnx"]


def test_the_file_is_accepted_and_keeps_the_contract(exported):
    found = inspect_model(exported.read_bytes())
    assert (found.ir_version, found.opsets) == (8, {"": 18})
    proto = onnx.load(exported, load_external_data=False)
    onnx.checker.check_model(proto, full_check=True)
    assert [value.name for value in proto.graph.input] == ["X"]
    assert [value.name for value in proto.graph.output] == ["z_mean", "z_log_var", "hidden"]


@pytest.mark.parametrize("as_path", [str, lambda path: path], ids=["str", "Path"])
def test_folders_are_made_and_dots_in_the_name_are_kept(vae, as_path, tmp_path):
    path = export_onnx(vae, as_path(tmp_path / "new" / "digits.v1.onnx"))
    assert path == tmp_path / "new" / "digits.v1.onnx"
    assert sorted(contents(path.parent)) == ["digits.v1.json", "digits.v1.md", "digits.v1.onnx"]


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_an_untrained_encoder_can_be_exported_without_data(vae, digits, likelihood, tmp_path):
    untrained = clone(vae).set_params(max_iter=0, likelihood=likelihood).fit(digits[0])
    model = OnnxModel.load(export_onnx(untrained, tmp_path / "model.onnx"))
    assert_array_equal(model.run(digits[0])["z_mean"], untrained.transform(digits[0]))
    assert model.card["training"]["final_loss_nats"] is None
    assert model.card["inputs"]["range"] == ([0.0, 1.0] if likelihood == "bernoulli" else None)


# --- the card ---


def test_the_card_inside_is_the_card_beside_but_for_what_is_said_of_the_file(exported, card):
    beside = dict(card)
    del beside["file"], beside["parity"]
    assert OnnxModel.load(exported).card == beside


def test_the_golden_rows_reproduce(exported, card, digits):
    golden = card["golden"]
    assert_array_equal(np.array(golden["X"], np.float32), digits[0][:2])
    z_mean = OnnxModel.load(exported).run(golden["X"])["z_mean"]
    assert_allclose(z_mean, golden["z_mean"], rtol=0, atol=1e-5)


def test_the_card_holds_the_hashes_of_the_file_and_of_the_weights(exported, card, vae):
    content = exported.read_bytes()
    assert card["file"] == {"name": "digits.onnx", "bytes": len(content), "sha256": sha256(content)}
    assert card["weights_sha256"] == sha256(vae.encoder_.to_bytes())


def test_the_card_says_what_goes_in_what_comes_out_and_how_it_was_trained(card, vae):
    assert card["name"] == "digits"
    assert card["vaefeat_version"] == __version__
    assert card["inputs"] == {
        "name": "X",
        "dtype": "float32",
        "n_features": 64,
        "feature_names": None,
        "range": [0.0, 1.0],
    }
    assert list(card["outputs"]) == ["hidden", "z_log_var", "z_mean"]
    assert card["training"]["estimator"] == " ".join(repr(vae).split())
    assert card["training"]["epochs"] == 2
    assert card["training"]["final_loss_nats"] == pytest.approx(vae.loss_curve_[-1])
    assert card["training"]["active_units"] == vae.active_units_.sum()


def test_entries_of_the_caller_s_come_into_all_three_files(vae, digits, tmp_path):
    extra = {"name": "my digits", "data": {"name": "digits", "sha256": "abc"}, "metrics": {"accuracy": 0.5}}
    path = export_onnx(vae, tmp_path / "model.onnx", X=digits[0], card=extra)
    beside = json.loads(path.with_suffix(".json").read_text())
    for card in (beside, OnnxModel.load(path).card):
        assert extra.items() <= card.items()
    page = path.with_suffix(".md").read_text()
    assert "\n# my digits\n" in page
    assert "| accuracy | 0.5 |" in page


# --- reproducibility ---


@pytest.mark.parametrize("with_data", [True, False])
def test_exporting_twice_gives_the_same_bytes(vae, digits, with_data, tmp_path):
    X = digits[0] if with_data else None
    for folder in ("one", "other"):
        export_onnx(vae, tmp_path / folder / "model.onnx", X=X)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_a_new_process_without_tensorflow_writes_the_same_bytes(vae, tmp_path, run_fresh):
    joblib.dump(vae, tmp_path / "vae.joblib")
    ours = export_onnx(vae, tmp_path / "ours" / "model.onnx")
    run_fresh(
        f"""
        import joblib
        from vaefeat import export_onnx
        folder = {str(tmp_path)!r}
        export_onnx(joblib.load(folder + "/vae.joblib"), folder + "/theirs/model.onnx")
        """,
        absent=["tensorflow", "keras", "tf2onnx"],
    )
    assert contents(tmp_path / "theirs") == contents(ours.parent)


# --- what goes wrong ---


def the_estimator_errs(monkeypatch):
    transform = VAEEncoderTransformer.transform
    monkeypatch.setattr(VAEEncoderTransformer, "transform", lambda self, X: transform(self, X) + 1e-3)


def onnx_runtime_errs(monkeypatch):
    class Wrong(OnnxModel):
        def run(self, X):
            outputs = super().run(X)
            return outputs | {"z_mean": outputs["z_mean"] + 1e-3}

    monkeypatch.setattr(room, "OnnxModel", Wrong)


def the_reference_errs(monkeypatch):
    evaluate = room._run_by_reference
    monkeypatch.setattr(
        room, "_run_by_reference", lambda proto, rows: {"z_mean": evaluate(proto, rows)["z_mean"] + 1e-3}
    )


@pytest.mark.parametrize("who_errs", [the_estimator_errs, onnx_runtime_errs, the_reference_errs])
@pytest.mark.parametrize("folder", ["tmp_path", "folder_with_old_files"])
def test_whoever_disagrees_nothing_is_written(who_errs, folder, vae, digits, request, monkeypatch):
    folder = request.getfixturevalue(folder)
    before = contents(folder)
    who_errs(monkeypatch)
    with pytest.raises(ParityError, match=r"Output 'z_mean' .* Nothing was written"):
        export_onnx(vae, folder / "model.onnx", X=digits[0])
    assert contents(folder) == before


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_files(step, vae, digits, folder_with_old_files, monkeypatch):
    def fail(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = contents(folder_with_old_files)
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left on device"):
        export_onnx(vae, folder_with_old_files / "model.onnx", X=digits[0])
    assert contents(folder_with_old_files) == before


def test_an_estimator_that_is_not_fitted_is_refused(vae, tmp_path):
    with pytest.raises(NotFittedError, match="VAEEncoderTransformer instance is not fitted yet"):
        export_onnx(clone(vae), tmp_path / "model.onnx")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("make", [lambda vae: vae.encoder_, lambda vae: type(vae), lambda vae: None])
def test_what_is_no_estimator_is_refused(make, vae, tmp_path):
    with pytest.raises(ExportError, match="expected a fitted scikit-learn estimator"):
        export_onnx(make(vae), tmp_path / "model.onnx")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", ["model", "model.pb", "model.onnx.gz", ".onnx"])
def test_a_path_with_another_ending_is_refused(name, vae, tmp_path):
    with pytest.raises(ExportError, match=r"expected one that ends in \.onnx"):
        export_onnx(vae, tmp_path / name)


def test_rows_that_are_not_finite_are_refused(vae, tmp_path):
    with pytest.raises(ValueError, match="NaN"):
        export_onnx(vae, tmp_path / "model.onnx", X=np.full((3, 64), np.nan))
    assert contents(tmp_path) == {}


def tiny(**options):
    return VAEEncoderTransformer(2, hidden_layer_sizes=(8,), max_iter=1, random_state=0, **options)


def test_a_supervised_encoder_is_exported_with_rows_of_the_data(digits, tmp_path):
    encoder = SupervisedEncoderTransformer(2, hidden_layer_sizes=(8,), n_steps=2).fit(*digits)
    path = export_onnx(encoder, tmp_path / "model.onnx", X=digits[0])
    assert OnnxModel.load(path).n_features == 64
    with pytest.raises(ExportError, match="Pass X, rows like those"):
        export_onnx(encoder, tmp_path / "other.onnx")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_an_estimator_that_gives_data_frames_is_exported(library, digits, tmp_path):
    export_onnx(tiny().set_output(transform=library).fit(digits[0]), tmp_path / "model.onnx")


@pytest.mark.parametrize("with_data", [True, False])
def test_an_estimator_fitted_on_a_data_frame_is_exported_with_its_names(with_data, digits, tmp_path):
    frame = pd.DataFrame(digits[0]).add_prefix("pixel")
    path = export_onnx(tiny().fit(frame), tmp_path / "model.onnx", X=frame if with_data else None)
    assert OnnxModel.load(path).card["inputs"]["feature_names"][:2] == ["pixel0", "pixel1"]


@pytest.mark.parametrize(
    "card", [{"data": "mnist"}, {"metrics": [1]}, {"inputs": {}}, {"metrics": {"a": np.float32(1)}}]
)
def test_a_card_that_cannot_be_written_leaves_no_file(card, vae, tmp_path):
    with pytest.raises((ExportError, ValueError, TypeError)):
        export_onnx(vae, tmp_path / "model.onnx", card=card)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("columns", [slice(63), 0])
def test_rows_of_another_shape_are_refused_in_words(columns, vae, digits, tmp_path):
    with pytest.raises(ExportError, match="expected rows of 64 features"):
        export_onnx(vae, tmp_path / "model.onnx", X=digits[0][:, columns])


def test_the_page_names_the_file_to_load(vae, tmp_path):
    path = export_onnx(vae, tmp_path / "digits.onnx")
    assert 'OnnxModel.load("digits.onnx")' in path.with_suffix(".md").read_text()


def stays(function):
    """Return how often the calls within ``function`` enter each module of vaefeat, coming from another."""
    entered = []

    def record(frame, event, argument):
        file = Path(frame.f_code.co_filename)
        is_function = not frame.f_code.co_name.startswith("<")  # neither an import nor a comprehension
        if event == "call" and PACKAGE in file.parents and is_function:
            module = file.relative_to(PACKAGE).with_suffix("").as_posix()
            if not entered or entered[-1] != module:
                entered.append(module)

    sys.setprofile(record)
    try:
        function()
    finally:
        sys.setprofile(None)
    return Counter(entered)


def test_the_export_of_a_pipeline_walks_one_way(vae, digits, tmp_path):
    X, y = digits
    pipe = make_pipeline(MinMaxScaler(), clone(vae), LogisticRegression(max_iter=100)).fit(X, y)
    counts = stays(lambda: export_onnx(pipe, tmp_path / "pipe.onnx", X=X))
    of_export = {module: n for module, n in counts.items() if module.startswith("export/")}
    assert "export/hooks" in of_export  # the way was taken
    assert max(of_export.values()) <= 3, of_export
