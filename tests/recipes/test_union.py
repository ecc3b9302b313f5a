import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from vaefeat import ImageWarp, OnnxModel, export_onnx
from vaefeat.recipes import make_image_union


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    union = make_image_union((8, 8), hidden_layer_sizes=(32,), max_iter=1, random_state=0)
    classifier = LogisticRegression(max_iter=1_000)
    return make_pipeline(union, classifier).fit(X[:300], y[:300])


def test_both_encoders_count_alike_in_each_image(fitted, digits):
    features = fitted[0].transform(digits[0])
    image, photo = features[:, :32], features[:, 32:]
    assert photo.shape[1] == 512
    for part in (image, photo):
        np.testing.assert_allclose(np.sum(part**2, axis=1), 512, rtol=1e-5)


def test_the_file_holds_both_encoders_and_the_classifier(fitted, digits, tmp_path):
    X, _ = digits
    outputs = OnnxModel.load(export_onnx(fitted, tmp_path / "model.onnx", X=X[:100])).run(X)
    np.testing.assert_array_equal(outputs["label"], fitted.predict(X))
    np.testing.assert_allclose(outputs["probabilities"], fitted.predict_proba(X), atol=1e-5)


def test_both_encoders_ignore_the_same_variations():
    warp = ImageWarp(rotation=5)
    union = make_image_union((8, 8), corruption=warp, n_steps=7)
    image, photo = (pipe[0] for _, pipe in union.transformer_list)
    assert image.corruption == photo.corruption == warp
    assert (image.n_steps, photo.max_iter) == (7, 0)


def test_images_that_are_too_small_are_refused_before_anything_is_trained():
    with pytest.raises(ValueError, match=r"at least 8x8 pixels, got image_shape=\(7, 9\)"):
        make_image_union((7, 9))
