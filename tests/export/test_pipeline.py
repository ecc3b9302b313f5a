import hashlib
import json

import joblib
import numpy as np
import onnxruntime
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skl2onnx import __max_supported_opset__, to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from vaefeat import OnnxModel, VAEEncoderTransformer, export_onnx
from vaefeat.exceptions import ExportError, ParityError
from vaefeat.export.pipeline import convert_estimator

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(200, 8)).astype(np.float32)
Y = np.digitize(X[:, 0] + X[:, 1], [0.8, 1.2])
FRAME = pd.DataFrame(X, columns=list("abcdefgh"))
NEW = RNG.uniform(size=(50, 8)).astype(np.float32)


def vae(n_components=3):
    return VAEEncoderTransformer(n_components, hidden_layer_sizes=(8,), max_iter=2, random_state=0)


def columns():
    return ColumnTransformer([("vae", vae(), ["a", "b", "c"]), ("scaler", MinMaxScaler(), ["h", "d"])])


CLASSIFIERS = {
    "logistic": lambda: make_pipeline(StandardScaler(), vae(), LogisticRegression()),
    "min-max": lambda: make_pipeline(MinMaxScaler(), vae(), LogisticRegression()),
    "svc": lambda: make_pipeline(StandardScaler(), vae(), CalibratedClassifierCV(SVC(), ensemble=False)),
    "forest": lambda: make_pipeline(StandardScaler(), vae(), RandomForestClassifier(5, random_state=0)),
    "neighbors": lambda: make_pipeline(StandardScaler(), vae(), KNeighborsClassifier()),
    "perceptron": lambda: make_pipeline(StandardScaler(), vae(), MLPClassifier((5,), max_iter=500, tol=1e-2)),
    "union": lambda: make_pipeline(
        StandardScaler(), FeatureUnion([("pca", PCA(2)), ("vae", vae())]), LogisticRegression()
    ),
    "left out": lambda: make_pipeline("passthrough", vae(), None, LogisticRegression()),
    "no scaler": lambda: make_pipeline(vae(), LogisticRegression()),
    "two encoders": lambda: make_pipeline(vae(5), vae(2), LogisticRegression()),
}


PIPELINES = CLASSIFIERS | {
    "columns of a data frame": lambda: make_pipeline(columns(), LogisticRegression()),
    "min-max, forest": lambda: make_pipeline(
        MinMaxScaler(), vae(), RandomForestClassifier(5, random_state=0)
    ),
    "nested": lambda: make_pipeline(make_pipeline(StandardScaler(), vae()), LogisticRegression()),
    "ridge": lambda: make_pipeline(StandardScaler(), vae(), Ridge()),
    "forest of regressors": lambda: make_pipeline(vae(), RandomForestRegressor(5, random_state=0)),
}


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_pipeline_and_its_file_agree(name, dtype, tmp_path):
    rows, new = X.astype(dtype), NEW.astype(dtype)
    if name == "columns of a data frame":
        rows, new = (pd.DataFrame(each, columns=FRAME.columns) for each in (rows, new))
    pipe = PIPELINES[name]().fit(rows, Y)
    outputs = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X)).run(NEW.astype(dtype))
    if "prediction" in outputs:
        assert_allclose(outputs["prediction"][:, 0], pipe.predict(new), atol=1e-5)
    else:
        assert_allclose(outputs["probabilities"], pipe.predict_proba(new), atol=1e-5)
        assert_array_equal(outputs["label"], pipe.predict(new))


@pytest.mark.parametrize(
    ("pipe", "method", "output"),
    [
        (make_pipeline(StandardScaler(), vae()), "transform", "z_mean"),
        (make_pipeline(vae(), StandardScaler()), "transform", "features"),
        (make_pipeline(vae(), RidgeClassifier()), "predict", "label"),
        (vae(), "transform", "z_mean"),
    ],
)
def test_transformers_and_bare_classifiers_agree_with_their_files(pipe, method, output, tmp_path):
    pipe.fit(X, Y)
    values = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X)).run(NEW)[output]
    assert_allclose(np.squeeze(values), getattr(pipe, method)(NEW), atol=1e-5)


@pytest.mark.parametrize("remainder", ["drop", "passthrough"])
def test_a_column_transformer_fitted_to_a_data_frame_takes_a_matrix(remainder, tmp_path):
    pipe = make_pipeline(columns().set_params(remainder=remainder), LogisticRegression()).fit(FRAME, Y)
    path = export_onnx(pipe, tmp_path / "pipe.onnx", X=FRAME)
    named = pd.DataFrame(NEW, columns=FRAME.columns)
    assert_allclose(OnnxModel.load(path).run(NEW)["probabilities"], pipe.predict_proba(named), atol=1e-5)
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["inputs"]["feature_names"] == list("abcdefgh")


@pytest.mark.slow
def test_the_best_estimator_of_a_search_is_exported(tmp_path):
    pipe = make_pipeline(StandardScaler(), vae(), LogisticRegression())
    search = GridSearchCV(pipe, {"vaeencodertransformer__n_components": [1, 2]}, cv=2).fit(X, Y)
    path = export_onnx(search.best_estimator_, tmp_path / "pipe.onnx", X=X)
    assert_allclose(OnnxModel.load(path).run(NEW)["probabilities"], search.predict_proba(NEW), atol=1e-5)


def test_string_classes_stay_strings(tmp_path):
    names = np.array(["low", "mid", "high"])[Y]
    pipe = make_pipeline(vae(), LogisticRegression()).fit(X, names)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X))
    assert_array_equal(model.run(NEW)["label"].astype(str), pipe.predict(NEW))
    assert model.card["classes"] == ["high", "low", "mid"]


def test_the_features_of_the_vae_step_are_given_on_request(tmp_path):
    pipe = CLASSIFIERS["union"]().fit(X, Y)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X, with_features=True))
    assert model.n_outputs == {"label": 1, "probabilities": 3, "z_mean": 3}
    scaled = pipe[0].transform(NEW)
    assert_allclose(model.run(NEW)["z_mean"], pipe[1].transformer_list[1][1].transform(scaled), atol=1e-5)


def test_bounds_that_a_scaler_clips_at_do_not_hide_the_features(tmp_path):
    pipe = make_pipeline(MinMaxScaler(clip=True), vae(), LogisticRegression()).fit(X, Y)
    model = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X, with_features=True))
    assert_allclose(model.run(NEW)["z_mean"], pipe[:-1].transform(NEW), atol=1e-5)


def test_features_of_no_vae_or_of_two_are_refused(tmp_path):
    for name, n_steps in [("two encoders", 2)]:
        pipe = CLASSIFIERS[name]().fit(X, Y)
        with pytest.raises(ExportError, match=f"needs one VAE step, got {n_steps}"):
            export_onnx(pipe, tmp_path / "pipe.onnx", X=X, with_features=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("opset", [None, 15, 18, __max_supported_opset__])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plain_skl2onnx_converts_without_registering_anything(opset, dtype):
    pipe = CLASSIFIERS["logistic"]().fit(X.astype(dtype), Y)
    proto = to_onnx(pipe, X[:1].astype(dtype), target_opset=opset, options={"zipmap": False})
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    _, probabilities = session.run(None, {"X": NEW.astype(dtype)})
    assert_allclose(probabilities, pipe.predict_proba(NEW.astype(dtype)), atol=1e-5)


def test_converting_twice_gives_the_same_bytes():
    pipe = CLASSIFIERS["neighbors"]().fit(X, Y)
    digests = {hashlib.sha256(convert_estimator(pipe).SerializeToString()).hexdigest() for _ in range(2)}
    assert len(digests) == 1


@pytest.mark.slow
def test_a_pipeline_exports_to_the_same_bytes_twice_and_in_a_fresh_process(tmp_path, run_fresh):
    pipe = CLASSIFIERS["union"]().fit(X, Y)
    joblib.dump((pipe, X), tmp_path / "pipe.joblib")
    for folder in ("first", "second"):
        export_onnx(pipe, tmp_path / folder / "pipe.onnx", X=X)
    run_fresh(
        f"""
        import joblib
        from vaefeat import export_onnx
        pipe, X = joblib.load({str(tmp_path / "pipe.joblib")!r})
        export_onnx(pipe, {str(tmp_path / "third" / "pipe.onnx")!r}, X=X)
        """
    )
    files = [tmp_path / folder / "pipe.onnx" for folder in ("first", "second", "third")]
    assert len({hashlib.sha256(file.read_bytes()).hexdigest() for file in files}) == 1


def test_the_card_beside_says_how_the_file_was_compared(tmp_path):
    path = export_onnx(CLASSIFIERS["logistic"]().fit(X, Y), tmp_path / "pipe.onnx", X=X)
    parity = json.loads(path.with_suffix(".json").read_text())["parity"]
    assert parity["rows"] == 64 + 64  # of the data, and neighbors
    assert 0 <= parity["largest_deviation"] <= 1e-5
    assert parity["labels_that_differ_at_ties"] == 0


def test_a_step_without_a_converter_is_refused_by_name(tmp_path):
    pipe = make_pipeline(FunctionTransformer(np.log1p), vae(), LogisticRegression()).fit(X, Y)
    with pytest.raises(ExportError, match=r"skl2onnx cannot convert Pipeline: .*FunctionTransformer"):
        export_onnx(pipe, tmp_path / "pipe.onnx", X=X)


def test_a_pipeline_needs_rows_to_be_compared_on(tmp_path):
    pipe = CLASSIFIERS["logistic"]().fit(X, Y)
    with pytest.raises(ExportError, match="Pass X, rows like those that Pipeline was trained on"):
        export_onnx(pipe, tmp_path / "pipe.onnx")


def test_the_step_that_deviates_is_named_and_nothing_is_written(tmp_path):
    class Wrong(StandardScaler):
        def transform(self, X):
            return super().transform(X) + 1e-3

    from skl2onnx import update_registered_converter
    from skl2onnx.operator_converters.scaler_op import convert_sklearn_scaler
    from skl2onnx.shape_calculators.scaler import calculate_sklearn_scaler_output_shapes

    update_registered_converter(
        Wrong,
        "Wrong",
        calculate_sklearn_scaler_output_shapes,
        convert_sklearn_scaler,
        options={"div": ["std", "div", "div_cast"]},
    )
    pipe = make_pipeline(MinMaxScaler(), Wrong(), vae(), LogisticRegression()).fit(X, Y)
    with pytest.raises(ParityError, match=r"The first step that deviates: wrong. Nothing was written"):
        export_onnx(pipe, tmp_path / "pipe.onnx", X=X)
    assert list(tmp_path.iterdir()) == []
