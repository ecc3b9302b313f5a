"""What the VAE and the autoencoder share: an encoder and a decoder, trained without labels."""

import math
import os
import threading
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import assert_all_finite, check_array, check_is_fitted

from vaefeat.data.rows import ArrayRows, Rows
from vaefeat.data.stream import RowStream
from vaefeat.estimators._base import OnnxTransformer, all_or_nothing
from vaefeat.estimators._diagnosis import (
    warn_if_not_converged,
    warn_of_constant_features,
    warn_of_saturated_dispersion,
)
from vaefeat.estimators._parameters import (
    TRAINING_CONSTRAINTS,
    checked_image_shape,
    network_config,
    positive_integers,
)
from vaefeat.estimators._training import TrainedEstimator, release_trainer, spawn_seeds, training_environment
from vaefeat.protocols import LatentModel
from vaefeat.runtime import OnnxModel
from vaefeat.values.likelihoods import Likelihood

if TYPE_CHECKING:
    from vaefeat.training.checkpoint import Checkpoint
    from vaefeat.training.interface import GenerativeModel
    from vaefeat.training.loop import Trainer
    from vaefeat.training.networks import NetworkConfig

N_EXAMPLES = 10
N_CHECKED = 256  # rows on which networks and ONNX models must agree
MAX_AUTO_EPOCHS = 1_000
UNDESCRIBED = ("callbacks", "verbose", "output", "warm_start")  # parameters that change no weight
LATENT_CONSTRAINTS: dict = {
    **TRAINING_CONSTRAINTS,
    "filters": ["array-like"],
    "decoder": [StrOptions({"dense", "convolutional"})],
    "max_iter": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
    "n_steps": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "warm_start": ["boolean"],
}
_exporting = threading.RLock()


class LatentTransformer(OnnxTransformer, TrainedEstimator, LatentModel):
    """A transformer that learns to encode and to decode, and keeps both as ONNX models.

    A subclass says which model is trained (``_model``), which distribution its decoder has (``_likelihood``),
    and how a sample is scored (``_score`` and ``onnx_score_graph``).

    ``fit`` ends by exporting. ``partial_fit`` leaves that to the first use of what it trained: the trained
    rows wait in ``_pending``, and the model with its compiled steps in ``_trainer``, which is not pickled.
    """

    decoder_: OnnxModel
    example_codes_: np.ndarray
    _roles = ("encoder", "decoder")
    code_name: ClassVar[str]  # the output of the encoder that the decoder takes
    _has_kl: ClassVar[bool] = False  # whether the loss has a KL term

    @property
    @abstractmethod
    def _likelihood(self) -> Likelihood:
        """The distribution of the decoder."""

    @abstractmethod
    def _model_config(self, encoder: "NetworkConfig") -> Any:
        """Return all that defines the model to be trained, except its seed."""

    @abstractmethod
    def _new_model(self, config: Any, seed: int) -> "GenerativeModel":
        """Return the model to be trained."""

    @abstractmethod
    def _score(self, X: np.ndarray) -> np.ndarray:
        """Return the score of each row, NaN where float32 cannot hold it."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, observed: Any = None, checkpoint: str | os.PathLike[str] | None = None
    ) -> Self:
        """Train the encoder and the decoder on ``X``, and export them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or RowStream
            At least two samples, cast to float32; within the range of the likelihood. Numbers in an array or
            a memory map are not copied, and rows of a sparse matrix are made dense block by block;
            :class:`vaefeat.RowStream` is for rows that do not fit into memory.
        y : Ignored
            Not used, present for API consistency.
        observed : array-like of shape (n_samples, n_features), bool, optional
            False where the value is not known: it is left out of the loss, and the value in ``X`` is a
            guess that the encoder sees. AutoencoderImputer makes both from rows with NaN.
        checkpoint : path, optional
            A folder in which the training is saved about twice a minute. If the process is killed, the same
            call goes on from there, and ends in the same bytes. Callbacks other than EarlyStopping start
            anew. Remove the folder after the training.

        Returns
        -------
        self : object
        """
        trainer = self.__dict__.pop("_trainer", None)  # what it holds changes, even if the training fails
        seeds = spawn_seeds(self.random_state, 3)
        with ExitStack() as stack:
            with all_or_nothing(self):
                resume = self.warm_start and self.__sklearn_is_fitted__()
                kept = None if checkpoint is None else _opened(Path(checkpoint), resume)
                if kept is not None:
                    seeds = kept.once("seeds", seeds)
                if isinstance(X, RowStream):
                    _refuse_mask(observed)
                    folder = None if kept is None else kept.folder / "rows"
                    rows: Rows = stack.enter_context(X.shuffled(seeds[1], folder))
                    self._validated(rows.named_head(2), reset=not resume)
                else:
                    rows = self._rows(X, observed, reset=not resume)
                if kept is not None:
                    kept.check(self._description(rows, X))
                trainer = self._trained(
                    rows,
                    trainer,
                    seeds,
                    max_epochs=self._n_epochs(len(rows)),
                    early_stopping=self.early_stopping,
                    learning_rate=self.learning_rate,
                    resume=resume,
                    checkpoint=kept,
                )
                self._keep(trainer.model, self._pending)
            self._diagnose(trainer.model, rows)
        release_trainer(trainer)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train for one pass over ``X``, a part of the data, continuing an earlier training.

        Parts of equal length are trained by the same compiled step. The networks are exported when they
        are first used.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : object
        """
        trainer = self.__dict__.pop("_trainer", None)  # what it holds changes, even if the training fails
        with all_or_nothing(self):
            resume = self.__sklearn_is_fitted__()
            self._trainer = self._trained(
                self._rows(X, None, reset=not resume),
                trainer,
                spawn_seeds(self.random_state, 3),
                max_epochs=1,
                early_stopping=False,
                learning_rate="constant",
                resume=resume,
            )
            for name in self._exported_names():
                self.__dict__.pop(name, None)
        return self

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Decode latent vectors.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)

        Returns
        -------
        x_mean : ndarray of shape (n_samples, n_features), float32
            The mean of each feature.
        """
        check_is_fitted(self)
        Z = check_array(Z, dtype=np.float32, order="C", input_name="Z")
        return self.decoder_.run(Z, ["x_mean"])["x_mean"]

    def encode(self, X: Any) -> np.ndarray:
        """Return what the decoder takes, whatever ``output`` is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components), float32
        """
        check_is_fitted(self)
        return self._encode(self._validated(X, reset=False))

    def reconstruct(self, X: Any) -> np.ndarray:
        """Encode and decode ``X``; nothing is drawn.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        x_mean : ndarray of shape (n_samples, n_features), float32
        """
        return self.inverse_transform(self.encode(X))

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the score of each sample: the higher, the better the model explains it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        score : ndarray of shape (n_samples,), float32
            -inf where float32 cannot hold it.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        self._likelihood.check_new(X)
        with np.errstate(over="ignore", invalid="ignore"):  # rows that are far off score -inf
            score = self._score(X)
        return np.where(np.isnan(score), np.float32(-np.inf), score)  # differences of infinities

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean of ``score_samples``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        score : float
        """
        return float(np.mean(self.score_samples(X), dtype=np.float64))

    @property
    def feature_name(self) -> str:
        """The name of the features: an output of the encoder, or "reconstruction"."""
        return self.output

    @property
    def input_range(self) -> tuple[float, float] | None:
        """The range in which features must lie, or None."""
        return self._likelihood.input_range

    @property
    def loss_unit(self) -> str:
        """The unit of the loss."""
        return self._likelihood.unit

    def _n_epochs(self, n_samples: int) -> int:
        if self.max_iter != "auto":
            return self.max_iter
        return min(MAX_AUTO_EPOCHS, math.ceil(self.n_steps / math.ceil(n_samples / self.batch_size)))

    def _diagnose(self, model: "GenerativeModel", X: Rows) -> None:
        """Warn of what went wrong without an error."""
        if self.early_stopping is False:
            warn_if_not_converged(self.loss_curve_)
        if model.dispersion.base is not None and self.image_shape is None:  # images have margins
            warn_of_constant_features(X)
        warn_of_saturated_dispersion(model.dispersion.saturated())

    def _rows(self, X: Any, observed: Any, *, reset: bool) -> Rows:
        """Return checked rows, with the mask of those values that were observed."""
        if type(X) in (np.ndarray, np.memmap) and X.dtype.kind in "iuf":
            X = self._validated(X, reset=reset, dtype="numeric")
        else:
            X = self._validated(X, reset=reset, keep_sparse=True)
        rows = ArrayRows((X,) if observed is None else (X, _as_mask(observed, X)))
        if X.dtype != np.float32:
            for chunk in rows.chunks():  # float32 may not hold all values of float64
                assert_all_finite(chunk, estimator_name=type(self).__name__, input_name="X")
        return rows

    def _description(self, rows: Rows, source: Any) -> dict[str, str]:
        """Return all that determines a training, except its seeds."""
        params = {name: repr(value) for name, value in self.get_params().items() if name not in UNDESCRIBED}
        digest = source.describe() if isinstance(source, RowStream) else rows.digest()
        return {"estimator": type(self).__name__, **params, "data": digest}

    def _check(self, X: Any) -> None:
        """Refuse features and parameters that do not match."""
        self._likelihood.check(X)
        if self.decoder == "convolutional" and not len(self.filters):
            raise ValueError(
                'decoder="convolutional" mirrors the convolutions of the encoder: set filters, or '
                'decoder="dense".'
            )

    def _encode(self, X: np.ndarray) -> np.ndarray:
        return self.encoder_.run(X, [self.code_name])[self.code_name]

    def _log_prob(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """Return log p(x|z) of each row."""
        name, variance = self._likelihood.location_output, self._noise_variance
        location = self.decoder_.run(Z, [name])[name]
        return self._likelihood.log_prob(X, location, None if variance is None else np.log(variance))

    @property
    def _noise_variance(self) -> np.ndarray | None:
        return getattr(self, "noise_variance_", None)

    @training_environment()
    def _trained(
        self,
        rows: Rows,
        last: "Trainer | None",
        seeds: Sequence[int],
        *,
        max_epochs: int,
        early_stopping: bool,
        learning_rate: str,
        resume: bool,
        checkpoint: "Checkpoint | None" = None,
    ) -> "Trainer":
        """Train, keep the course and the weights of the training, and return what was trained."""
        import keras

        from vaefeat.training.optimizers import settings, state
        from vaefeat.training.schedules import DelayedKL, n_epochs_without_kl

        self._check(rows)
        init_seed, split_seed, train_seed = seeds
        trainer = self._trainer_for(rows, init_seed, last if resume else None, resume)
        callbacks = self._callbacks(learning_rate, max_epochs)
        n_without_kl = 0
        if self._has_kl and not resume:
            n_without_kl = n_epochs_without_kl(max_epochs, len(rows), self.batch_size)
            callbacks.insert(0, DelayedKL(n_without_kl))
        validation = None
        if early_stopping:
            rows, validation = rows.split(self.validation_fraction, split_seed)
            callbacks += [
                keras.callbacks.EarlyStopping(
                    patience=self.n_iter_no_change,
                    min_delta=self.tol,
                    restore_best_weights=True,
                    start_from_epoch=n_without_kl,
                )
            ]
        self._train(
            trainer,
            rows,
            max_epochs=max_epochs,
            first_epoch=self.n_iter_ if resume else 0,
            seed=train_seed,
            validation_data=validation,
            callbacks=callbacks,
            checkpoint=checkpoint,
        )
        self._training_state = {
            "model": [variable.numpy() for variable in trainer.model.variables],
            "optimizer": [variable.numpy() for variable in state(trainer.optimizer)],
            "settings": settings(trainer.optimizer),
        }
        self._pending = rows
        return trainer

    def _trainer_for(self, X: Any, seed: int, last: "Trainer | None", resume: bool) -> "Trainer":
        """Return the last trainer, if it still fits the parameters, or a new one."""
        from vaefeat.training.loop import new_trainer
        from vaefeat.training.optimizers import make_optimizer, settings, state

        config = self._model_config(self._encoder_config(X.shape[1]))
        optimizer = make_optimizer(self.optimizer, self.learning_rate_init)
        if last is not None and (last.model.config, settings(last.optimizer), last.batch_size) == (
            config,
            settings(optimizer),
            self.batch_size,
        ):
            last.optimizer.learning_rate = self.learning_rate_init
            return last
        model = self._new_model(config, seed)
        if resume:
            self._restore(model.variables, self._training_state["model"])
        else:
            model.start_from(X)
        trainer = new_trainer(model, optimizer, self.batch_size)
        if resume and self._training_state["settings"] == settings(optimizer):
            self._restore(state(trainer.optimizer), self._training_state["optimizer"])
            trainer.optimizer.learning_rate = self.learning_rate_init  # which may have changed by now
        return trainer

    def _encoder_config(self, n_features: int) -> "NetworkConfig":
        filters = positive_integers(self, "filters")
        return network_config(
            self,
            n_features,
            filters=filters,
            image_shape=checked_image_shape(self, n_features, convolutions=len(filters) > 0),
            log_inputs=self._likelihood.log_inputs,
            convolutional_decoder=self.decoder == "convolutional",
        )

    def _restore(self, variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
        shapes = [value.shape for value in values]
        if [tuple(variable.shape) for variable in variables] != shapes:
            raise ValueError(
                f"The network was trained with another shape than n_components={self.n_components}, "
                f"filters={self.filters}, decoder={self.decoder!r} and "
                f"hidden_layer_sizes={self.hidden_layer_sizes}: set them back, "
                "or fit with warm_start=False."
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _keep(self, model: "GenerativeModel", rows: Rows) -> None:
        """Keep the networks, and what they make of the training rows."""
        first = rows.head(N_CHECKED)
        self._keep_networks(model, first)
        self.example_codes_ = self._encode(first[:N_EXAMPLES])
        del self._pending

    # --- what partial_fit leaves to the first use ---

    @classmethod
    def _exported_names(cls) -> list[str]:
        return [*(f"{role}_" for role in cls._roles), "noise_variance_", "example_codes_"]

    def __getattr__(self, name: str) -> Any:
        """Export what ``partial_fit`` trained, at the first use of a fitted attribute that depends on it."""
        if name.startswith("__") or "_pending" not in vars(self) or name not in self._exported_names():
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        with _exporting:
            if "_pending" in vars(self):
                trainer = vars(self).get("_trainer") or self._trainer_for(self._pending, 0, None, resume=True)
                self._keep(trainer.model, self._pending)
        return getattr(self, name)

    def __getstate__(self) -> dict[str, Any]:
        if "_pending" in vars(self):
            self.encoder_  # noqa: B018  exports
        return {name: value for name, value in super().__getstate__().items() if name != "_trainer"}

    def __sklearn_is_fitted__(self) -> bool:
        return "_training_state" in vars(self)


def _refuse_mask(observed: Any) -> None:
    if observed is not None:
        raise ValueError("observed is for arrays: got a RowStream, whose values must all be known.")


def _opened(folder: Path, resume: bool) -> "Checkpoint":
    from vaefeat.training.checkpoint import Checkpoint

    if resume:
        raise ValueError("A checkpoint is for a training from the start: set warm_start=False.")
    return Checkpoint(folder)


def _as_mask(observed: Any, X: np.ndarray) -> np.ndarray:
    """Return 1 where ``X`` was observed and 0 elsewhere, float32."""
    observed = np.asarray(observed)
    if observed.shape != X.shape or observed.dtype != bool:
        raise ValueError(
            f"observed must be boolean and of the shape of X, {X.shape}, "
            f"got {observed.dtype} of shape {observed.shape}."
        )
    return observed.astype(np.float32)
