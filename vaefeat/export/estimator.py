"""A fitted estimator, or a whole Pipeline, as an ONNX file with its card."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from vaefeat.exceptions import ExportError, ParityError
from vaefeat.export.arguments import checked_entries, checked_path
from vaefeat.export.artifact import serialize
from vaefeat.export.columns import split_columns
from vaefeat.export.description import describe_estimator
from vaefeat.export.pipeline import convert_estimator
from vaefeat.export.precision import check_precision
from vaefeat.export.proof import first_deviating_step, outputs_to_prove, write_proven
from vaefeat.export.rows import parity_rows, rows_of
from vaefeat.export.steps import without_passthrough
from vaefeat.runtime import OnnxModel


def export_onnx(
    estimator: Any,
    path: str | os.PathLike[str],
    *,
    X: Any = None,
    card: Mapping[str, Any] | None = None,
    with_features: bool = False,
) -> Path:
    """Write a fitted estimator, such as a whole Pipeline, as an ONNX file with its card next to it.

    Three files are written: ``path``, and the card with the suffixes .json and .md. First the bytes to be
    written are run by ONNX Runtime and by the ONNX reference evaluator (except support vector classifiers,
    which the latter gets wrong), and both must give what the estimator gives: features and probabilities
    within 1e-5, and the same labels except where two classes tie.

    Parameters
    ----------
    estimator : estimator
        A fitted VAEEncoderTransformer, or a Pipeline or other estimator that skl2onnx can convert,
        with vaefeat's estimators among its steps. If it begins with a
        :class:`vaefeat.fitting.ColumnEncoder`, the plan of this step goes into the card, and the file takes
        the encoded columns.
    path : path
        Ends in .onnx.
    X : array-like of shape (n_samples, n_features), or frame, optional
        Rows like those of the training, on which the file and the estimator are compared: the estimator
        on the rows as they are, float64 or a data frame, and the file on the same as float32. Some of
        them are kept in the card. Rows that combine values of several rows are tried as well, and one row
        alone. It is optional for a VAEEncoderTransformer, which can generate rows. If some hold NaN,
        the file accepts NaN too: the estimator must begin with an imputer, or with a scaler and an imputer.
    card : mapping, optional
        Entries for the card: ``name``, ``description``, ``data``, ``metrics``, ``training``, ...
    with_features : bool, default=False
        Add the features of the VAE or autoencoder step of a Pipeline as one more output, with the name of
        the step's ``output``: ``z_mean``, ``hidden``, ``code`` or ``reconstruction``.

    Returns
    -------
    path : pathlib.Path

    Raises
    ------
    ParityError
        If the file does not give what the estimator gives; nothing is written then. The error names the
        column that needs more digits than float32 has, or the first step of a Pipeline that deviates.
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
    >>> vae = VAEEncoderTransformer(8, image_shape=(8, 8), max_iter=1, random_state=0)
    >>> pipe = make_pipeline(MinMaxScaler(), vae, LogisticRegression(max_iter=1000)).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export_onnx(pipe, f"{folder}/digits.onnx", X=X)
    ...     outputs = OnnxModel.load(path).run(X)
    >>> outputs["probabilities"].shape
    (1797, 10)
    >>> bool((outputs["label"] == pipe.predict(X)).all())
    True
    """
    path, entries = checked_path(path), checked_entries(card)
    if not isinstance(estimator, BaseEstimator):
        raise ExportError(f"Got {estimator!r}, expected a fitted scikit-learn estimator.")
    check_is_fitted(estimator)
    if isinstance(estimator, Pipeline):
        estimator = without_passthrough(estimator)
    estimator, plan, X = split_columns(estimator, X)
    data = rows_of(estimator, X)
    rows = parity_rows(estimator, data)
    proto = convert_estimator(estimator, with_features=with_features)
    allow_nan = bool(np.isnan(rows.cast).any())
    full_card = describe_estimator(estimator, path, proto, allow_nan=allow_nan) | entries
    if plan is not None:
        full_card["columns"] = plan.to_json()
        full_card["inputs"]["feature_names"] = plan.feature_names
    file = OnnxModel(serialize(proto, full_card))
    check_precision(estimator, file, data)
    try:
        write_proven(path, proto, full_card, rows.cast, outputs_to_prove(estimator, file, rows))
    except ParityError as exc:
        step = first_deviating_step(estimator, rows)
        raise ParityError(f"{exc} The first step that deviates: {step}. Nothing was written.") from exc
    return path
