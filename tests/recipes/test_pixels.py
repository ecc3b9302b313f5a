import numpy as np
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from vaefeat import OnnxModel, export_onnx
from vaefeat.recipes import PixelScaler


def test_pixels_are_scaled_by_one_range():
    X = np.array([[0, 4.0], [8, 16], [2, 1]])
    scaler = clone(PixelScaler()).fit(X)
    assert_array_equal(scaler.transform(X), X / 16)
    assert_array_equal(scaler.transform([[-3, 99.0]]), [[0, 1]])


def test_a_pixel_scaler_is_exported(tmp_path):
    X = np.random.default_rng(0).uniform(0, 16, (100, 4)).astype(np.float32)
    pipe = make_pipeline(PixelScaler(), LogisticRegression()).fit(X, X[:, 0] > 8)
    outputs = OnnxModel.load(export_onnx(pipe, tmp_path / "model.onnx", X=X)).run(X)
    assert_array_equal(outputs["label"], pipe.predict(X))
