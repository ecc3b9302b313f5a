"""What the estimators share: an ONNX encoder as fitted state. Think twice before adding to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from vaefeat._optional import import_optional

NETWORK_CONSTRAINTS: dict = {
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "hidden_layer_sizes": ["array-like"],
    "activation": [StrOptions({"identity", "relu", "softplus", "tanh"})],
    "kernel_initializer": [StrOptions({"glorot_uniform", "he_normal", "lecun_normal"})],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


@contextmanager
def all_or_nothing(estimator: BaseEstimator) -> Iterator[None]:
    """Take the estimator back to what it was if the block raises or is interrupted."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def spawn_seeds(random_state, n: int) -> list[int]:
    """Return ``n`` integers drawn from ``random_state``, for consumers that take an integer seed."""
    return check_random_state(random_state).randint(2**30, size=n).tolist()


def require_training_extra() -> None:
    """Say what is not installed before hours of training, not after."""
    for room in ("vaefeat.training.models", "vaefeat.training.loop", "vaefeat.export.networks"):
        import_optional(room, "train")


def network_config(estimator: BaseEstimator, n_features: int, **convolutions):
    """Return the engine's description of the encoder that the parameters ask for."""
    from vaefeat.training.networks import NetworkConfig

    return NetworkConfig(
        n_features,
        estimator.n_components,
        positive_integers(estimator, "hidden_layer_sizes"),
        estimator.activation,
        estimator.kernel_initializer,
        **convolutions,
    )


def positive_integers(estimator: BaseEstimator, name: str) -> tuple[int, ...]:
    """Return a parameter that is a sequence of positive integers."""
    values = tuple(getattr(estimator, name))
    if not all(isinstance(value, Integral) and value > 0 for value in values):
        raise ValueError(f"{name} must hold positive integers, got {values}.")
    return values


def check_unit_range(X: np.ndarray, option: str, instead: str) -> None:
    """Refuse features that are no probabilities, as ``option`` takes them for; ``instead`` does not."""
    low, high = X.min(), X.max()
    if low < 0 or high > 1:
        raise ValueError(
            f"X must lie in [0, 1] for {option}, got [{low:g}, {high:g}]. "
            f"Put MinMaxScaler() before this step, or set {instead}."
        )


def check_range(X: np.ndarray, likelihood: str) -> None:
    """Refuse features that the likelihood cannot have produced."""
    if likelihood == "bernoulli":
        check_unit_range(X, 'likelihood="bernoulli"', 'likelihood="gaussian"')


def check_likelihood(estimator: BaseEstimator, X: np.ndarray) -> None:
    """Refuse features and options that the likelihood does not go with."""
    check_range(X, estimator.likelihood)
    if estimator.dynamic_binarization and estimator.likelihood != "bernoulli":
        raise ValueError(
            f'dynamic_binarization=True is for likelihood="bernoulli", got "{estimator.likelihood}".'
        )


def training_callbacks(estimator: BaseEstimator, learning_rate: str, max_epochs: int) -> list:
    """Return the schedule of the learning rate, if it has one, and the callbacks of the caller."""
    from vaefeat.training.schedules import cosine_schedule

    scheduled = learning_rate == "cosine" and max_epochs > 0
    schedule = [cosine_schedule(estimator.learning_rate_init, max_epochs)] if scheduled else []
    return [*schedule, *estimator.callbacks]  # theirs come last, so that they have the last word


def checked_image_shape(estimator: BaseEstimator, n_features: int, needed: bool) -> tuple[int, int] | None:
    """Return the parameter ``image_shape`` as rows and columns, if it fits the features."""
    if estimator.image_shape is None:
        if needed:
            raise ValueError(
                "filters and ImageWarp are for images: set image_shape to their rows and columns, "
                f"whose product is the number of features, {n_features}."
            )
        return None
    if len(estimator.image_shape) != 2:
        raise ValueError(f"image_shape must be two numbers, rows and columns, got {estimator.image_shape}.")
    rows, columns = positive_integers(estimator, "image_shape")
    if rows * columns != n_features:
        raise ValueError(f"image_shape={(rows, columns)} does not fit {n_features} features.")
    return rows, columns


class OnnxEstimator(BaseEstimator):
    """An estimator whose fitted state is ONNX models."""

    def _repr_html_inner(self) -> str:
        return super()._repr_html_inner() + self._summary_html()

    def _repr_mimebundle_(self, **kwargs) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._summary_html()
        return bundle

    def _summary_html(self) -> str:
        """Return what scikit-learn's diagram does not show: how the training went."""
        from vaefeat.plotting import summary_html

        return summary_html(self)

    def _validated(self, X, y="no_validation", *, reset: bool, min_samples: int | None = None):
        if not reset and self._is_ready(X):
            return X
        if min_samples is None:  # a network cannot be trained on one example: its features have no spread
            min_samples = 2 if reset else 1
        with np.errstate(over="ignore"):  # what float32 cannot hold is refused, in words
            return validate_data(
                self, X, y, reset=reset, dtype=np.float32, order="C", ensure_min_samples=min_samples
            )

    def _is_ready(self, X) -> bool:
        """Tell whether all that validation has left to check of ``X`` is what the ONNX model checks.

        validate_data() takes longer over one row than the network does, most of it in telling which
        kind of data frame the array is not.
        """
        return (
            type(X) is np.ndarray
            and X.dtype == np.float32
            and X.ndim == 2
            and len(X) > 0
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
        )


class OnnxGraphMixin:
    """What lets skl2onnx convert a transformer whose computation is one ONNX graph, ``_graph()``."""

    def onnx_shape_calculator(self):
        """Return the shape calculator by which skl2onnx converts the estimator, within a Pipeline too."""
        from vaefeat.export.pipeline import encoder_shapes

        return encoder_shapes

    def onnx_converter(self):
        """Return the converter by which skl2onnx converts the estimator, within a Pipeline too."""
        from vaefeat.export.pipeline import convert_encoder

        return convert_encoder


class OnnxTransformer(OnnxGraphMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, OnnxEstimator):
    """A transformer whose fitted state is an ONNX encoder."""

    def transform(self, X):
        """Return the features of ``X``: the output of the encoder that ``output`` names.

        Runs the ONNX encoder. Writes nothing and draws nothing: the same row gives the same
        features, alone or in company, from any thread.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        features : ndarray of shape (n_samples, n_features_out), float32
        """
        check_is_fitted(self)
        return self._features(self._validated(X, reset=False))

    def _features(self, X: np.ndarray) -> np.ndarray:
        return self.encoder_.run(X, [self._output_name])[self._output_name]

    def _graph(self):
        """Return the ONNX graph that computes the features."""
        from vaefeat.export.composition import one_output

        return one_output(self.encoder_, self._output_name)

    @property
    def _output_name(self) -> str:
        """The output of the encoder that is the features."""
        return "z_mean"

    @property
    def _takes_probabilities(self) -> bool:
        """Whether features must lie in [0, 1]."""
        return False

    @property
    def _n_features_out(self) -> int:
        (name,) = self.encoder_.select_outputs([self._output_name])
        return self.encoder_.n_outputs[name]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "encoder_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
