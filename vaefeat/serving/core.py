"""Inference, whatever the protocol: rows in, outputs out, or a :class:`ServingError`."""

import asyncio
from collections.abc import Sequence

import numpy as np

from vaefeat.serving.batching import Outputs
from vaefeat.serving.contract import Rows
from vaefeat.serving.errors import InvalidRequestError, ModelFailedError, ServingError, TooManyRowsError
from vaefeat.serving.repository import ServedModel

FEW_VALUES = 2000  # of a table, which are encoded at once


async def infer(model: ServedModel, rows: Rows, names: Sequence[str]) -> Outputs:
    """Return the outputs of a model, after waiting for its turn.

    Parameters
    ----------
    model : ServedModel
    rows : ndarray of shape (n_samples, n_features), or dict of ndarrays of shape (n_samples,)
        Of any numeric type, cast to float32; or the columns of a table, encoded as the card says.
    names : sequence of str
        The outputs to compute.

    Returns
    -------
    outputs : dict of ndarrays of shape (n_samples, ...)

    Raises
    ------
    InvalidRequestError
        If the rows have a wrong width, or values that are not finite as float32, or if an output is unknown.
    TooManyRowsError, OverloadedError, DeadlineExceededError, ModelFailedError, ModelDeadError
    """
    try:
        X = await _encode(model, rows) if isinstance(rows, dict) else model.model.check_rows(rows)
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


async def _encode(model: ServedModel, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Return the features of a table; in a thread if there are many values, each of which takes a while."""
    check = model.model.check_rows
    n_values = sum(map(len, columns.values()))
    return check(columns) if n_values <= FEW_VALUES else await asyncio.to_thread(check, columns)


def check_n_rows(n_rows: int, max_rows: int) -> None:
    """Raise TooManyRowsError if a request has more rows than allowed."""
    if n_rows > max_rows:
        raise TooManyRowsError(f"Got {n_rows} rows, expected at most {max_rows} per request.")
