"""The proof of a file: before it is written, two evaluators must give what the estimator gives."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
from sklearn.base import is_outlier_detector
from sklearn.pipeline import Pipeline

from vaefeat.exceptions import ExportError, ParityError
from vaefeat.export.artifact import N_GOLDEN_ROWS, serialize, write_model
from vaefeat.export.outputs import file_outputs
from vaefeat.export.pipeline import convert_estimator
from vaefeat.protocols import LatentModel
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.parity import check_outputs

N_PARITY_ROWS = 64
# Operators that onnx's own evaluator gets wrong: its probabilities of this one leave [0, 1] (onnx 1.23).
NOT_BY_REFERENCE = {"SVMClassifier"}

Outputs = Mapping[str, np.ndarray]


def parity_rows(estimator: Any, X: Any) -> np.ndarray:
    """Return rows from the data, or like them, and constant rows."""
    if X is None:
        if not (isinstance(estimator, LatentModel) and hasattr(estimator, "sample")):
            raise ExportError(
                f"Pass X, rows like those that {type(estimator).__name__} was trained on: "
                "the file is compared with the estimator on them before it is written."
            )
        X = estimator.sample(N_PARITY_ROWS, random_state=0)
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused when the rows are run
        rows = np.asarray(X, dtype=np.float32)
    n_features = estimator.n_features_in_
    if rows.ndim != 2 or rows.shape[1] != n_features:
        raise ExportError(f"Got X of shape {rows.shape}, expected rows of {n_features} features.")
    complete_last = np.argsort(~np.isnan(rows).any(axis=1), kind="stable")
    rows = rows[complete_last[:N_PARITY_ROWS]]
    constant = np.array([[0.0], [0.5], [1.0]], np.float32)
    rows = np.concatenate([rows, np.repeat(constant, n_features, axis=1)])
    if is_outlier_detector(estimator):  # so far out that float32 holds no score: nothing to compare
        rows = rows[np.isfinite(estimator.decision_function(_with_feature_names(estimator, rows)))]
    return rows


def expected_outputs(estimator: Any, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the estimator gives, by the names of the file's outputs."""
    named = _with_feature_names(estimator, rows)
    return {output.name: output.compute(named) for output in file_outputs(estimator)}


def write_proven(
    path: Path, proto: onnx.ModelProto, card: Mapping[str, Any], rows: np.ndarray, expected: Outputs
) -> None:
    """Write a model and its card, if on ``rows`` two evaluators give the ``expected`` outputs.

    Raises
    ------
    ParityError
        If one of them does not; nothing is written then.
    """
    golden = np.flatnonzero(~np.isnan(rows).any(axis=1))[:N_GOLDEN_ROWS]  # JSON has no NaN
    values = {proto.graph.input[0].name: rows, **expected}
    card = {**card, "golden": {name: array[golden].tolist() for name, array in values.items()}}
    of_first_row = {name: values[:1] for name, values in expected.items()}
    by_reference = _evaluate_by_reference(proto, rows)
    content = serialize(proto, card)
    model = OnnxModel(content)
    parity = check_outputs(expected, model.run(rows))
    check_outputs(of_first_row, model.run(rows[:1]))
    if by_reference is not None:
        check_outputs(expected, by_reference)
    write_model(path, content, card | {"parity": {"rows": len(rows), **parity}})


def _evaluate_by_reference(proto: onnx.ModelProto, rows: np.ndarray) -> dict[str, np.ndarray] | None:
    """Return what the ONNX reference evaluator gives, or None if it gets an operator wrong."""
    from onnx.reference import ReferenceEvaluator

    if NOT_BY_REFERENCE & {node.op_type for node in proto.graph.node}:
        return None
    names = [output.name for output in proto.graph.output]
    with np.errstate(over="ignore"):  # its own sigmoid overflows far below zero
        outputs = ReferenceEvaluator(proto).run(names, {proto.graph.input[0].name: rows})
    return dict(zip(names, cast(list[np.ndarray], outputs), strict=True))


def first_deviating_step(estimator: Any, rows: np.ndarray) -> str:
    """Return the name of the first step of a Pipeline whose file does not give what the step gives."""
    steps = estimator.steps if isinstance(estimator, Pipeline) else []
    for i, (name, _) in enumerate(steps[:-1], start=1):
        head = estimator[:i]
        try:
            model = OnnxModel(convert_estimator(head).SerializeToString())
            check_outputs(expected_outputs(head, rows), model.run(rows))
        except ParityError:
            return name
    return steps[-1][0] if steps else type(estimator).__name__


def _with_feature_names(estimator: Any, rows: np.ndarray) -> Any:
    if not hasattr(estimator, "feature_names_in_"):
        return rows
    from pandas import DataFrame

    return DataFrame(rows, columns=estimator.feature_names_in_)
