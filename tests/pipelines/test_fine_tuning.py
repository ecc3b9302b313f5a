import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from pipelines.experiments import fine_tuning
from pipelines.experiments.command import EXPORTED
from pipelines.experiments.fine_tuning import fine_tune
from vaefeat import ImageWarp, OnnxEncoderTransformer, OnnxModel, export_onnx, mask_labels

X, CODES = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
LABELED = mask_labels(CODES, 500, random_state=0) != -1
MODEL = (EXPORTED / "digits-image-vae" / "model.onnx").read_bytes()


def tuned(n_steps):
    corruption = ImageWarp(thickness=0)
    return fine_tune(MODEL, X[LABELED], CODES[LABELED], (8, 8), corruption, n_steps=n_steps)


def hidden(model):
    return OnnxEncoderTransformer(model, output="hidden").fit(X)


def test_it_starts_from_the_encoder(monkeypatch):
    monkeypatch.setattr(fine_tuning, "LEARNING_RATE", 0.0)
    assert_allclose(hidden(tuned(2)).transform(X), hidden(MODEL).transform(X), atol=1e-5)


@pytest.fixture(scope="module")
def after():
    return tuned(200)


def test_the_same_seed_gives_the_same_bytes(after):
    assert tuned(200) == after


def test_its_features_tell_classes_apart_better(after):
    def accuracy(features):
        classifier = LogisticRegression(max_iter=2_000).fit(features[LABELED], CODES[LABELED])
        return classifier.score(features[~LABELED], CODES[~LABELED])

    assert accuracy(hidden(after).transform(X)) > accuracy(hidden(MODEL).transform(X))


def test_it_leaves_in_one_file_with_the_classifier_behind_it(after, tmp_path):
    pipe = make_pipeline(hidden(after), LogisticRegression(max_iter=500)).fit(X[LABELED], CODES[LABELED])
    path = export_onnx(pipe, tmp_path / "model.onnx", X=X)
    assert_array_equal(OnnxModel.load(path).run(X)["label"], pipe.predict(X))
