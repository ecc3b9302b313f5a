"""What the VAE and the autoencoder share: an encoder and a decoder, trained without labels."""

from numbers import Integral, Real
from typing import get_args

import numpy as np
from sklearn.base import _fit_context
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from vaefeat.estimators._base import (
    NETWORK_CONSTRAINTS,
    OnnxTransformer,
    all_or_nothing,
    checked_image_shape,
    network_config,
    positive_integers,
    require_training_extra,
    spawn_seeds,
    training_callbacks,
)
from vaefeat.values.corruptions import Corruption, ImageWarp

N_EXAMPLES = 10
AUTOENCODING_CONSTRAINTS: dict = {
    **NETWORK_CONSTRAINTS,
    "filters": ["array-like"],
    "image_shape": ["array-like", None],
    "corruption": [*get_args(Corruption), None],
    "learning_rate": [StrOptions({"constant", "cosine"})],
    "max_iter": [Interval(Integral, 0, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "callbacks": ["array-like"],
    "warm_start": ["boolean"],
}


class AutoencodingTransformer(OnnxTransformer):
    """A transformer that learns to encode and to decode, and keeps both as ONNX models.

    A subclass says which model is trained (``_model``), what it asks of the data and of its own
    parameters (``_check``), and what is the score of a sample (``score_samples``).
    """

    _code_name: str  # the output of the encoder that the decoder takes

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, observed=None):
        """Train the encoder and the decoder on ``X``, and export them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            At least two samples, cast to float32; in [0, 1] where features are taken for probabilities.
        y : Ignored
            Not used, present for API consistency.
        observed : array-like of shape (n_samples, n_features), bool, optional
            False where the value is not known: it is left out of the loss, and what stands in ``X``
            there is a guess that the encoder sees. AutoencoderImputer makes both of rows with NaN.

        Returns
        -------
        self : object
        """
        with all_or_nothing(self):
            resume = self.warm_start and self.__sklearn_is_fitted__()
            X = self._validated(X, reset=not resume)
            self._train(
                (X,) if observed is None else (X, _as_mask(observed, X)),
                max_epochs=self.max_iter,
                early_stopping=self.early_stopping,
                learning_rate=self.learning_rate,
                resume=resume,
            )
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Train for one pass over ``X``, a piece of the data, going on from where training stands.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : object
        """
        with all_or_nothing(self):
            resume = self.__sklearn_is_fitted__()
            X = self._validated(X, reset=not resume)
            self._train((X,), max_epochs=1, early_stopping=False, learning_rate="constant", resume=resume)
        return self

    def inverse_transform(self, Z):
        """Decode latent vectors.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)

        Returns
        -------
        x_mean : ndarray of shape (n_samples, n_features), float32
            The mean of each feature: in [0, 1] where features are taken for probabilities.
        """
        check_is_fitted(self)
        Z = check_array(Z, dtype=np.float32, order="C", input_name="Z")
        return self.decoder_.run(Z, ["x_mean"])["x_mean"]

    def reconstruct(self, X):
        """Encode and decode ``X``; nothing is drawn.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        x_mean : ndarray of shape (n_samples, n_features), float32
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        return self.inverse_transform(self.encoder_.run(X, [self._code_name])[self._code_name])

    def score(self, X, y=None):
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

    def _train(
        self,
        data: tuple[np.ndarray, ...],
        *,
        max_epochs: int,
        early_stopping: bool,
        learning_rate: str,
        resume: bool,
    ) -> None:
        require_training_extra()
        import keras

        from vaefeat.training.loop import train

        self._check(data[0])
        init_seed, split_seed, train_seed = spawn_seeds(self.random_state, 3)
        model, optimizer = self._build(data[0], init_seed, resume)
        callbacks = training_callbacks(self, learning_rate, max_epochs)
        validation = None
        if early_stopping:
            parts = train_test_split(*data, test_size=self.validation_fraction, random_state=split_seed)
            data, validation = tuple(parts[::2]), tuple(parts[1::2])
            callbacks += [
                keras.callbacks.EarlyStopping(
                    patience=self.n_iter_no_change, min_delta=self.tol, restore_best_weights=True
                )
            ]
        history = train(
            model,
            data,
            optimizer=optimizer,
            batch_size=self.batch_size,
            max_epochs=max_epochs,
            first_epoch=self.n_iter_ if resume else 0,
            seed=train_seed,
            validation_data=validation,
            callbacks=callbacks,
            verbose=self.verbose,
        )
        self._keep(model, optimizer, history, data[0], resume)

    def _build(self, X: np.ndarray, seed: int, resume: bool):
        """Return the model and its optimizer: new ones, or those of the last training."""
        import keras

        n_features = X.shape[1]
        needs_images = len(self.filters) > 0 or isinstance(self.corruption, ImageWarp)
        encoder = network_config(
            self,
            n_features,
            filters=positive_integers(self, "filters"),
            image_shape=checked_image_shape(self, n_features, needed=needs_images),
        )
        model = self._model(encoder, seed)
        optimizer = keras.optimizers.Adam(self.learning_rate_init)
        optimizer.build(model.trainable_variables)
        if resume:
            self._restore(model.variables + optimizer.variables)
            optimizer.learning_rate = self.learning_rate_init  # which may be another one by now
        else:
            model.start_from(X)
        return model, optimizer

    def _restore(self, variables: list) -> None:
        shapes = [value.shape for value in self._training_state]
        if [tuple(variable.shape) for variable in variables] != shapes:
            raise ValueError(
                f"The network was trained with another shape than n_components={self.n_components}, "
                f"filters={self.filters} and hidden_layer_sizes={self.hidden_layer_sizes}: set them back, "
                "or fit with warm_start=False."
            )
        for variable, value in zip(variables, self._training_state, strict=True):
            variable.assign(value)

    def _keep(self, model, optimizer, history: dict, X: np.ndarray, resume: bool) -> None:
        """Turn what was trained into fitted attributes: plain data and ONNX models."""
        from vaefeat.export.networks import export_decoder, export_encoder

        self.encoder_ = export_encoder(model.encoder, X)
        self.decoder_ = export_decoder(
            model.decoder, "bernoulli" if self._takes_probabilities else "gaussian"
        )
        self._training_state = [variable.numpy() for variable in model.variables + optimizer.variables]
        previous = self.history_ if resume else {}
        self.history_ = _joined(previous, history)
        self.loss_curve_ = self.history_.get("loss", [])
        self.n_iter_ = len(self.loss_curve_)
        # To be looked at, decoded, in a notebook.
        self._example_codes = self.encoder_.run(X[:N_EXAMPLES], [self._code_name])[self._code_name]


def _joined(first: dict[str, list[float]], second: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the courses of two trainings, one after the other: NaN where a loss had no such term."""
    before, after = ([np.nan] * len(history.get("loss", ())) for history in (first, second))
    return {name: first.get(name, before) + second.get(name, after) for name in first | second}


def lowest_if_nan(scores: np.ndarray) -> np.ndarray:
    """Return the scores, -inf for those on whose way float32 met a difference of infinities."""
    return np.where(np.isnan(scores), np.float32(-np.inf), scores)


def _as_mask(observed, X: np.ndarray) -> np.ndarray:
    """Return 1 where ``X`` was observed and 0 elsewhere, float32."""
    observed = np.asarray(observed)
    if observed.shape != X.shape or observed.dtype != bool:
        raise ValueError(
            f"observed must be boolean and of the shape of X, {X.shape}, "
            f"got {observed.dtype} of shape {observed.shape}."
        )
    return observed.astype(np.float32)
