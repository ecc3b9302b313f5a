"""Inference, whatever the protocol: rows in, outputs out, or a :class:`ServingError`."""

from collections.abc import Sequence

import numpy as np

from vaefeat.serving.batching import Outputs
from vaefeat.serving.errors import InvalidRequestError, ModelFailedError, ServingError, TooManyRowsError
from vaefeat.serving.repository import ServedModel


async def infer(model: ServedModel, rows: np.ndarray, names: Sequence[str]) -> Outputs:
    """Return the outputs of a model, after waiting for its turn.

    Parameters
    ----------
    model : ServedModel
    rows : ndarray of shape (n_samples, n_features)
        Of any numeric type; cast to float32.
    names : sequence of str
        The outputs to compute.

    Returns
    -------
    outputs : dict of ndarrays of shape (n_samples, ...)

    Raises
    ------
    InvalidRequestError
        If the rows have another width, or values that are not finite as float32, or if an output is unknown.
    TooManyRowsError, OverloadedError, DeadlineExceededError, ModelFailedError, ModelDeadError
    """
    try:
        X = model.model.check_rows(rows)
        names = model.model.select_outputs(names)
    except ValueError as exc:
        raise InvalidRequestError(str(exc)) from exc
    check_n_rows(len(X), model.max_rows)
    try:
        return await model.batcher.run(X, names)
    except ServingError:
        raise
    except Exception as exc:
        raise ModelFailedError("The model fails on this request.") from exc


def check_n_rows(n_rows: int, max_rows: int) -> None:
    """Raise TooManyRowsError if a request has more rows than allowed."""
    if n_rows > max_rows:
        raise TooManyRowsError(f"Got {n_rows} rows, expected at most {max_rows} per request.")
