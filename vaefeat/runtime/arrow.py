"""Outputs of a model for tables of Arrow: what engines of data frames and of clusters call."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from vaefeat.data._arrow import to_batch
from vaefeat.data._table import chunk_rows
from vaefeat.data.arrow import as_table, concatenated, in_batches, is_arrow, joined
from vaefeat.data.tables import rows_of
from vaefeat.runtime.encoding import column_names_of
from vaefeat.runtime.model import OnnxModel, read_model

ON_BAD_ROW = ("raise", "null", "quarantine")


class ArrowEncoder:
    """A function of tables of pyarrow that returns tables of a model's outputs.

    It can be pickled, with the model in it, so that engines can send it to their workers: Polars, DuckDB, Ray
    and Spark call it as it is. Each process opens the model when it first needs it.

    Parameters
    ----------
    model : path or OnnxModel
    output_names : sequence of str, optional
        The outputs to compute; all by default.
    keep : pyarrow.Schema, optional
        Columns of the input that the result begins with, such as a key: engines need not keep the order of
        rows. They are not features, unless the card of the model names them.
    on_bad_row : {"raise", "null", "quarantine"}, default="raise"
        What to do about a row with a value that the model does not take: raise an error, return empty
        outputs, or leave the row out.
    n_threads : int, default=1
        Threads of each call, which engines make side by side; 0 means one for each physical core.

    Raises
    ------
    InvalidModelError
        If the model is refused.
    ValueError
        If there is no output of that name.

    See Also
    --------
    encode_files : Encodes files, and goes on after a crash.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from vaefeat import ArrowEncoder
    >>> encode = ArrowEncoder(
    ...     "exported/digits-vae/model.onnx", ["z_mean"], keep=pa.schema([("id", pa.int64())])
    ... )
    >>> names = [f"pixel{i}" for i in range(64)]
    >>> rows = pa.table({"id": [7, 8], **dict(zip(names, np.zeros((64, 2))))})
    >>> encode(rows).column_names[:3]
    ['id', 'z_mean_0', 'z_mean_1']
    """

    def __init__(
        self,
        model: OnnxModel | str | os.PathLike[str],
        output_names: Sequence[str] | None = None,
        *,
        keep: Any = None,
        on_bad_row: str = "raise",
        n_threads: int = 1,
    ) -> None:
        if on_bad_row not in ON_BAD_ROW:
            raise ValueError(f"Got on_bad_row={on_bad_row!r}, expected one of {ON_BAD_ROW}.")
        content = model.to_bytes() if isinstance(model, OnnxModel) else read_model(model)
        self.model = OnnxModel(content, n_threads=n_threads)
        names = self.model.output_names if output_names is None else output_names
        self.output_names = self.model.select_outputs(names)
        self.keep = keep
        self.on_bad_row = on_bad_row

    def __call__(self, rows: Any) -> Any:
        """Return the outputs of rows.

        Parameters
        ----------
        rows : pyarrow.Table, pyarrow.RecordBatch, or iterable of them
            Columns are found by the names in the model's card, in any order. If it has none, all columns are
            features, except those in ``keep``.

        Returns
        -------
        pyarrow.Table, pyarrow.RecordBatch, or iterator of pyarrow.RecordBatch
            As the rows are given.

        Raises
        ------
        DatasetCorruptError
            If columns are missing or do not hold numbers, or a value is not finite.
        """
        if is_arrow(rows):
            return joined(self._encoded(rows), self.schema, rows)
        return (batch for each in rows for batch in self._encoded(each))

    @cached_property
    def schema(self) -> Any:
        """The schema of the result, a ``pyarrow.Schema``."""
        outputs = self.encode_rows(np.zeros((0, self.model.n_features), np.float32))[0].schema
        for field in reversed([] if self.keep is None else list(self.keep)):
            outputs = outputs.insert(0, field)
        return outputs

    @property
    def names(self) -> list[str]:
        """The names of the columns of the result."""
        return self.schema.names

    def encode_rows(self, X: np.ndarray) -> tuple[Any, np.ndarray]:
        """Return the outputs of a matrix as a record batch, and which of its rows are bad.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features), float32

        Returns
        -------
        batch : pyarrow.RecordBatch
        bad : ndarray of shape (n_rows,), bool
        """
        bad = np.zeros(len(X), bool)
        if self.on_bad_row != "raise":  # which the reader or the model does
            bad |= self.refused(X).any(axis=1)
        outputs = self.model.run(
            np.where(bad[:, None], np.float32(0), X) if bad.any() else X, self.output_names
        )
        column_names = {name: column_names_of(self.model, name) for name in outputs}
        kept = {name: self._kept(values, bad) for name, values in outputs.items()}
        return to_batch(kept, column_names), bad

    def refused(self, X: np.ndarray) -> np.ndarray:
        """Return which values of a matrix the model does not take, bool of the same shape."""
        return np.isinf(X) if self.model.allows_nan else ~np.isfinite(X)

    def _encoded(self, rows: Any) -> Iterator[Any]:
        n_rows = 0
        for batch in in_batches(rows, chunk_rows(self.model.n_features)):
            for X in self._features(batch, n_rows):
                outputs, bad = self.encode_rows(X)
                keep = ~bad if self.on_bad_row == "quarantine" else np.ones(len(bad), bool)
                yield concatenated(outputs, batch, keep, self.schema)
            n_rows += batch.num_rows

    def _features(self, batch: Any, n_before: int) -> Iterable[np.ndarray]:
        """Yield the matrix of a batch."""
        model = self.model
        if self.keep is not None and model.plan is None and model.feature_names is None:
            batch = batch.select([name for name in batch.schema.names if name not in self.keep.names])
        chunks = rows_of(
            as_table(batch, n_before + 1),
            model.n_features,
            model.feature_names,
            allow_nan=model.allows_nan,
            plan=model.plan,
            check=self.on_bad_row == "raise",
        )
        return (X for X, _ in chunks)

    def _kept(self, values: np.ndarray, bad: np.ndarray) -> np.ndarray:
        values = values.astype(str) if values.dtype == object else values
        if not bad.any():
            return values
        if self.on_bad_row == "quarantine":
            return values[~bad]
        return np.ma.array(
            values, mask=np.broadcast_to(bad.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
        )
