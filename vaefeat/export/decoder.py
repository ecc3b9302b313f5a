"""A fitted estimator's decoder as an ONNX file with its card."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from sklearn.utils.validation import check_is_fitted

from vaefeat.exceptions import ExportError
from vaefeat.export.arguments import checked_entries, checked_path
from vaefeat.export.description import describe_decoder
from vaefeat.export.proof import write_proven
from vaefeat.export.rows import N_PARITY_ROWS
from vaefeat.protocols import NetworkEstimator


def export_decoder(
    estimator: Any, path: str | os.PathLike[str], *, card: Mapping[str, Any] | None = None
) -> Path:
    """Write the decoder of a fitted estimator as an ONNX file with its card next to it.

    As with :func:`vaefeat.export_onnx`, nothing is written unless ONNX Runtime and the ONNX reference
    evaluator agree within 1e-5 on draws from the prior.

    Parameters
    ----------
    estimator : estimator
        A fitted VAEEncoderTransformer: the file takes ``Z`` (n_samples, n_components). Or a fitted
        M2Classifier: it takes ``ZY``, the class one-hot after the latents. It gives ``x_mean``
        (n_samples, n_features), and ``x_logits`` if the likelihood is "bernoulli", ``x_log_rate`` if it is
        "poisson", or ``x_location`` if it is a ColumnLikelihood.
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
    path, entries = checked_path(path), checked_entries(card)
    check_is_fitted(estimator)
    networks = estimator.networks() if isinstance(estimator, NetworkEstimator) else {}
    if "decoder" not in networks:
        raise ExportError(
            f"{type(estimator).__name__} has no decoder, expected a VAEEncoderTransformer or an M2Classifier."
        )
    decoder = networks["decoder"]
    proto = onnx.load_model_from_string(decoder.to_bytes())
    rows = np.random.default_rng(0).standard_normal((N_PARITY_ROWS, decoder.n_features), np.float32)
    full_card = describe_decoder(estimator, path, proto) | entries
    write_proven(path, proto, full_card, rows, decoder.run(rows))
    return path
