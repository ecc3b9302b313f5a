"""What scikit-learn's users pass: sparse rows, NumPy's scalars as parameters, Keras set otherwise, forks."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from vaefeat import (
    AutoencoderTransformer,
    GraphClassifier,
    M2Classifier,
    OnnxEncoderTransformer,
    SupervisedEncoderTransformer,
    VAEEncoderTransformer,
    export_onnx,
)
from vaefeat.training.loop import _idle

X, Y = load_iris(return_X_y=True)
SMALL = {"hidden_layer_sizes": (8,), "random_state": 0}
ESTIMATORS = {
    "VAE": VAEEncoderTransformer(2, max_iter=2, **SMALL),
    "autoencoder": AutoencoderTransformer(2, max_iter=2, **SMALL),
    "supervised": SupervisedEncoderTransformer(2, n_steps=4, **SMALL),
    "M2": M2Classifier(2, max_iter=2, **SMALL),
    "graph": GraphClassifier(n_steps=2, **SMALL),
}


def output(estimator, rows):
    return (estimator.transform if hasattr(estimator, "transform") else estimator.predict_proba)(rows)


@pytest.mark.filterwarnings("ignore:The classifier is right for:UserWarning")  # after two epochs
@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_are_those_rows(kind, form):
    estimator = ESTIMATORS[kind]
    y = np.where(np.arange(150) % 3 == 0, -1, Y) if kind in ("M2", "graph") else Y
    expected = output(estimator.fit(X, y), X)
    assert_array_equal(output(estimator.fit(form(X), y), form(X)), expected)


def test_words_and_categories_reach_an_encoder_as_they_come():
    words = make_pipeline(
        CountVectorizer(), VAEEncoderTransformer(1, likelihood="poisson", max_iter=1, **SMALL)
    )
    assert words.fit_transform(["a cat and a dog", "a dog", "the cat and the dog"]).shape == (3, 1)
    columns = make_column_transformer((OneHotEncoder(), [0]), remainder="passthrough", sparse_threshold=1.0)
    pipe = make_pipeline(columns, VAEEncoderTransformer(1, max_iter=1, **SMALL), LogisticRegression())
    assert pipe.fit(X.round(), Y).predict(X.round()).shape == (150,)


def test_numbers_of_numpy_are_parameters():
    plain = VAEEncoderTransformer(2, hidden_layer_sizes=(8,), batch_size=50, max_iter=2, random_state=0)
    of_numpy = VAEEncoderTransformer(
        np.int64(2),
        hidden_layer_sizes=np.array([8]),
        batch_size=np.int32(50),
        max_iter=np.int64(2),
        beta=np.float32(1),
        random_state=np.int64(0),
    )
    assert_array_equal(of_numpy.fit(X).transform(X), plain.fit(X).transform(X))


SETTINGS = {
    "floatx": (keras.config.floatx, keras.config.set_floatx, "float64"),
    "policy": (keras.config.dtype_policy, keras.config.set_dtype_policy, "mixed_float16"),
    "format": (keras.config.image_data_format, keras.config.set_image_data_format, "channels_first"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_how_keras_is_set_changes_nothing_and_is_not_changed(name):
    images = load_digits().data / 16
    vae = VAEEncoderTransformer(2, image_shape=(8, 8), filters=(2,), max_iter=1, **SMALL)
    expected = vae.fit(images).transform(images)
    read, write, value = SETTINGS[name]
    before = read()
    _idle.clear()  # a network that was built before would not be built anew
    write(value)
    try:
        assert_array_equal(vae.fit(images).transform(images), expected)
        assert getattr(read(), "name", read()) == value
    finally:
        write(before)


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(RuntimeError, match="KERAS_BACKEND is jax, expected tensorflow: unset it"):
        ESTIMATORS["VAE"].fit(X)


@pytest.mark.slow
def test_a_forked_process_refuses_to_train_instead_of_waiting_forever(run_fresh):
    script = """
        import os
        import numpy as np
        from vaefeat import VAEEncoderTransformer
        vae, X = VAEEncoderTransformer(1, hidden_layer_sizes=(4,), max_iter=1), np.eye(4)
        vae.fit(X)
        if os.fork() == 0:
            try:
                vae.fit(X)
            except RuntimeError as exc:
                print(str(exc)[:42], flush=True)
            os._exit(0)
        os.wait()
    """
    assert "This process was forked from one in which" in run_fresh(script)


def test_a_model_with_names_takes_these_columns_alone(tmp_path):
    import pandas as pd

    frame = pd.DataFrame(X, columns=list("abcd"))
    path = export_onnx(
        VAEEncoderTransformer(2, max_iter=1, **SMALL).fit(frame), tmp_path / "model.onnx", X=frame
    )
    encoder = OnnxEncoderTransformer(path).fit(frame)
    assert encoder.transform(frame).shape == (150, 2)
    for other in (frame[list("dcba")], frame.rename(columns={"a": "z"})):
        with pytest.raises(ValueError, match=r"but the model takes \['a', 'b', 'c', 'd'\], in this order"):
            OnnxEncoderTransformer(path).fit(other)
