"""A fitted estimator's decoder as an ONNX file with its card."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from sklearn.utils.validation import check_is_fitted

from vaefeat.exceptions import ExportError
from vaefeat.export.artefact import checked_path
from vaefeat.export.estimator import (
    N_PARITY_ROWS,
    checked_entries,
    describe_graph,
    describe_training,
    write_proven,
)


def export_decoder(
    estimator: Any, path: str | os.PathLike[str], *, card: Mapping[str, Any] | None = None
) -> Path:
    """Write the decoder of a fitted estimator as an ONNX file with its card beside it.

    As :func:`vaefeat.export_onnx` does it: nothing is written unless ONNX Runtime and the ONNX reference
    evaluator give the same, within 1e-5, on draws from the prior.

    Parameters
    ----------
    estimator : estimator
        A fitted VAEEncoderTransformer: the file takes ``Z`` (n_samples, n_components). Or a fitted
        M2Classifier: it takes ``ZY``, the class one-hot behind the latents. It gives ``x_mean``
        (n_samples, n_features) and, if the likelihood is "bernoulli", ``x_logits``.
    path : path
        Ends in .onnx.
    card : mapping, optional
        Entries for the card: ``name``, ``description``, ``data``, ``metrics``, ...

    Returns
    -------
    path : pathlib.Path

    Raises
    ------
    ParityError
        If the two evaluators disagree; nothing is written then.
    ExportError
        If the estimator has no decoder.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import OnnxModel, VAEEncoderTransformer, export_decoder
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = VAEEncoderTransformer(2, hidden_layer_sizes=(16,), likelihood="bernoulli", max_iter=1)
    >>> vae = vae.fit(X / 16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     decoder = OnnxModel.load(export_decoder(vae, f"{folder}/decoder.onnx"))
    >>> decoder.run([[0.0, 0.0], [1.0, -1.0]])["x_mean"].shape
    (2, 64)
    """
    path = checked_path(Path(path))
    entries = checked_entries(card)
    check_is_fitted(estimator)
    if not hasattr(estimator, "decoder_"):
        raise ExportError(
            f"{type(estimator).__name__} has no decoder, expected a VAEEncoderTransformer or an M2Classifier."
        )
    proto = onnx.load_model_from_string(estimator.decoder_.to_bytes())
    shape = N_PARITY_ROWS, estimator.decoder_.n_features
    rows = np.random.default_rng(0).standard_normal(shape, np.float32)
    full_card = _card(estimator, path, proto) | entries
    write_proven(path, proto, full_card, rows, estimator.decoder_.run(rows))
    return path


def _card(estimator: Any, path: Path, proto: onnx.ModelProto) -> dict[str, Any]:
    kl, shape = (getattr(estimator, name, None) for name in ("kl_per_unit_", "image_shape"))
    training = {
        "estimator": " ".join(repr(estimator).split()),
        **describe_training(estimator),
        "kl_per_unit_nats": None if kl is None else [float(value) for value in kl],
    }
    return {
        "name": path.stem,
        "description": f"The decoder of a {type(estimator).__name__}.",
        "image_shape": None if shape is None else [int(n) for n in shape],
        "training": training,
        **describe_graph(proto),
    }
