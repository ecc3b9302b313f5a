"""The network by which AutoencoderImputer fills gaps unless it is given an estimator."""

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from vaefeat.data.rows import ArrayRows
from vaefeat.estimators._parameters import positive_integers
from vaefeat.estimators._training import TrainedEstimator, spawn_seeds, training_environment
from vaefeat.runtime import OnnxModel

EPOCH = 5_000  # rows; of fewer, each is seen several times in an epoch, with other gaps each time
N_VALIDATED = 1_000  # rows, likewise
VALIDATION_FRACTION = 0.15
PATIENCE = 1 / 3  # of the epochs


class GapNetwork(TrainedEstimator):
    """A normal distribution of the rows, and a denoising autoencoder that corrects its conditional means.

    The autoencoder is trained on gaps that it makes itself. Some rows are held out: the weights are those of
    the epoch that fills their gaps best, and the normal distribution stands alone if no epoch does better.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(256, 256)
    batch_size : int, default=100
    learning_rate_init : float, default=0.001
        The highest of a cosine schedule.
    n_steps : int, default=3_000
        Steps of Adam, rounded up to whole epochs, of which the last third may be left out.
    random_state : int, RandomState instance or None, default=0
    verbose : int, default=0

    Attributes
    ----------
    imputer_ : OnnxModel
        From ``X`` (n_samples, 2 n_features), the features, any finite number in place of missing ones, and
        1 where they are observed, else 0, to ``imputed`` (n_samples, n_features).
    is_normal_ : bool
        Whether the normal distribution stands alone.
    """

    imputer_: OnnxModel
    callbacks: Sequence[Any] = ()
    _roles = ("imputer",)

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (256, 256),
        *,
        batch_size: int = 100,
        learning_rate_init: float = 1e-3,
        n_steps: int = 3_000,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.n_steps = n_steps
        self.random_state = random_state
        self.verbose = verbose

    @training_environment()
    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows with gaps.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            NaN where a value is missing; each feature has a value somewhere.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : object
        """
        import keras

        from vaefeat.training.gaps import GapAutoencoder, GapConfig
        from vaefeat.training.loop import new_trainer, release

        init_seed, split_seed, train_seed = spawn_seeds(self.random_state, 3)
        config = GapConfig(
            n_features=X.shape[1], hidden_layer_sizes=positive_integers(self, "hidden_layer_sizes")
        )
        model = GapAutoencoder(config, init_seed)
        model.start_from(X)
        trainer = new_trainer(model, keras.optimizers.Adam(self.learning_rate_init), self.batch_size)
        training, validation = _split(len(X), split_seed)
        x, observed = _halves(X)
        n_epochs = math.ceil(self.n_steps * self.batch_size / len(training))
        stopping = keras.callbacks.EarlyStopping(
            patience=math.ceil(PATIENCE * n_epochs), restore_best_weights=True
        )
        self._train(
            trainer,
            ArrayRows((x, observed), training),
            max_epochs=n_epochs,
            seed=train_seed,
            validation_data=ArrayRows((x, observed), validation),
            callbacks=[*self._callbacks("cosine", n_epochs), stopping],
        )
        self.is_normal_ = not min(self.history_["val_loss"]) < self.history_["val_normal"][0]
        if self.is_normal_:
            trainer.model.forget()
        self._keep_networks(trainer.model, np.hstack([x[:EPOCH], observed[:EPOCH]]))
        release(trainer)
        return self

    def impute(self, X: np.ndarray) -> np.ndarray:
        """Return guesses of all values of rows with gaps, (n_samples, n_features), float32.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            NaN where a value is missing.
        """
        return self.imputer_.run(np.hstack(_halves(X)), ["imputed"])["imputed"]


def _halves(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows with 0 in their gaps, and 1 where a value is observed, else 0: both float32."""
    missing = np.isnan(X)
    return np.where(missing, 0, X).astype(np.float32), (~missing).astype(np.float32)


def _split(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of rows to train on and of rows held out, each repeated to a sufficient number."""
    order = np.random.default_rng(seed).permutation(n_rows)
    n_held_out = min(max(1, round(VALIDATION_FRACTION * n_rows)), n_rows - 1)
    return _repeated(order[n_held_out:], EPOCH), _repeated(order[:n_held_out], N_VALIDATED)


def _repeated(rows: np.ndarray, n: int) -> np.ndarray:
    return np.tile(rows, math.ceil(n / len(rows)))
