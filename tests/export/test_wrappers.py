import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from vaefeat import M2Classifier, OnnxModel, VAEEncoderTransformer, export_onnx

X = np.random.default_rng(0).normal(size=(100, 6))
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=list("abcdef"))


def vae():
    return VAEEncoderTransformer(2, hidden_layer_sizes=(4,), max_iter=1, random_state=0)


def columns(first, second):
    return ColumnTransformer([("vae", vae(), first), ("scaler", StandardScaler(), second)])


@pytest.mark.parametrize(
    "chosen",
    [slice(0, 3), slice(-3, None), [-1, -2], [0, 2], np.arange(6) < 3, [True] * 3 + [False] * 3],
    ids=["slice", "negative slice", "negative", "positions", "mask", "list of booleans"],
)
@pytest.mark.parametrize("named", [True, False])
def test_columns_are_chosen_in_every_way_of_scikit_learn(chosen, named, tmp_path):
    check(make_pipeline(columns(chosen, [5]), LogisticRegression()), FRAME if named else X, tmp_path)


@pytest.mark.parametrize("chosen", [slice("b", "d"), make_column_selector(dtype_include=float)])
def test_columns_are_chosen_by_a_slice_of_names_or_by_a_function(chosen, tmp_path):
    check(make_pipeline(columns(chosen, ["a"]), LogisticRegression()), FRAME, tmp_path)


WRAPPERS = {
    "a union of columns": FeatureUnion([("columns", columns(["a", "b"], ["c"])), ("pca", PCA(2))]),
    "a union with parts left out": FeatureUnion([("vae", vae()), ("a", "drop"), ("b", "passthrough")]),
    "nested steps left out": ColumnTransformer(
        [
            ("a", "passthrough", ["a", "b"]),
            ("b", "drop", ["c"]),
            ("c", Pipeline([("nothing", "passthrough"), ("vae", vae())]), ["d", "e"]),
        ],
        remainder="passthrough",
    ),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_around_named_columns_are_exported(name, tmp_path):
    check(make_pipeline(WRAPPERS[name], LogisticRegression()), FRAME, tmp_path)


@pytest.mark.parametrize(
    "first",
    [
        SimpleImputer(),
        PCA(6),
        FeatureUnion([("pca", PCA(2)), ("scaler", StandardScaler())]),
        ColumnTransformer([("scaler", StandardScaler(), [1, 2])], remainder="passthrough"),
    ],
    ids=lambda step: type(step).__name__,
)
def test_columns_are_chosen_from_what_another_step_gives(first, tmp_path):
    chosen = ColumnTransformer([("scaler", StandardScaler(), slice(1, 3))], remainder="passthrough")
    check(make_pipeline(first, chosen, LogisticRegression()), X, tmp_path)


@pytest.mark.slow
def test_a_search_over_named_columns_is_exported_whole(tmp_path):
    pipe = make_pipeline(columns(["a", "b"], ["c"]), LogisticRegression())
    check(GridSearchCV(pipe, {"logisticregression__C": [0.1, 1]}, cv=2), FRAME, tmp_path)


def m2():
    return M2Classifier(2, hidden_layer_sizes=(4,), max_iter=1, random_state=0)


@pytest.mark.filterwarnings("ignore:y contains no unlabeled samples:UserWarning")
@pytest.mark.filterwarnings("ignore:The classifier is right for:UserWarning")  # after one epoch
@pytest.mark.parametrize(
    "estimator",
    [
        OneVsRestClassifier(m2()),
        pytest.param(CalibratedClassifierCV(m2(), cv=2), marks=pytest.mark.slow),
        pytest.param(BaggingClassifier(m2(), n_estimators=2, random_state=0), marks=pytest.mark.slow),
        pytest.param(
            StackingClassifier([("m2", m2()), ("vae", make_pipeline(vae(), LogisticRegression()))], cv=2),
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_meta_estimators_are_exported_with_the_classifiers_that_they_hold(estimator, tmp_path):
    check(estimator, X, tmp_path)


@pytest.mark.parametrize(
    "end",
    [OneVsOneClassifier(LogisticRegression()), LinearSVC(), SGDClassifier(random_state=0), Perceptron()],
)
def test_classifiers_without_probabilities_have_their_labels(end, tmp_path):
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    pipe = make_pipeline(StandardScaler(), vae(), end).fit(X, y)
    labels = OnnxModel.load(export_onnx(pipe, tmp_path / "pipe.onnx", X=X)).run(X)["label"]
    assert labels.shape == (100,)
    assert_array_equal(labels, pipe.predict(X))


def test_steps_that_do_nothing_are_left_out_however_deep(tmp_path):
    nothing = Pipeline([("nothing", "passthrough")])
    check(make_pipeline(make_pipeline(nothing, "passthrough", vae()), LogisticRegression()), X, tmp_path)


def check(estimator, rows, folder):
    estimator.fit(rows, Y)
    outputs = OnnxModel.load(export_onnx(estimator, folder / "pipe.onnx", X=rows)).run(rows)
    assert_allclose(outputs["probabilities"], estimator.predict_proba(rows), atol=1e-5)
    assert_array_equal(outputs["label"], estimator.predict(rows))
