import json

import numpy as np
import onnx
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from typer.testing import CliRunner

from vaefeat import OnnxModel, VAEEncoderTransformer, export_onnx, verify
from vaefeat.cli import app
from vaefeat.exceptions import ExportError
from vaefeat.export.quantization import quantize

ENCODER = "exported/digits-vae/model.onnx"


@pytest.fixture(scope="module")
def halves(digits):
    X, y = digits
    return X[::2], y[::2], X[1::2], y[1::2]


@pytest.fixture(scope="module")
def encoder():
    return OnnxModel.load(ENCODER)


@pytest.fixture(scope="module")
def quantized(encoder, halves, tmp_path_factory):
    path = tmp_path_factory.mktemp("quantized") / "small.onnx"
    return path, quantize(encoder, path, *halves)


def test_the_file_is_a_quarter_as_large_and_as_good(quantized):
    path, found = quantized
    before, after = found.n_bytes
    assert after == path.stat().st_size < 0.3 * before
    assert found.accuracy[0] - 0.01 <= found.accuracy[1]
    assert found.accuracy[0] > 0.85
    assert min(found.rows_per_second) > 0


def test_the_features_are_nearly_those_of_before(quantized, encoder, halves):
    X = halves[0]
    features, before = OnnxModel.load(quantized[0]).run(X)["z_mean"], encoder.run(X)["z_mean"]
    error = np.sqrt(np.mean((features - before) ** 2)) / before.std()
    assert 0 < error < 0.05


def test_the_card_says_what_was_done_and_the_file_verifies(quantized):
    path, found = quantized
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["name"] == "small"
    assert card["quantization"]["weights"] == "int8"
    assert card["metrics"] == {
        "accuracy": found.accuracy[1],
        "accuracy_before_quantization": found.accuracy[0],
    }
    assert card["data"]["name"] == "digits"
    assert "parity" not in card
    assert [check.passed for check in verify(path)] == [True, True, True]


def test_the_same_model_quantises_to_the_same_bytes(quantized, encoder, halves, tmp_path):
    quantize(encoder, tmp_path / "small.onnx", *halves)
    assert (tmp_path / "small.onnx").read_bytes() == quantized[0].read_bytes()


def test_a_whole_pipeline_is_judged_by_its_labels(vae, halves, tmp_path):
    X, y, X_test, y_test = halves
    pipe = make_pipeline(MinMaxScaler(), clone(vae), LogisticRegression(max_iter=1_000)).fit(X, y)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X))
    found = quantize(model, tmp_path / "small.onnx", *halves, max_drop=0.05)
    assert found.accuracy[0] == pytest.approx(pipe.score(X_test, y_test))


def test_a_model_that_would_suffer_is_refused_and_an_old_file_stays(encoder, halves, tmp_path):
    path = tmp_path / "small.onnx"
    path.write_bytes(b"old")
    proto = onnx.load(ENCODER)
    weights = proto.graph.initializer[0]
    spoiled = onnx.numpy_helper.to_array(weights).copy()
    spoiled[0, 0] = 1e4  # one weight so large that eight bits are left for nothing else
    weights.CopyFrom(onnx.numpy_helper.from_array(spoiled, weights.name))
    del proto.metadata_props[:]
    model = OnnxModel(proto.SerializeToString())
    with pytest.raises(
        ExportError, match=r"the accuracy falls from 0\.\d+ to 0\.\d+, .* Nothing was written"
    ):
        quantize(model, path, *halves)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_a_regressor_is_refused(vae, halves, tmp_path):
    X, y, *_ = halves
    pipe = make_pipeline(clone(vae), Ridge()).fit(X, y)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X))
    with pytest.raises(ExportError, match="no accuracy to judge by"):
        quantize(model, tmp_path / "small.onnx", *halves)


def test_a_file_that_would_grow_is_refused(halves, tmp_path):
    model = VAEEncoderTransformer(1, hidden_layer_sizes=(), max_iter=0).fit(halves[0]).encoder_
    with pytest.raises(ExportError, match="would grow from"):
        quantize(model, tmp_path / "small.onnx", *halves, max_drop=1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_matrix_products_is_refused(digits, halves, tmp_path):
    X, y = digits
    model = OnnxModel.load(
        export_onnx(LogisticRegression(max_iter=1_000).fit(X, y), tmp_path / "raw.onnx", X=X)
    )
    with pytest.raises(ExportError, match="no matrix product"):
        quantize(model, tmp_path / "small.onnx", *halves)


def test_the_root_logger_is_left_as_it_was_and_hears_nothing(encoder, halves, tmp_path, caplog):
    quantize(encoder, tmp_path / "small.onnx", *halves)
    assert caplog.records == []


# --- the command ---


def invoke(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_the_command_reports_size_accuracy_and_speed(tmp_path):
    result = invoke(ENCODER, tmp_path / "small.onnx", "--quantize", "--data", "digits")
    assert result.exit_code == 0, result.output
    for word in ("before", "after", "MB", "accuracy", "rows/s"):
        assert word in result.stdout
    assert sorted(file.name for file in tmp_path.iterdir()) == ["small.json", "small.md", "small.onnx"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["small.onnx"], "Expected one form to write the model in: --quantize or --triton"),
        (["small.onnx", "--quantize", "--data", "frey-face"], "has no classes to measure accuracy on"),
        (["small.bin", "--quantize"], "expected one that ends in .onnx"),
    ],
)
def test_the_command_says_what_it_cannot_do(arguments, message, tmp_path, load_or_skip):
    if "frey-face" in arguments:
        load_or_skip("frey-face")
    name, *options = arguments
    result = invoke(ENCODER, tmp_path / name, *options)
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []
