"""The proof of a file: before it is written, two evaluators must give what the estimator gives."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
from sklearn.pipeline import Pipeline

from vaefeat.exceptions import ParityError
from vaefeat.export.artifact import N_GOLDEN_ROWS, serialize, write_model
from vaefeat.export.outputs import expected_outputs
from vaefeat.export.pipeline import convert_estimator
from vaefeat.export.rows import Rows, as_estimator_takes
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.parity import check_outputs, check_run

# Operators that onnx's own evaluator gets wrong: its probabilities for this one leave [0, 1] (onnx 1.23).
NOT_BY_REFERENCE = {"SVMClassifier"}

Outputs = Mapping[str, np.ndarray]


def outputs_to_prove(estimator: Any, file: OnnxModel, rows: Rows) -> dict[str, np.ndarray]:
    """Return what the estimator gives for the rows, or, where these need rounding, for the rounded ones.

    Steps magnify what is lost in the cast to float32. Where that is little, which
    :func:`vaefeat.export.precision.check_precision` finds out, the computation can still be compared digit
    by digit.
    """
    expected = expected_outputs(estimator, rows.given)
    try:
        check_outputs(expected, file.run(rows.cast))
    except ParityError:
        return expected_outputs(estimator, as_estimator_takes(estimator, rows.cast))
    return expected


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
    content = serialize(proto, card)
    model = OnnxModel(content)
    parity = check_run(expected, model.run, rows)
    check_run(of_first_row, model.run, rows[:1])
    if not NOT_BY_REFERENCE & {node.op_type for node in proto.graph.node}:
        check_run(expected, partial(_run_by_reference, proto), rows)
    write_model(path, content, card | {"parity": {"rows": len(rows), **parity}})


def _run_by_reference(proto: onnx.ModelProto, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the ONNX reference evaluator gives."""
    from onnx.reference import ReferenceEvaluator

    names = [output.name for output in proto.graph.output]
    with np.errstate(all="ignore"):  # its own sigmoid overflows far below zero, for instance
        outputs = ReferenceEvaluator(proto).run(names, {proto.graph.input[0].name: rows})
    return dict(zip(names, cast(list[np.ndarray], outputs), strict=True))


def first_deviating_step(estimator: Any, rows: Rows) -> str:
    """Return the name of the first step of a Pipeline whose file does not give what the step gives."""
    steps = estimator.steps if isinstance(estimator, Pipeline) else []
    for i, (name, _) in enumerate(steps[:-1], start=1):
        head = estimator[:i]
        try:
            model = OnnxModel(convert_estimator(head).SerializeToString())
            check_run(outputs_to_prove(head, model, rows), model.run, rows.cast)
        except ParityError:
            return name
    return steps[-1][0] if steps else type(estimator).__name__
