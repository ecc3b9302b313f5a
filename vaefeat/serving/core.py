"""Inference, whatever the protocol: rows in, outputs out, or a :class:`ServingError`."""

import asyncio
from collections.abc import Sequence

import numpy as np

from vaefeat.serving.batching import Outcome, Outputs
from vaefeat.serving.contract import Rows
from vaefeat.serving.errors import InvalidRequestError, ModelFailedError, ServingError, TooManyRowsError
from vaefeat.serving.repository import ServedModel

FEW_VALUES = 2000  # of a table, which are encoded in the event loop


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
        names = model.model.select_outputs(names)
    except ValueError as exc:
        raise InvalidRequestError(str(exc)) from exc
    X = check_rows(model, rows) if is_quick(rows) else await asyncio.to_thread(check_rows, model, rows)
    try:
        return await model.batcher.run(X, names)
    except Exception as exc:
        return outputs_of(exc)


def is_quick(rows: Rows) -> bool:
    """Return whether :func:`check_rows` takes little time: each value of a table takes a while."""
    return isinstance(rows, np.ndarray) or sum(map(len, rows.values())) <= FEW_VALUES


def check_rows(model: ServedModel, rows: Rows) -> np.ndarray:
    """Return rows as a model takes them; raise InvalidRequestError or TooManyRowsError."""
    try:
        X = model.model.check_rows(rows)
    except ValueError as exc:
        raise InvalidRequestError(str(exc)) from exc
    check_n_rows(len(X), model.max_rows)
    return X


def outputs_of(outcome: Outcome) -> Outputs:
    """Return the outputs, or raise the error that the model gave instead of them as a ServingError."""
    if isinstance(outcome, ServingError):
        raise outcome
    if isinstance(outcome, BaseException):
        raise ModelFailedError("The model fails on this request.") from outcome
    return outcome


def check_n_rows(n_rows: int, max_rows: int) -> None:
    """Raise TooManyRowsError if a request has more rows than allowed."""
    if n_rows > max_rows:
        raise TooManyRowsError(f"Got {n_rows} rows, expected at most {max_rows} per request.")
