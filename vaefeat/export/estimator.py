"""A fitted estimator as an ONNX file with its card."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from vaefeat import __version__
from vaefeat.exceptions import ExportError
from vaefeat.export import card as cards
from vaefeat.export.files import write_atomically
from vaefeat.export.parity import check_parity
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.model import CARD_KEY

N_GOLDEN_ROWS = 2
N_PARITY_ROWS = 64


def export_onnx(
    estimator: Any,
    path: str | os.PathLike[str],
    *,
    X: Any = None,
    card: Mapping[str, Any] | None = None,
) -> Path:
    """Write the encoder of a fitted estimator as an ONNX file, with its card beside it.

    Three files are written: ``path``, and with the endings .json and .md the card. Before that the
    bytes to be written are run by ONNX Runtime and by the ONNX reference evaluator, and both must
    give what ``estimator.transform`` gives.

    Parameters
    ----------
    estimator : VAEEncoderTransformer
        A fitted one.
    path : path
        Ends in .onnx.
    X : array-like of shape (n_samples, n_features), optional
        Rows on which the file and the estimator are compared; by default rows that the estimator
        itself generates. All zeros, all ones and one row alone are tried as well.
    card : mapping, optional
        Entries for the card: ``name``, ``description``, ``data``, ``metrics``, ``training``, ...

    Returns
    -------
    path : pathlib.Path

    Raises
    ------
    ParityError
        If the file does not give what the estimator gives; nothing is written then.
    ExportError
        If the estimator cannot be exported.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import OnnxModel, VAEEncoderTransformer, export_onnx
    >>> X = load_digits().data / 16
    >>> vae = VAEEncoderTransformer(8, max_iter=1, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export_onnx(vae, f"{folder}/digits.onnx", X=X)
    ...     OnnxModel.load(path).run(X)["z_mean"].shape
    (1797, 8)
    """
    from sklearn.utils.validation import check_is_fitted

    path = Path(path)
    if path.suffix != ".onnx":
        raise ExportError(f"Got the path {str(path)!r}, expected one that ends in .onnx.")
    if not hasattr(type(estimator), "transform") or not _has_encoder(estimator):
        raise ExportError(
            f"Cannot export {type(estimator).__name__}: expected a VAEEncoderTransformer. "
            "Of a Pipeline, pass the step: pipeline[-2]."
        )
    check_is_fitted(estimator)
    rows = _parity_rows(estimator, X)
    expected = {"z_mean": estimator.transform(rows)}
    proto = onnx.load_model_from_string(estimator.encoder_.to_bytes())
    full_card = _card(estimator, path, rows[:N_GOLDEN_ROWS], expected["z_mean"][:N_GOLDEN_ROWS]) | dict(
        card or {}
    )
    onnx.helper.set_model_props(proto, {CARD_KEY: cards.to_json(full_card)})
    content = proto.SerializeToString(deterministic=True)

    check_parity(expected, OnnxModel(content).run(rows))
    check_parity(expected, _evaluate_by_reference(proto, rows))

    beside = full_card | {"file": {"name": path.name, "bytes": len(content), "sha256": _sha256(content)}}
    write_atomically(path, content)
    write_atomically(path.with_suffix(".json"), cards.to_json(beside).encode() + b"\n")
    write_atomically(path.with_suffix(".md"), cards.to_markdown(beside).encode())
    return path


def _has_encoder(estimator: Any) -> bool:
    from vaefeat.estimators._base import OnnxTransformer

    return isinstance(estimator, OnnxTransformer)


def _parity_rows(estimator: Any, X: Any) -> np.ndarray:
    """Return rows from the data, or like them, and rows from the edge."""
    if X is None:
        X = estimator.sample(N_PARITY_ROWS, random_state=0)
    rows = np.asarray(X, dtype=np.float32)[:N_PARITY_ROWS]
    n_features = estimator.n_features_in_
    return np.concatenate([rows, np.zeros((1, n_features), np.float32), np.ones((1, n_features), np.float32)])


def _evaluate_by_reference(proto: onnx.ModelProto, rows: np.ndarray) -> dict[str, np.ndarray]:
    from onnx.reference import ReferenceEvaluator

    names = [output.name for output in proto.graph.output]
    return dict(zip(names, ReferenceEvaluator(proto).run(names, {"X": rows}), strict=True))


def _card(estimator: Any, path: Path, X: np.ndarray, z_mean: np.ndarray) -> cards.Card:
    names = getattr(estimator, "feature_names_in_", None)
    input_range = [0.0, 1.0] if getattr(estimator, "likelihood", None) == "bernoulli" else None
    return {
        "name": path.stem,
        "description": "Latent means of a variational autoencoder's encoder.",
        "vaefeat_version": __version__,
        "inputs": {
            "name": "X",
            "dtype": "float32",
            "n_features": int(estimator.n_features_in_),
            "feature_names": None if names is None else [str(name) for name in names],
            "range": input_range,
        },
        "outputs": {
            "z_mean": f"float32, (n_samples, {z_mean.shape[1]}): the features",
            "z_log_var": f"float32, (n_samples, {z_mean.shape[1]}): log-variances of q(z|x)",
        },
        "training": {
            "estimator": " ".join(repr(estimator).split()),
            "epochs": estimator.n_iter_,
            "final_loss_nats": float(estimator.loss_curve_[-1]) if estimator.loss_curve_ else None,
            "active_units": int(estimator.active_units_.sum()),
        },
        "weights_sha256": _sha256(estimator.encoder_.to_bytes()),
        "golden": {"X": X.tolist(), "z_mean": z_mean.tolist()},
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
