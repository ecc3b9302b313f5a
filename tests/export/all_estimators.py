"""Which of scikit-learn's own estimators can be exported: the record behind docs/export.md.

``python -m tests.export.all_estimators`` fits and exports each, and writes the record and the page.
"""

import inspect
import json
import tempfile
import textwrap
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import all_estimators

from vaefeat import export_onnx
from vaefeat.exceptions import ExportError, InvalidModelError, ParityError

RECORD = Path(__file__).with_name("all_estimators.json")
PAGE = Path(__file__).parents[2] / "docs" / "export.md"
BEGIN, END = "<!-- begin of the table -->", "<!-- end of the table -->"

RNG = np.random.default_rng(0)
N, D = 80, 5
X = RNG.uniform(0.01, 1, size=(N, D)).astype(np.float32)  # positive, as some ask for
Y = np.digitize(X[:, 0] + X[:, 1], [0.8, 1.2])
TARGETS = (X @ RNG.uniform(size=(D, 2))).astype(np.float32)
EXPORTED, NOT_ROWS = "exported", "takes no rows of numbers"
BY_SKL2ONNX, OTHERWISE = "refused by skl2onnx", "converted by skl2onnx into something else"
BY_US = "refused by vaefeat"

SETTINGS: dict[str, dict[str, Any]] = {
    "ClassifierChain": {"estimator": LogisticRegression()},
    "ColumnTransformer": {"transformers": [("a", StandardScaler(), [0, 1]), ("b", MinMaxScaler(), [2, 3])]},
    "FeatureUnion": {"transformer_list": [("a", StandardScaler()), ("b", MinMaxScaler())]},
    "FixedThresholdClassifier": {"estimator": LogisticRegression()},
    "FrozenEstimator": {"estimator": LogisticRegression().fit(X, Y)},
    "GridSearchCV": {"estimator": LogisticRegression(), "param_grid": {"C": [0.1, 1.0]}},
    "HalvingGridSearchCV": {"estimator": LogisticRegression(), "param_grid": {"C": [0.1, 1.0]}},
    "GaussianProcessRegressor": {"alpha": 0.1},
    "GenericUnivariateSelect": {"mode": "k_best", "param": 2},
    "SelectPercentile": {"percentile": 50},
    "QuantileTransformer": {"n_quantiles": 20},
    "KBinsDiscretizer": {"encode": "onehot-dense", "quantile_method": "averaged_inverted_cdf"},
    "KernelPCA": {"n_components": 2},
    "CCA": {"n_components": 1},
    "PLSCanonical": {"n_components": 1},
    "PLSSVD": {"n_components": 1},
    "MultiOutputClassifier": {"estimator": LogisticRegression()},
    "MultiOutputRegressor": {"estimator": Ridge()},
    "OneVsOneClassifier": {"estimator": LogisticRegression()},
    "OneVsRestClassifier": {"estimator": LogisticRegression()},
    "OutputCodeClassifier": {"estimator": LogisticRegression()},
    "Pipeline": {"steps": [("a", StandardScaler()), ("b", LogisticRegression())]},
    "RandomizedSearchCV": {
        "estimator": LogisticRegression(),
        "param_distributions": {"C": [0.1, 1.0]},
        "n_iter": 2,
    },
    "RFE": {"estimator": LogisticRegression()},
    "RFECV": {"estimator": LogisticRegression()},
    "RegressorChain": {"estimator": Ridge()},
    "SelectFromModel": {"estimator": LogisticRegression()},
    "SelfTrainingClassifier": {"estimator": LogisticRegression()},
    "SequentialFeatureSelector": {"estimator": LogisticRegression(), "n_features_to_select": 2},
    "StackingClassifier": {"estimators": [("a", LogisticRegression()), ("b", GaussianNB())]},
    "StackingRegressor": {"estimators": [("a", Ridge()), ("b", LinearRegression())]},
    "TunedThresholdClassifierCV": {"estimator": LogisticRegression()},
    "VotingClassifier": {
        "estimators": [("a", LogisticRegression()), ("b", GaussianNB())],
        "flatten_transform": False,
    },
    "VotingRegressor": {"estimators": [("a", Ridge()), ("b", LinearRegression())]},
    # With few rows and default settings these have nothing to select or to tell apart.
    "LocalOutlierFactor": {"novelty": True},
    "RandomTreesEmbedding": {"n_estimators": 5, "sparse_output": False},
    "OneHotEncoder": {"sparse_output": False},
    "GaussianRandomProjection": {"n_components": 3},
    "SparseRandomProjection": {"n_components": 3},
}
EXPERIMENTAL = ("HalvingGridSearchCV", "HalvingRandomSearchCV", "IterativeImputer")
FEWER = {"n_estimators": 5, "random_state": 0}  # quick, and the same each time
CODED = {"CategoricalNB", "OneHotEncoder", "OrdinalEncoder", "TargetEncoder"}
BINARY = {
    "GaussianProcessClassifier",
    "TargetEncoder",
    "FixedThresholdClassifier",
    "TunedThresholdClassifierCV",
}


def estimators() -> dict[str, type]:
    """Return scikit-learn's estimators that answer for new rows, but for those that must be enabled first."""
    answers = ("predict", "transform", "decision_function")
    return {
        name: kind
        for name, kind in all_estimators()
        if name not in EXPERIMENTAL and any(hasattr(kind, each) for each in answers)
    }


def _fitted(kind: type) -> tuple[BaseEstimator, np.ndarray]:
    name = kind.__name__
    settings = SETTINGS.get(name, {})
    defaults = inspect.signature(kind).parameters
    estimator = kind(**{key: value for key, value in FEWER.items() if key in defaults} | settings)
    rows = np.round(X * 4) if name in CODED else X
    return clone(estimator).fit(
        rows[:, :1] if name == "IsotonicRegression" else rows, _target(name, estimator)
    ), rows


def _target(name: str, estimator: BaseEstimator) -> np.ndarray:
    if name == "MultiOutputClassifier" or name == "ClassifierChain":
        return np.column_stack([Y > 0, Y > 1]).astype(int)
    if "MultiTask" in name or "MultiOutput" in name or name == "RegressorChain":
        return TARGETS
    if is_regressor(estimator) or name.startswith(("PLS", "CCA")):
        return np.round(np.exp(TARGETS[:, 0]), 3)  # positive, as some ask for
    return (Y > 0).astype(int) if name in BINARY else Y


def _short(exc: Exception) -> str:
    return textwrap.shorten(f"{type(exc).__name__}: {exc}", 160)


def outcome_of(kind: type) -> tuple[str, str]:
    """Fit and export an estimator with its defaults; return what became of it, and why."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fitted, rows = _fitted(kind)
        except Exception as exc:  # estimators have their own ways of not accepting a table
            return NOT_ROWS, _short(exc)
        try:
            with tempfile.TemporaryDirectory() as folder:
                export_onnx(fitted, f"{folder}/model.onnx", X=rows)
        except InvalidModelError as exc:
            not_run = str(exc).startswith("ONNX Runtime cannot run")
            return OTHERWISE if not_run else BY_US, _short(exc)
        except ParityError as exc:
            return OTHERWISE, _short(exc)
        except ExportError as exc:
            if str(exc).endswith("it has no ONNX file."):
                return NOT_ROWS, _short(exc)
            return BY_SKL2ONNX if str(exc).startswith("skl2onnx cannot convert") else BY_US, _short(exc)
        except Exception as exc:
            return BY_US, _short(exc)
    return EXPORTED, ""


def record() -> dict[str, list[str]]:
    """Return the outcome of every estimator."""
    return {name: list(outcome_of(kind)) for name, kind in estimators().items()}


def page(outcomes: dict[str, list[str]]) -> str:
    """Return the page with the table of these outcomes in it."""
    lines = ["| outcome | estimators |", "| --- | --- |"]
    for outcome in (EXPORTED, BY_SKL2ONNX, OTHERWISE, NOT_ROWS, BY_US):
        names = [f"`{name}`" for name, (found, _) in outcomes.items() if found == outcome]
        lines.append(f"| {outcome}: {len(names)} | {', '.join(names)} |")
    head, _, rest = PAGE.read_text().partition(BEGIN)
    return "\n".join([head + BEGIN, *lines, END + rest.partition(END)[2]])


if __name__ == "__main__":
    outcomes = record()
    RECORD.write_text(json.dumps(outcomes, indent=1) + "\n")
    PAGE.write_text(page(outcomes))
