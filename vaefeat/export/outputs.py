"""What a file gives: the names of its outputs, and what the estimator gives by these names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier, is_clusterer, is_outlier_detector
from sklearn.pipeline import Pipeline

from vaefeat.protocols import FeatureEncoder
from vaefeat.runtime.rows import as_numbers

LABEL, PROBABILITIES, SCORES = "label", "probabilities", "scores"
PREDICTION, FEATURES = "prediction", "features"


@dataclass(frozen=True)
class FileOutput:
    """An output of a file.

    Attributes
    ----------
    name : str
    compute : callable
        From rows as the estimator takes them to an array of shape (n_samples,) or (n_samples, n_columns).
    """

    name: str
    compute: Callable[[Any], np.ndarray]


def file_outputs(estimator: Any) -> list[FileOutput]:
    """Return the outputs of an estimator's file, in their order.

    For a classifier, ``label`` and, if it has them, ``probabilities``; for a clusterer, ``label``; for an
    outlier detector, ``label`` and ``scores``, its ``decision_function``; for a regressor, ``prediction``;
    for a transformer, the name of the encoder's features if it ends in one, else ``features``.
    """
    if is_classifier(estimator):
        outputs = [FileOutput(LABEL, estimator.predict)]
        if hasattr(estimator, "predict_proba") and not has_many_targets(estimator):
            outputs.append(FileOutput(PROBABILITIES, estimator.predict_proba))
        return outputs
    if is_clusterer(estimator) and hasattr(estimator, "predict"):
        return [FileOutput(LABEL, estimator.predict)]
    if is_outlier_detector(estimator):
        return [
            FileOutput(LABEL, lambda X: estimator.predict(X)[:, None]),
            FileOutput(SCORES, lambda X: estimator.decision_function(X)[:, None].astype(np.float32)),
        ]
    if hasattr(estimator, "predict"):  # ONNX has a column where there is one target
        return [FileOutput(PREDICTION, lambda X: np.asarray(estimator.predict(X)).reshape(len(X), -1))]
    return [FileOutput(_features_name(estimator), lambda X: as_numbers(estimator.transform(X)))]


def has_many_targets(classifier: Any) -> bool:
    """Return whether a classifier predicts several labels for a row: its file gives these, (N, n_targets)."""
    return isinstance(getattr(classifier, "classes_", None), list)


def expected_outputs(estimator: Any, rows: Any) -> dict[str, np.ndarray]:
    """Return what the estimator gives, by the names of the file's outputs."""
    return {output.name: output.compute(rows) for output in file_outputs(estimator)}


def _features_name(estimator: BaseEstimator) -> str:
    last_step = estimator
    while isinstance(last_step, Pipeline):
        last_step = last_step[-1]
    return last_step.feature_name if isinstance(last_step, FeatureEncoder) else FEATURES
