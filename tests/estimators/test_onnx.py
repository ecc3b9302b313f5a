import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from vaefeat import OnnxEncoderTransformer, OnnxModel, export_onnx
from vaefeat.exceptions import InvalidModelError

RAW = "exported/mnist-100-labels-raw/model.onnx"


@pytest.fixture(scope="module")
def path(vae, tmp_path_factory):
    return export_onnx(vae, tmp_path_factory.mktemp("encoder") / "model.onnx")


def test_a_file_gives_the_features_of_the_estimator_that_it_came_from(path, vae, digits):
    X, _ = digits
    for model in (path, str(path), path.read_bytes()):
        assert_array_equal(OnnxEncoderTransformer(model).fit_transform(X), vae.transform(X))


def test_any_matrix_that_the_model_gives_may_be_the_features(path, vae, digits):
    X, _ = digits
    encoder = OnnxEncoderTransformer(path, output="z_log_var").fit(X)
    assert_array_equal(encoder.transform(X), vae.encoder_.run(X)["z_log_var"])
    assert list(encoder.get_feature_names_out()) == [f"onnxencodertransformer{i}" for i in range(4)]


def test_a_classifier_trains_on_top_and_the_whole_is_exported_as_one_file(path, digits, tmp_path):
    X, y = digits
    pipe = make_pipeline(OnnxEncoderTransformer(path), LogisticRegression(max_iter=1_000)).fit(X, y)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X, with_features=True))
    outputs = model.run(X)
    assert_allclose(outputs["probabilities"], pipe.predict_proba(X), atol=1e-5)
    assert_allclose(outputs["z_mean"], pipe[0].transform(X), atol=1e-5)
    assert pipe.score(X, y) > 0.25  # two epochs of a small network; chance gives 0.1


def test_a_whole_pipeline_s_file_can_be_a_step_again(path, digits, tmp_path):
    X, y = digits
    first = make_pipeline(OnnxEncoderTransformer(path), LogisticRegression(max_iter=1_000)).fit(X, y)
    whole = export_onnx(first, tmp_path / "first.onnx", X=X)
    second = make_pipeline(
        OnnxEncoderTransformer(whole, output="probabilities"), LogisticRegression(max_iter=1_000)
    ).fit(X, y)
    assert_allclose(second[0].transform(X), first.predict_proba(X), atol=1e-5)
    model = OnnxModel.load(export_onnx(second, tmp_path / "second.onnx", X=X))
    assert_array_equal(model.run(X)["label"], second.predict(X))


def test_an_encoder_of_another_s_making_is_a_step_too(digits, tmp_path):
    from onnx import TensorProto, helper

    # No names of nodes, an older opset, and tensors called as ours are.
    graph = helper.make_graph(
        [helper.make_node("Relu", ["step_X"], ["step_Z"]), helper.make_node("Neg", ["step_Z"], ["code"])],
        "other",
        [helper.make_tensor_value_info("step_X", TensorProto.FLOAT, ["batch", 64])],
        [helper.make_tensor_value_info("code", TensorProto.FLOAT, ["batch", 64])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    X, y = digits
    encoder = OnnxEncoderTransformer(model.SerializeToString(), output="code")
    pipe = make_pipeline(encoder, LogisticRegression(max_iter=1_000)).fit(X, y)
    whole = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X, with_features=True))
    assert_allclose(whole.run(X)["code"], -X, atol=1e-6)
    assert_array_equal(whole.run(X)["label"], pipe.predict(X))
    alone = OnnxModel.load(export_onnx(pipe[0], tmp_path / "alone.onnx", X=X))
    assert alone.card["inputs"]["name"] == alone.input_name == "step_X"


def test_it_is_exported_by_itself_with_a_card_of_its_own(path, digits, tmp_path):
    X, _ = digits
    encoder = OnnxEncoderTransformer(path).fit(X)
    model = OnnxModel.load(export_onnx(encoder, tmp_path / "copy.onnx", X=X))
    assert_array_equal(model.run(X)["z_mean"], encoder.transform(X))
    assert model.card["name"] == "copy"


def test_a_fitted_one_needs_neither_the_file_nor_the_training_packages(vae, digits, tmp_path, run_fresh):
    X, _ = digits
    path = export_onnx(vae, tmp_path / "model.onnx")
    encoder = OnnxEncoderTransformer(path).fit(X)
    (tmp_path / "encoder.pickle").write_bytes(pickle.dumps(encoder))
    np.save(tmp_path / "X.npy", X)
    path.unlink()
    script = f"""
        import pickle, numpy as np
        encoder = pickle.loads(open({str(tmp_path / "encoder.pickle")!r}, "rb").read())
        np.save({str(tmp_path / "Z.npy")!r}, encoder.transform(np.load({str(tmp_path / "X.npy")!r})))
    """
    run_fresh(script, absent=["tensorflow", "keras", "onnx", "tf2onnx", "skl2onnx"])
    assert_array_equal(np.load(tmp_path / "Z.npy"), vae.transform(X))


def test_it_clones_and_its_parameters_are_those_given(path):
    encoder = OnnxEncoderTransformer(path, n_threads=1)
    assert clone(encoder).get_params() == encoder.get_params()


def test_data_frames_keep_their_names_and_wrong_ones_are_refused(path, digits):
    import pandas as pd

    frame = pd.DataFrame(digits[0]).add_prefix("pixel_")
    encoder = OnnxEncoderTransformer(path).fit(frame)
    assert encoder.feature_names_in_[0] == "pixel_0"
    with pytest.raises(ValueError, match="feature names should match"):
        encoder.transform(frame.add_prefix("other_"))


@pytest.mark.parametrize(
    ("parameters", "columns", "error", "message"),
    [
        ({"output": "features"}, 64, ValueError, r"expected some of \['z_mean', 'z_log_var', 'hidden'\]"),
        ({}, 63, ValueError, "X has 63 features, but the model takes 64"),
        (
            {"output": "label", "model": "exported/mnist-100-labels-raw/model.onnx"},
            784,
            ValueError,
            "not a float32 matrix",
        ),
        ({"model": b"no model"}, 64, InvalidModelError, "not an ONNX model"),
        ({"model": "nowhere.onnx"}, 64, FileNotFoundError, "nowhere.onnx"),
        ({"model": 3}, 64, ValueError, "'model' parameter"),
        ({"n_threads": -1}, 64, ValueError, "'n_threads' parameter"),
    ],
)
def test_mismatched_settings_are_refused_and_the_estimator_is_unchanged(
    parameters, columns, error, message, path, digits
):
    X, _ = digits
    encoder = OnnxEncoderTransformer(path).fit(X)
    encoder.set_params(**parameters)
    with pytest.raises(error, match=message):
        encoder.fit(np.resize(X, (3, columns)))
    assert encoder.n_features_in_ == 64
