"""Quantization: the weights of matrix products as int8, if the accuracy holds."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from sklearn.linear_model import LogisticRegression

from vaefeat.exceptions import ExportError
from vaefeat.export.arguments import checked_path
from vaefeat.export.artifact import N_GOLDEN_ROWS, serialize, write_model
from vaefeat.export.canonical import OPSET, at_opset, canonicalize
from vaefeat.export.outputs import LABEL, PREDICTION
from vaefeat.runtime import OnnxModel
from vaefeat.runtime import card as cards
from vaefeat.runtime.inspection import sha256_of_weights

MAX_DROP = 0.01
N_TRAIN = 5_000  # labeled rows for the classifier by which an encoder is judged
N_SPEED_ROWS, N_SPEED_RUNS = 1_024, 21


@dataclass(frozen=True)
class Quantization:
    """The effect on a model; each pair is before and after.

    Attributes
    ----------
    n_bytes : tuple of int
    accuracy : tuple of float
    rows_per_second : tuple of float
    """

    n_bytes: tuple[int, int]
    accuracy: tuple[float, float]
    rows_per_second: tuple[float, float]


def quantize(
    model: OnnxModel,
    path: str | os.PathLike[str],
    X: np.ndarray,
    y: np.ndarray,
    X_test: np.ndarray,
    y_test: np.ndarray,
    *,
    max_drop: float = MAX_DROP,
) -> Quantization:
    """Write a model with the weights of its matrix products as 8-bit integers, if the accuracy holds.

    Activations are scaled to 8 bits at run time, by the largest value among all rows of a run: unlike before,
    the outputs for a row depend slightly on the other rows of the run.

    Parameters
    ----------
    model : OnnxModel
        A classifier's whole Pipeline, judged by its labels; or an encoder, judged by a logistic
        regression on its features.
    path : path
        Ends in .onnx.
    X, y : ndarrays of shape (n_samples, n_features) and (n_samples,)
        Labeled rows on which that logistic regression is fitted; unused for a Pipeline.
    X_test, y_test : ndarrays
        Labeled rows on which the accuracy is measured, before and after.
    max_drop : float, default=0.01
        The largest drop of the accuracy that is accepted.

    Returns
    -------
    Quantization

    Raises
    ------
    ExportError
        If the accuracy drops by more, the file would not become smaller, or there is nothing to
        quantize; nothing is written then.

    References
    ----------
    Jacob et al. (2018), "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference".
    """
    path = checked_path(path)
    if PREDICTION in model.output_names:
        raise ExportError("A regressor has no accuracy to judge by: it is not quantized.")
    proto = _with_int8_weights(model)
    smaller = OnnxModel(proto.SerializeToString(deterministic=True))
    before, after = (_accuracy(each, X, y, X_test, y_test) for each in (model, smaller))
    if before - after > max_drop:
        raise ExportError(
            f"With int8 weights the accuracy falls from {before:.4f} to {after:.4f}, more than the "
            f"{max_drop:g} allowed. Nothing was written."
        )
    card = _card(model, smaller, path.stem, X_test)
    card["metrics"] = {"accuracy": after, "accuracy_before_quantization": before}
    content = serialize(proto, card)
    n_bytes = len(model.to_bytes()), len(content)
    if n_bytes[1] >= n_bytes[0]:
        raise ExportError(f"With int8 weights the file would grow from {n_bytes[0]} to {n_bytes[1]} bytes.")
    write_model(path, content, card)
    return Quantization(n_bytes, (before, after), _rows_per_second(model, smaller, X_test))


def _with_int8_weights(model: OnnxModel) -> onnx.ModelProto:
    proto = at_opset(onnx.load_model_from_string(model.to_bytes()), OPSET)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        with _silent_root_logger():
            quantize_dynamic(proto, file, op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8)
        quantized = onnx.load(file)
    if not any(node.op_type == "MatMulInteger" for node in quantized.graph.node):
        raise ExportError("The model has no matrix product with constant weights: nothing can be quantized.")
    return canonicalize(quantized, proto.graph.name)


@contextmanager
def _silent_root_logger() -> Iterator[None]:
    """Keep ONNX Runtime from recommending, through the root logger, what our graphs do not need."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


def _accuracy(model: OnnxModel, X: Any, y: Any, X_test: Any, y_test: Any) -> float:
    if LABEL in model.output_names:
        labels = model.run(X_test, [LABEL])[LABEL]
        return float(np.mean(labels.astype(object) == np.asarray(y_test, object)))
    features = model.output_names[0]
    classifier = LogisticRegression(max_iter=5_000)
    classifier.fit(model.run(X[:N_TRAIN], [features])[features], y[:N_TRAIN])
    return float(classifier.score(model.run(X_test, [features])[features], y_test))


def _rows_per_second(model: OnnxModel, smaller: OnnxModel, X: np.ndarray) -> tuple[float, float]:
    rows = np.resize(X, (N_SPEED_ROWS, X.shape[1])).astype(np.float32)
    seconds: tuple[list[float], list[float]] = [], []
    for _ in range(N_SPEED_RUNS):  # alternately, so that both see the same load on the machine
        for each, times in zip((model, smaller), seconds, strict=True):
            started = time.perf_counter()
            each.run(rows)
            times.append(time.perf_counter() - started)
    return N_SPEED_ROWS / float(np.median(seconds[0])), N_SPEED_ROWS / float(np.median(seconds[1]))


def _card(model: OnnxModel, smaller: OnnxModel, name: str, X: np.ndarray) -> cards.Card:
    rows = np.asarray((model.card.get("golden") or {}).get("X", X[:N_GOLDEN_ROWS]), np.float32)
    outputs = smaller.run(rows)
    return {
        "description": name,
        **{key: entry for key, entry in model.card.items() if key not in ("file", "parity")},
        "inputs": (model.card.get("inputs") or {})
        | {"name": model.input_name, "dtype": "float32", "n_features": model.n_features},
        "name": name,
        "quantization": {"weights": "int8", "activations": "uint8, scaled by the largest of a run"},
        "weights_sha256": sha256_of_weights(smaller.to_bytes()),
        "golden": {"X": rows.tolist()} | {key: values.tolist() for key, values in outputs.items()},
    }
