"""The steps of a Pipeline as its export sees them."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import _safe_indexing

from vaefeat.export.rows import as_estimator_takes
from vaefeat.protocols import FeatureEncoder


def without_passthrough(pipeline: Pipeline) -> Pipeline:
    """Return a Pipeline without the steps that do nothing, and do not know their width, however deep."""
    steps = []
    for name, step in pipeline.steps:
        inner = without_passthrough(step) if isinstance(step, Pipeline) else step
        is_empty = inner in ("passthrough", None) or (isinstance(inner, Pipeline) and not inner.steps)
        if not is_empty:
            steps.append((name, inner))
    return Pipeline(steps)


def encoders_of(estimator: Any) -> list[FeatureEncoder]:
    """Return the encoders among the steps, however deep."""
    return [step for step in list(_steps(estimator)) if isinstance(step, FeatureEncoder)]


def _steps(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and all its steps."""
    yield estimator
    if not isinstance(estimator, (Pipeline, FeatureUnion, ColumnTransformer)):
        return
    for attribute in ("steps", "transformer_list", "transformers_"):
        for _, step, *_ in getattr(estimator, attribute, ()):
            yield from _steps(step)


def by_position(estimator: Any) -> Any:
    """Return the estimator with the columns of its ColumnTransformers given by their positions.

    A file takes one matrix, whose columns have no names, and skl2onnx does not know all ways to name them.
    """
    if not isinstance(estimator, (Pipeline, FeatureUnion, BaseSearchCV, ColumnTransformer)):
        return estimator
    converted = copy.copy(estimator)
    if isinstance(estimator, Pipeline):
        steps = without_passthrough(estimator).steps or [("passthrough", FunctionTransformer())]
        converted.steps = [(name, by_position(step)) for name, step in steps]
    elif isinstance(estimator, FeatureUnion):
        kept = [(name, step) for name, step in estimator.transformer_list if step != "drop"]
        converted.transformer_list = [(name, by_position(step)) for name, step in kept]
    elif isinstance(estimator, BaseSearchCV):
        converted.best_estimator_ = by_position(estimator.best_estimator_)
    else:
        converted.transformers_ = [
            (name, by_position(step), _positions(estimator, columns))
            for name, step, columns in estimator.transformers_
        ]
    return converted


def _positions(estimator: ColumnTransformer, columns: Any) -> list[int]:
    positions = as_estimator_takes(estimator, np.arange(estimator.n_features_in_)[None])
    chosen = _safe_indexing(positions, [columns] if np.isscalar(columns) else columns, axis=1)
    return [int(i) for i in np.ravel(chosen)]
