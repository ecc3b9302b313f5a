"""A fitted estimator, or a whole Pipeline, as an ONNX file with its card."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from sklearn.base import BaseEstimator, is_classifier, is_outlier_detector
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from vaefeat import __version__
from vaefeat.exceptions import ExportError, ParityError
from vaefeat.export.artefact import N_GOLDEN_ROWS, checked_path, serialize, write_model
from vaefeat.export.pipeline import (
    LABEL,
    PROBABILITIES,
    SCORES,
    convert_estimator,
    encoders_of,
    features_name,
    without_passthrough,
)
from vaefeat.runtime import OnnxModel
from vaefeat.runtime import card as cards
from vaefeat.runtime.inspection import sha256_of_weights
from vaefeat.runtime.parity import check_outputs

N_PARITY_ROWS = 64
OWN_ENTRIES = {"inputs", "outputs", "classes", "weights_sha256", "golden", "file", "parity"}
# Operators that onnx's own evaluator gets wrong: its probabilities of this one leave [0, 1] (onnx 1.23).
NOT_BY_REFERENCE = {"SVMClassifier"}


def export_onnx(
    estimator: Any,
    path: str | os.PathLike[str],
    *,
    X: Any = None,
    card: Mapping[str, Any] | None = None,
    with_features: bool = False,
) -> Path:
    """Write a fitted estimator, a whole Pipeline for one, as an ONNX file with its card beside it.

    Three files are written: ``path``, and with the endings .json and .md the card. Before that the
    bytes to be written are run by ONNX Runtime and by the ONNX reference evaluator (but for support
    vector classifiers, which the latter gets wrong), and both must give what the estimator gives:
    features and probabilities within 1e-5, the same labels but where two classes tie.

    Parameters
    ----------
    estimator : estimator
        A fitted VAEEncoderTransformer, or a Pipeline or other estimator that skl2onnx can convert,
        with vaefeat's estimators among its steps.
    path : path
        Ends in .onnx.
    X : array-like of shape (n_samples, n_features), optional
        Rows like those of the training, on which the file and the estimator are compared; some of
        them are kept in the card. Constant rows are tried as well, and one row alone. A
        VAEEncoderTransformer can do without: it generates its own. If some hold NaN, the file takes
        NaN too: the estimator must begin with an imputer, or with a scaler and an imputer.
    card : mapping, optional
        Entries for the card: ``name``, ``description``, ``data``, ``metrics``, ``training``, ...
    with_features : bool, default=False
        Give a Pipeline what its VAE or autoencoder step makes as one more output, by the name that the
        step's ``output`` has: ``z_mean``, ``hidden``, ``code`` or ``reconstruction``.

    Returns
    -------
    path : pathlib.Path

    Raises
    ------
    ParityError
        If the file does not give what the estimator gives; nothing is written then. Of a Pipeline
        the error names the first step that deviates.
    ExportError
        If the estimator cannot be exported.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from vaefeat import OnnxModel, VAEEncoderTransformer, export_onnx
    >>> X, y = load_digits(return_X_y=True)
    >>> vae = VAEEncoderTransformer(8, hidden_layer_sizes=(16,), max_iter=1, random_state=0)
    >>> pipe = make_pipeline(MinMaxScaler(), vae, LogisticRegression(max_iter=1000)).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export_onnx(pipe, f"{folder}/digits.onnx", X=X)
    ...     outputs = OnnxModel.load(path).run(X)
    >>> outputs["probabilities"].shape
    (1797, 10)
    >>> bool((outputs["label"] == pipe.predict(X)).all())
    True
    """
    path = checked_path(Path(path))
    if not isinstance(estimator, BaseEstimator):
        raise ExportError(f"Got {estimator!r}, expected a fitted scikit-learn estimator.")
    entries = checked_entries(card)
    check_is_fitted(estimator)
    if isinstance(estimator, Pipeline):
        estimator = without_passthrough(estimator)
    rows = _parity_rows(estimator, X)
    proto = convert_estimator(estimator, with_features=with_features)
    expected = _expected(estimator, rows)
    full_card = _card(estimator, path, proto) | entries
    if np.isnan(rows).any():
        full_card["inputs"]["allow_nan"] = True
    try:
        write_proven(path, proto, full_card, rows, expected)
    except ParityError as exc:
        step = _first_deviating_step(estimator, rows)
        raise ParityError(f"{exc} The first step that deviates: {step}. Nothing was written.") from exc
    return path


def checked_entries(card: Mapping[str, Any] | None) -> cards.Card:
    """Return the caller's entries for a card, if none is the exporter's own."""
    if reserved := OWN_ENTRIES & set(card or {}):
        raise ExportError(f"The card's entries {sorted(reserved)} are the exporter's own; leave them out.")
    return dict(card or {})


# --- parity ---


def write_proven(
    path: Path,
    proto: onnx.ModelProto,
    card: Mapping[str, Any],
    rows: np.ndarray,
    expected: Mapping[str, np.ndarray],
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
    content = serialize(proto, card)
    parity = check_outputs(expected, OnnxModel(content).run(rows))
    check_outputs(_first(expected), OnnxModel(content).run(rows[:1]))
    if not NOT_BY_REFERENCE & {node.op_type for node in proto.graph.node}:
        check_outputs(expected, _evaluate_by_reference(proto, rows))
    write_model(path, content, card | {"parity": {"rows": len(rows), **parity}})


def _parity_rows(estimator: Any, X: Any) -> np.ndarray:
    """Return rows from the data, or like them, and rows from the edge."""
    if X is None:
        if not hasattr(estimator, "encoder_") or not hasattr(estimator, "sample"):
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


def _first(outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values[:1] for name, values in outputs.items()}


def _expected(estimator: Any, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the estimator gives, by the names of the file's outputs."""
    named = _with_feature_names(estimator, rows)
    if is_classifier(estimator):
        expected = {LABEL: np.asarray(estimator.predict(named))}
        if hasattr(estimator, "predict_proba"):
            expected[PROBABILITIES] = estimator.predict_proba(named)
        return expected
    if is_outlier_detector(estimator):
        decision = estimator.decision_function(named)
        return {LABEL: estimator.predict(named)[:, None], SCORES: decision[:, None].astype(np.float32)}
    if hasattr(estimator, "predict"):
        prediction = np.asarray(estimator.predict(named))
        return {"prediction": prediction.reshape(len(rows), -1)}  # ONNX has a column where there is one
    return {features_name(estimator): np.asarray(estimator.transform(named))}


def _with_feature_names(estimator: Any, rows: np.ndarray) -> Any:
    if not hasattr(estimator, "feature_names_in_"):
        return rows
    from pandas import DataFrame

    return DataFrame(rows, columns=estimator.feature_names_in_)


def _evaluate_by_reference(proto: onnx.ModelProto, rows: np.ndarray) -> dict[str, np.ndarray]:
    from onnx.reference import ReferenceEvaluator

    names = [output.name for output in proto.graph.output]
    with np.errstate(over="ignore"):  # a sigmoid of its own, far below zero
        outputs = ReferenceEvaluator(proto).run(names, {proto.graph.input[0].name: rows})
    return dict(zip(names, outputs, strict=True))


def _first_deviating_step(estimator: Any, rows: np.ndarray) -> str:
    steps = estimator.steps if isinstance(estimator, Pipeline) else []
    for i, (name, _) in enumerate(steps[:-1], start=1):
        head = estimator[:i]
        try:
            model = OnnxModel(convert_estimator(head).SerializeToString())
            check_outputs(_expected(head, rows), model.run(rows))
        except ParityError:
            return name
    return steps[-1][0] if steps else type(estimator).__name__


# --- the card ---


def _card(estimator: Any, path: Path, proto: onnx.ModelProto) -> cards.Card:
    names = getattr(estimator, "feature_names_in_", None)
    encoders = encoders_of(estimator)
    vae = encoders[0] if len(encoders) == 1 else None
    is_encoder = vae is estimator
    in_unit_range = is_encoder and estimator._takes_probabilities
    card = {
        "name": path.stem,
        "description": _describe(estimator, is_encoder),
        "classes": np.asarray(estimator.classes_).tolist() if is_classifier(estimator) else None,
        "training": {"estimator": " ".join(repr(estimator).split()), **describe_training(vae)},
        **describe_graph(proto),
    }
    card["inputs"] |= {
        "feature_names": None if names is None else [str(name) for name in names],
        "range": [0.0, 1.0] if in_unit_range else None,
    }
    return card


def _describe(estimator: Any, is_encoder: bool) -> str:
    kind = type(estimator).__name__
    if not is_encoder:
        return f"A scikit-learn {kind}, whole."
    parts = "encoder" if estimator._output_name in estimator.encoder_.output_names else "encoder and decoder"
    return f"The {parts} of {'an' if kind[0] in 'AEIOU' else 'a'} {kind}."


def describe_graph(proto: onnx.ModelProto) -> cards.Card:
    """Return what a card says of any model: what goes in, what comes out, and the weights' sha256."""
    tensor = proto.graph.input[0]
    return {
        "vaefeat_version": __version__,
        "inputs": {
            "name": tensor.name,
            "dtype": "float32",
            "n_features": tensor.type.tensor_type.shape.dim[1].dim_value,
            "feature_names": None,
            "range": None,
        },
        "outputs": {output.name: _describe_output(output) for output in proto.graph.output},
        "weights_sha256": sha256_of_weights(proto.SerializeToString(deterministic=True)),
    }


def describe_training(vae: Any) -> dict[str, Any]:
    """Return what a card says of how an encoder and its decoder were trained."""
    if not hasattr(vae, "n_iter_"):  # no encoder, or one that was trained elsewhere
        return {}
    active = getattr(vae, "active_units_", None)
    final_loss = "final_loss" if getattr(vae, "loss", None) == "squared_error" else "final_loss_nats"
    return {
        "epochs": vae.n_iter_,
        final_loss: float(vae.loss_curve_[-1]) if vae.loss_curve_ else None,
        "active_units": None if active is None else int(active.sum()),
    }


def _describe_output(output: onnx.ValueInfoProto) -> str:
    tensor = output.type.tensor_type
    dtype = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    dims = [str(dim.dim_value) for dim in tensor.shape.dim[1:]]
    return f"{'float32' if dtype == 'float' else dtype}, ({', '.join(['n_samples', *dims])})"
