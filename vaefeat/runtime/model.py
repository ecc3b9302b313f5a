"""Load an ONNX model, and run it on rows."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from vaefeat._files import read_regular
from vaefeat._text import printable
from vaefeat.data.frames import frame_columns, is_frame
from vaefeat.data.plan import ColumnPlan
from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime.card import CARD_KEY, read_card
from vaefeat.runtime.inspection import MAX_BYTES, inspect_model, sha256_of_weights

CHUNK_ROWS = 4096  # rows per run: more do not run faster, but take more memory,
CHUNK_VALUES = 2**18  # and what networks for images make of a pixel takes kilobytes
LEAST_ROWS = 8

_FATAL = 4

# Sessions inherited by a forked process. Their threads stayed in the parent, so that destroying them
# would wait forever.
_inherited: list[onnxruntime.InferenceSession] = []


class OnnxModel:
    """A checked ONNX model with one float32 input of shape (n_samples, n_features).

    The model can be pickled and used by many threads at once. Each process creates its own session, so
    that the model survives a fork.

    Parameters
    ----------
    model : bytes
        A serialized ONNX model. It is inspected; see :mod:`vaefeat.runtime.inspection`.
    providers : sequence of str, default=("CPUExecutionProvider",)
        ONNX Runtime's execution providers, in order of preference.
    n_threads : int, default=0
        Threads of one run; 0 means one for each physical core.

    Attributes
    ----------
    card : dict
        The exporter's description of the model; empty if there is none.
    plan : ColumnPlan or None
        How the card says that the columns of a table become features.
    allows_nan : bool
        Whether values may be missing.
    input_name : str
    n_features : int
    output_names : list of str
    n_outputs : dict of int
        Width of each output; 1 for a vector.

    Raises
    ------
    InvalidModelError
        If the model is refused.

    Examples
    --------
    >>> from vaefeat.runtime import OnnxModel
    >>> model = OnnxModel.load("exported/digits-vae/model.onnx")
    >>> model.output_names
    ['z_mean', 'z_log_var']
    >>> import numpy as np
    >>> model.run(np.zeros((2, 64)))["z_mean"].shape
    (2, 10)
    """

    def __init__(
        self, model: bytes, *, providers: Sequence[str] = ("CPUExecutionProvider",), n_threads: int = 0
    ) -> None:
        metadata = inspect_model(model).metadata
        self.card: dict[str, Any] = read_card(metadata.get(CARD_KEY, "{}"))
        if "weights_sha256" in self.card and self.card["weights_sha256"] != sha256_of_weights(model):
            raise InvalidModelError(
                "The model is not the one that its card was written for: their sha256 differ. "
                "Export it again, or remove the card if the change was intended."
            )
        self._model = model
        self._providers = list(providers)
        self._n_threads = n_threads
        self.plan = _plan_of(self.card)
        self.allows_nan = (self.card.get("inputs") or {}).get("allow_nan") is True
        session = self._make_session()
        self._session: tuple[int, onnxruntime.InferenceSession] | None = (os.getpid(), session)
        inputs = session.get_inputs()
        if len(inputs) != 1 or not _is_matrix_of_rows(inputs[0]):
            raise InvalidModelError(
                "Expected a model with one float32 input of shape (N, n_features), N free, got inputs "
                + ", ".join(f"{node.name}: {node.type} of shape {node.shape}" for node in inputs)
            )
        self.input_name: str = inputs[0].name
        self.n_features: int = inputs[0].shape[1]
        if self.plan is not None and len(self.plan.feature_names) != self.n_features:
            raise InvalidModelError(
                f"The columns in the card become {len(self.plan.feature_names)} features, but the model "
                f"takes {self.n_features}. Export it again."
            )
        outputs = session.get_outputs()
        self.output_names: list[str] = [node.name for node in outputs]
        self.n_outputs: dict[str, int] = {node.name: _width(node) for node in outputs}

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        n_threads: int = 0,
    ) -> "OnnxModel":
        """Read and check the model in a file; the other parameters are those of the class."""
        return cls(read_model(path), providers=providers, n_threads=n_threads)

    def run(self, X: Any, output_names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Compute the outputs of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or frame
            Cast to float32. In a frame of pandas, Polars or pyarrow, the columns are found by the names in
            the card, in any order, and are encoded by its column plan if it has one.
        output_names : sequence of str, optional
            The outputs to compute; all by default.

        Returns
        -------
        dict of ndarrays of shape (n_samples, ...)

        Raises
        ------
        InvalidModelError
            If ONNX Runtime fails.
        ValueError
            If ``X`` has a wrong shape or values that are not finite as float32, or if an output is unknown.
            NaN is accepted by models whose card allows it: those that impute.
        """
        X = self.check_rows(X)
        names = self.output_names if output_names is None else self.select_outputs(output_names)
        if not len(X):  # some operators crash without rows
            outputs = self._run_chunk(np.zeros((1, self.n_features), np.float32), names)
            return {name: values[:0] for name, values in zip(names, outputs, strict=True)}
        n_rows = rows_at_a_time(self.n_features)
        if len(X) <= n_rows:
            return dict(zip(names, self._run_chunk(X, names), strict=True))
        chunks = [self._run_chunk(X[i : i + n_rows], names) for i in range(0, len(X), n_rows)]
        return {name: np.concatenate([chunk[k] for chunk in chunks]) for k, name in enumerate(names)}

    def _run_chunk(self, X: np.ndarray, names: list[str]) -> list[np.ndarray]:
        try:
            return self._current_session().run(names, {self.input_name: X})
        except Exception as exc:  # ONNX Runtime's exceptions have no common base class
            raise InvalidModelError(f"ONNX Runtime cannot run the model: {printable(str(exc))}") from exc

    def to_bytes(self) -> bytes:
        """Return the serialized model."""
        return self._model

    def select_outputs(self, output_names: Sequence[str]) -> list[str]:
        """Return the names of outputs as a list, after checking that the model has them.

        Parameters
        ----------
        output_names : sequence of str

        Returns
        -------
        list of str

        Raises
        ------
        ValueError
            If a name is unknown, or there are no names.
        """
        names = list(output_names)
        if not names or not set(names) <= set(self.output_names):
            raise ValueError(f"Got the output names {names}, expected some of {self.output_names}.")
        return names

    def check_rows(self, X: Any) -> np.ndarray:
        """Return the rows in the form that the model takes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or frame

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Contiguous finite float32 values, or NaN where the card allows it; ``X`` itself if it has this
            form already.

        Raises
        ------
        ValueError
            If ``X`` has a wrong shape, or values that are not finite as float32.
        """
        X = X if type(X) is np.ndarray else np.asarray(self._by_name(X) if is_frame(X) else X)
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise ValueError(f"Expected rows of {self.n_features} features, got an array of shape {X.shape}.")
        if X.dtype != np.float32 or not X.flags.c_contiguous:
            with np.errstate(over="ignore"):  # an overflow is reported below
                X = np.ascontiguousarray(X, dtype=np.float32)
        if not np.isfinite(X).all():
            refused = np.isinf(X) if self.allows_nan else ~np.isfinite(X)
            if not refused.any():
                return X
            row, column = np.argwhere(refused)[0]
            raise ValueError(
                f"X contains NaN or infinity: got {X[row, column]} in row {row}, column {column}, "
                "expected finite float32 values."
            )
        return X

    @property
    def tables(self) -> list[dict[str, str]]:
        """The frames that the model takes: the kinds of their columns by name, and the same once encoded.

        Empty if the card has no names for the features.
        """
        plan = self._named_plan()
        if plan is None:
            return []
        features = ColumnPlan.of_numbers(plan.feature_names)
        return [{column.name: column.kind for column in each.columns} for each in (plan, features)]

    @property
    def feature_names(self) -> list[str] | None:
        """The names of the features in the card, in the order of the input; None if it has none."""
        return (self.card.get("inputs") or {}).get("feature_names")

    def _named_plan(self) -> ColumnPlan | None:
        names = self.feature_names
        return self.plan or (ColumnPlan.of_numbers(names) if names else None)

    def _by_name(self, frame: Any) -> Any:
        """Return the features of a frame; the frame itself if the card has no names for them."""
        plan = self._named_plan()
        if plan is None:
            return frame
        columns = frame_columns(frame)
        if set(plan.feature_names) <= set(columns):  # encoded already
            plan = ColumnPlan.of_numbers(plan.feature_names)
        return plan.encode(columns)

    def _make_session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._n_threads
        options.log_severity_level = _FATAL  # errors are raised; messages hold raw names
        try:
            return onnxruntime.InferenceSession(self._model, options, providers=self._providers)
        except Exception as exc:  # ONNX Runtime's exceptions have no common base class
            raise InvalidModelError(f"ONNX Runtime cannot load the model: {printable(str(exc))}") from exc

    def _current_session(self) -> onnxruntime.InferenceSession:
        pid = os.getpid()
        if self._session is None or self._session[0] != pid:  # unpickled, or in a forked process
            if self._session is not None:
                _inherited.append(self._session[1])
            self._session = (pid, self._make_session())
        return self._session[1]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_session": None}


def rows_at_a_time(n_features: int) -> int:
    """Return how many rows of so many features are run together."""
    return min(CHUNK_ROWS, max(LEAST_ROWS, CHUNK_VALUES // n_features))


def read_model(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a model file, or enough of them to see that it is too large.

    Raises
    ------
    OSError
        If there is no such file, or it is not a regular one.
    """
    return read_regular(Path(path), MAX_BYTES + 1)


def _plan_of(card: dict[str, Any]) -> ColumnPlan | None:
    if "columns" not in card:
        return None
    try:
        return ColumnPlan.from_json(card["columns"])
    except ValueError as exc:
        raise InvalidModelError(str(exc)) from exc


def _width(node: Any) -> int:
    if len(node.shape) == 1:
        return 1
    if len(node.shape) != 2 or not isinstance(node.shape[1], int):
        raise InvalidModelError(
            f"Output {node.name!r} of the model has shape {node.shape}, expected (N,) or (N, a number)."
        )
    return node.shape[1]


def _is_matrix_of_rows(node: Any) -> bool:
    n_rows_free = len(node.shape) == 2 and not isinstance(node.shape[0], int)
    return n_rows_free and isinstance(node.shape[1], int) and node.type == "tensor(float)"
