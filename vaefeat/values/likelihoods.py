r"""Likelihoods: the distribution p(x|z) of the features of a sample, given the output of a decoder.

The decoder's last layer is linear. Its output, the *location*, has one value for each feature, which the
inverse of the link function turns into the feature's mean. Some likelihoods have a *dispersion* too, which
does not depend on z::

    z --decoder--> location --mean()--> E[x|z]
                      |
                x ----+--log_prob()--> log p(x|z)

To add a likelihood, derive a class from :class:`Likelihood` and add it to ``LIKELIHOODS``: training,
scores, exported files, imputation and plots take it from there.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from vaefeat.values.objectives import (
    Array,
    bernoulli_log_prob,
    categorical_log_prob,
    gaussian_log_prob,
    log_softmax,
    namespace,
    poisson_log_prob,
    squared_error,
)

ROUNDING = 1e-6  # by which a scaler in float32 may miss the end of a range
# A feature that the decoder gets exactly right would drive its learned variance to zero, and the gradient of
# its log-density would leave nothing for the others: less than this share of its variance counts as none.
MIN_SHARE = 1e-4
# A decoder that starts by assuming as much noise as there is variance has no use for latents, which fall
# silent before it learns better.
START_SHARE = 0.1
SAME = 1e-6  # values that differ by less, relative to their mean, are rounding errors of one value
MOST_ONES = 1.5  # of one category, on average: gaps that are filled may add up to more than 1
RARE = 1e-2  # a feature that is never seen is not impossible: its mean starts no nearer to the boundary


class GraphBuilder(Protocol):
    """An ONNX graph under construction, as :class:`vaefeat.export.composition.Graph` is."""

    def op(self, op_type: str, *inputs: Any, **attributes: Any) -> str:
        """Apply an operator to named tensors or to arrays, and return the name of its output."""


class Likelihood(ABC):
    """The distribution of the features of a sample given the decoder's location.

    The base class of :class:`Bernoulli`, :class:`Categorical`, :class:`Gaussian` and :class:`Poisson`, and of
    :class:`ColumnLikelihood`, which has one of them for each group of columns.

    Attributes
    ----------
    name : str
        The name by which estimators accept it.
    location_output : str
        The output of an exported decoder that is the location; "x_mean" if the location is the mean.
    unit : str
        The unit of ``log_prob``.
    support : tuple of two float
        The lowest and the highest value of a feature.
    advice : str
        What to do about values outside it.
    is_binary : bool
        Whether features are probabilities of 1, so that they can be binarized.
    log_inputs : bool or tuple of bool
        Whether the encoder sees log(1 + x): for features whose magnitudes differ widely. A tuple has an entry
        for each feature.

    Examples
    --------
    >>> from vaefeat import Gaussian, Likelihood
    >>> isinstance(Gaussian("shared"), Likelihood)
    True
    """

    name: ClassVar[str]
    location_output: ClassVar[str] = "x_mean"
    unit: ClassVar[str] = "nats"
    support: tuple[float, float] = (-np.inf, np.inf)
    advice: ClassVar[str] = ""
    is_binary: bool = False
    log_inputs: bool | tuple[bool, ...] = False

    def check(self, X: np.ndarray) -> None:
        """Raise ValueError if the likelihood cannot have produced ``X``, (n_samples, n_features).

        Values beyond the support by no more than rounding, a millionth, are accepted.
        """
        (lowest, highest), low, high = self.support, X.min(), X.max()
        if low < lowest - ROUNDING or high > highest + ROUNDING:
            raise ValueError(
                f"X must lie in [{lowest:g}, {highest:g}] for a {type(self).__name__} likelihood, "
                f"got [{low:g}, {high:g}]. {self.advice}"
            )

    def check_new(self, X: np.ndarray) -> None:
        """Raise ValueError if rows that come after the training have no score."""
        self.check(X)

    @property
    def input_range(self) -> tuple[float, float] | None:
        """The range of a feature, if it is bounded on both sides."""
        return self.support if np.isfinite(self.support).all() else None

    @abstractmethod
    def start(self, X: np.ndarray) -> np.ndarray:
        """Return the location of the mean of each feature of ``X``, (n_features,), float32."""

    @abstractmethod
    def mean(self, location: Array) -> Array:
        """Return E[x|z], of the shape of ``location``: the inverse of the link function."""

    @abstractmethod
    def log_prob(
        self, x: Array, location: Array, log_dispersion: Array | None = None, observed: Array | None = None
    ) -> Array:
        """Return log p(x|z) of each sample: shape of ``x`` and ``location`` without the last axis.

        Parameters
        ----------
        x, location : arrays of shape (..., n_features)
            Broadcast together.
        log_dispersion : array of shape (n_features,), optional
            Logarithm of the dispersion, for likelihoods that have one.
        observed : array of shape (..., n_features), optional
            1 where x is known; where it is 0 the feature is left out of the sum.
        """

    @abstractmethod
    def log_prob_nodes(
        self, graph: GraphBuilder, x: str, location: str, dispersion: np.ndarray | None
    ) -> str:
        """Add the operators of ``log_prob`` to an ONNX graph, and return the name of their output."""

    def n_levels(self, n_features: int) -> int:
        """Return how many dispersions are learned: none, one for all features, or one for each."""
        return 0

    def spread(self, levels: Array, n_features: int) -> Array:
        """Return the levels that are learned, (n_levels,), as what broadcasts to one for each feature."""
        return levels

    def base_log_dispersion(self, n_features: int, X: np.ndarray | None = None) -> np.ndarray | None:
        """Return the logarithm of the dispersion before training; None if the likelihood has none.

        Parameters
        ----------
        n_features : int
        X : ndarray of shape (n_samples, n_features), optional
            The training data, if they are known.

        Returns
        -------
        ndarray of shape (n_features,), float32, or None
        """
        return None


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    r"""Features in [0, 1] such as black and white pixels; the location is the log-odds.

    .. math:: \log p(x|z) = \sum_i x_i l_i - \log(1 + \exp l_i), \qquad E[x|z] = 1 / (1 + \exp(-l))

    Training rows must lie in [0, 1]. Values of new rows outside it are scored as 0 or 1, but the encoder sees
    them as they are; the same holds for exported files.

    References
    ----------
    Kingma & Welling (2014), "Auto-Encoding Variational Bayes", appendix C.1.

    Examples
    --------
    >>> import numpy as np
    >>> from vaefeat import Bernoulli
    >>> Bernoulli().log_prob(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]])).round(3)  # 2 log(1/2)
    array([-1.386])
    """

    name = "bernoulli"
    location_output = "x_logits"
    support = (0.0, 1.0)
    advice = (
        "Put MinMaxScaler(clip=True) before this step, or choose a Gaussian likelihood or the squared error."
    )
    is_binary = True

    def check_new(self, X: np.ndarray) -> None:
        """Accept all rows: their values are clipped to [0, 1] where they are compared with the mean."""

    def start(self, X: np.ndarray) -> np.ndarray:
        mean = np.clip(X.mean(axis=0, dtype=np.float64), RARE, 1 - RARE)
        return np.log(mean / (1 - mean)).astype(np.float32)

    def mean(self, location: Array) -> Array:
        if isinstance(location, np.ndarray):
            return np.exp(-np.logaddexp(0.0, -location)).astype(location.dtype)
        return namespace(location).sigmoid(location)

    def log_prob(
        self, x: Array, location: Array, log_dispersion: Array | None = None, observed: Array | None = None
    ) -> Array:
        if isinstance(x, np.ndarray):  # new rows may lie outside; training rows do not
            x = np.clip(x, 0, 1)
        return bernoulli_log_prob(x, location, observed)

    def log_prob_nodes(
        self, graph: GraphBuilder, x: str, location: str, dispersion: np.ndarray | None
    ) -> str:
        x = graph.op("Clip", x, 0.0, 1.0)
        per_feature = graph.op("Sub", graph.op("Mul", x, location), graph.op("Softplus", location))
        return graph.op("ReduceSum", per_feature, [-1], keepdims=0)


@dataclass(frozen=True)
class Categorical(Likelihood):
    r"""One category as columns of 0 and 1, one for each of its values; the location is their logits.

    .. math:: \log p(x|z) = \sum_k x_k (l_k - \log \sum_j \exp l_j),
        \qquad E[x_k|z] = \exp l_k / \sum_j \exp l_j

    A row of zeros is a value that is not known, such as one that was not seen in training; it adds nothing.
    All features are one category: :class:`ColumnLikelihood` has several, and numbers beside them.

    References
    ----------
    Nazábal et al. (2020), "Handling Incomplete Heterogeneous Data using VAEs", section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> from vaefeat import Categorical
    >>> Categorical().log_prob(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[0.0, 0.0]])).round(3)
    array([-0.693,  0.   ])
    """

    name = "categorical"
    location_output = "x_logits"
    support = (0.0, 1.0)
    advice = "Put OneHotEncoder() before this step."

    def check(self, X: np.ndarray) -> None:
        super().check(X)
        n_ones = float(X.mean(axis=0, dtype=np.float64).sum())
        if n_ones > MOST_ONES:
            raise ValueError(
                "The columns of a category must hold a single 1 in each row, or none, got a sum of "
                f"{n_ones:.3g} on average. Give each category its own group of columns."
            )

    def start(self, X: np.ndarray) -> np.ndarray:
        mean = X.mean(axis=0, dtype=np.float64)
        return np.log(np.maximum(mean, RARE / len(mean))).astype(np.float32)

    def mean(self, location: Array) -> Array:
        return namespace(location).exp(log_softmax(location))

    def log_prob(
        self, x: Array, location: Array, log_dispersion: Array | None = None, observed: Array | None = None
    ) -> Array:
        return categorical_log_prob(x, location, observed)

    def log_prob_nodes(
        self, graph: GraphBuilder, x: str, location: str, dispersion: np.ndarray | None
    ) -> str:
        per_feature = graph.op("Mul", x, graph.op("LogSoftmax", location, axis=-1))
        return graph.op("ReduceSum", per_feature, [-1], keepdims=0)


@dataclass(frozen=True)
class Gaussian(Likelihood):
    r"""Any real features; the location is the mean, the dispersion the variance.

    .. math:: \log p(x|z) = -\tfrac12 \sum_i \log 2\pi v_i + (x_i - \mu_i)^2 / v_i, \qquad E[x|z] = \mu

    Parameters
    ----------
    variance : "shared", "learned" or float, default="shared"
        "shared": the same share of each feature's variance in the training data, a share that is learned
        with the weights. It is robust to features that are constant, or easy to predict. "learned": a
        variance learned for each feature, which makes a better density, and can give a few features all of
        the weight. A number: this variance for all features.

    References
    ----------
    Kingma & Welling (2014), "Auto-Encoding Variational Bayes", appendix C.2.
    Rybkin, Daniilidis & Levine (2021), "Simple and Effective VAE Training with Calibrated Decoders", for the
    shared variance.

    Examples
    --------
    >>> from vaefeat import Gaussian, VAEEncoderTransformer
    >>> vae = VAEEncoderTransformer(likelihood=Gaussian(variance=0.1))
    """

    variance: float | str = "shared"

    name = "gaussian"

    def __post_init__(self) -> None:
        if isinstance(self.variance, str):
            if self.variance not in ("shared", "learned"):
                raise ValueError(f'variance must be "shared", "learned" or a number, got {self.variance!r}.')
        elif not 0 < self.variance < np.inf:  # also when it is NaN
            raise ValueError(f"variance must be positive and finite, got {self.variance}.")

    def n_levels(self, n_features: int) -> int:
        if not isinstance(self.variance, str):
            return 0
        return 1 if self.variance == "shared" else n_features

    def base_log_dispersion(self, n_features: int, X: np.ndarray | None = None) -> np.ndarray:
        if not isinstance(self.variance, str):
            return np.full(n_features, np.log(self.variance), np.float32)
        if X is None:
            return np.zeros(n_features, np.float32)
        return np.log(START_SHARE * _variances(X)).astype(np.float32)

    def start(self, X: np.ndarray) -> np.ndarray:
        return X.mean(axis=0, dtype=np.float64).astype(np.float32)

    def mean(self, location: Array) -> Array:
        return location

    def log_prob(
        self, x: Array, location: Array, log_dispersion: Array | None = None, observed: Array | None = None
    ) -> Array:
        return gaussian_log_prob(x, location, log_dispersion, observed)

    def log_prob_nodes(
        self, graph: GraphBuilder, x: str, location: str, dispersion: np.ndarray | None
    ) -> str:
        variance = np.asarray(dispersion)
        deviation = graph.op("Div", graph.op("Sub", x, location), np.sqrt(variance))
        normalizer = np.sum(np.log(2 * np.pi * variance), dtype=np.float32)
        return graph.op("Mul", graph.op("Add", _sum_of_squares(graph, deviation), normalizer), -0.5)


@dataclass(frozen=True)
class Poisson(Likelihood):
    r"""Counts, such as words in a document or events in an hour; the location is the logarithm of the rate.

    .. math:: \log p(x|z) = \sum_i x_i l_i - \exp l_i - \log x_i!, \qquad E[x|z] = \exp l

    The encoder sees log(1 + x), since counts of frequent and of rare events differ by orders of magnitude.
    Values need not be integers: x! is then :math:`\Gamma(x + 1)`.

    References
    ----------
    McCullagh & Nelder (1989), "Generalized Linear Models", chapter 6, for the logarithmic link.
    Lopez et al. (2018), "Deep generative modeling for single-cell transcriptomics", for the encoder's input.

    Examples
    --------
    >>> from vaefeat import VAEEncoderTransformer
    >>> vae = VAEEncoderTransformer(likelihood="poisson")
    """

    name = "poisson"
    location_output = "x_log_rate"
    support = (0.0, np.inf)
    advice = "Leave out the steps before that center features, or choose a Gaussian likelihood."
    log_inputs = True

    def start(self, X: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(X.mean(axis=0, dtype=np.float64), RARE)).astype(np.float32)

    def mean(self, location: Array) -> Array:
        return namespace(location).exp(location)

    def log_prob(
        self, x: Array, location: Array, log_dispersion: Array | None = None, observed: Array | None = None
    ) -> Array:
        return poisson_log_prob(x, location, observed)

    def log_prob_nodes(
        self, graph: GraphBuilder, x: str, location: str, dispersion: np.ndarray | None
    ) -> str:
        expected = graph.op("Sub", graph.op("Mul", x, location), graph.op("Exp", location))
        per_feature = graph.op("Sub", expected, _log_factorial_nodes(graph, x))
        return graph.op("ReduceSum", per_feature, [-1], keepdims=0)


@dataclass(frozen=True)
class SquaredError(Likelihood):
    r"""The negative squared error: a Gaussian of variance 1/2 without its constant.

    .. math:: -\sum_i (x_i - \mu_i)^2

    It is the loss of plain autoencoders, and not a log-density.
    """

    name = "squared_error"
    unit = "squared error"

    def start(self, X: np.ndarray) -> np.ndarray:
        return X.mean(axis=0, dtype=np.float64).astype(np.float32)

    def mean(self, location: Array) -> Array:
        return location

    def log_prob(
        self, x: Array, location: Array, log_dispersion: Array | None = None, observed: Array | None = None
    ) -> Array:
        return -squared_error(x, location, observed)

    def log_prob_nodes(
        self, graph: GraphBuilder, x: str, location: str, dispersion: np.ndarray | None
    ) -> str:
        return graph.op("Neg", _sum_of_squares(graph, graph.op("Sub", x, location)))


LIKELIHOODS: Mapping[str, Likelihood] = {
    likelihood.name: likelihood for likelihood in (Bernoulli(), Gaussian(), Poisson())
}
LOSSES: Mapping[str, Likelihood] = {"squared_error": SquaredError(), "log_loss": Bernoulli()}


def resolve(likelihood: str | Likelihood, known: Mapping[str, Likelihood] = LIKELIHOODS) -> Likelihood:
    """Return a likelihood that is given by its name or as an instance.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> from vaefeat.values.likelihoods import resolve
    >>> resolve("gaussian")
    Gaussian(variance='shared')
    """
    if isinstance(likelihood, Likelihood):
        return likelihood
    if likelihood not in known:
        raise ValueError(f"Got the likelihood {likelihood!r}, expected an object, or one of {sorted(known)}.")
    return known[likelihood]


def _variances(X: np.ndarray) -> np.ndarray:
    """Return the variance of each feature; for a constant one, that of an average feature."""
    variance, mean = X.var(axis=0, dtype=np.float64), X.mean(axis=0, dtype=np.float64)
    varies = np.sqrt(variance) > SAME * np.abs(mean)
    return np.where(varies, variance, variance[varies].mean() if varies.any() else 1.0)


def _sum_of_squares(graph: GraphBuilder, values: str) -> str:
    return graph.op("ReduceSum", graph.op("Mul", values, values), [-1], keepdims=0)


def _log_factorial_nodes(graph: GraphBuilder, x: str) -> str:
    """Add the operators of :func:`vaefeat.values.objectives.log_factorial`, in exactly its order."""
    first, second, third = (graph.op("Add", x, float(i)) for i in (1, 2, 3))
    product = graph.op("Mul", graph.op("Mul", first, second), third)
    y = graph.op("Add", x, 4.0)
    leading = graph.op("Sub", graph.op("Mul", graph.op("Sub", y, 0.5), graph.op("Log", y)), y)
    inverse = graph.op("Div", 1.0, y)
    inner = graph.op("Sub", 1.0 / 12.0, graph.op("Mul", graph.op("Mul", inverse, inverse), 1.0 / 360.0))
    series = graph.op("Add", graph.op("Mul", inverse, inner), 0.5 * np.log(2.0 * np.pi))
    return graph.op("Sub", graph.op("Add", leading, series), graph.op("Log", product))
