"""A likelihood for tables: one distribution for each group of columns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from numbers import Integral
from typing import Any

import numpy as np

from vaefeat.values.likelihoods import GraphBuilder, Likelihood
from vaefeat.values.objectives import Array, namespace


@dataclass(frozen=True)
class ColumnLikelihood(Likelihood):
    r"""A likelihood for each group of adjacent columns: numbers, categories and counts of one table.

    .. math:: \log p(x|z) = \sum_g \log p_g(x_g|z)

    Given z, the groups are independent. Their terms are weighted alike, in nats: standardize the columns of
    Gaussian groups, or those with large units dominate.

    Parameters
    ----------
    groups : sequence of (Likelihood, int)
        The likelihood and the number of columns of each group, in the order of the columns. A
        :class:`Categorical` group is one category, so each has a group of its own.

    References
    ----------
    Nazábal et al. (2020), "Handling Incomplete Heterogeneous Data using VAEs".

    Examples
    --------
    >>> from vaefeat import Categorical, ColumnLikelihood, Gaussian, Poisson, VAEEncoderTransformer
    >>> likelihood = ColumnLikelihood([(Gaussian(0.1), 5), (Categorical(), 3), (Poisson(), 2)])
    >>> likelihood.n_columns
    10
    >>> vae = VAEEncoderTransformer(likelihood=likelihood)
    """

    groups: Sequence[tuple[Likelihood, int]]

    name = "columns"
    location_output = "x_location"

    def __post_init__(self) -> None:
        groups = tuple((likelihood, width) for likelihood, width in self.groups)
        if not groups:
            raise ValueError("groups must hold at least one likelihood with its number of columns, got none.")
        for likelihood, width in groups:
            if not isinstance(likelihood, Likelihood) or not isinstance(width, Integral) or width < 1:
                raise ValueError(
                    "groups must hold a Likelihood and a positive number of columns each, got "
                    f"{(likelihood, width)!r}."
                )
        # A tuple, so that it can be hashed, as what a network is built from must be.
        object.__setattr__(self, "groups", tuple((likelihood, int(width)) for likelihood, width in groups))

    @property
    def n_columns(self) -> int:
        """The number of columns of all groups."""
        return sum(width for _, width in self.groups)

    @property
    def unit(self) -> str:  # type: ignore[override]
        """The unit of ``log_prob``."""
        return self.groups[0][0].unit

    @property
    def support(self) -> tuple[float, float]:  # type: ignore[override]
        """The lowest and the highest value of any feature."""
        lowest, highest = zip(*(likelihood.support for likelihood, _ in self.groups), strict=True)
        return min(lowest), max(highest)

    @property
    def input_range(self) -> None:
        """None: there is none for all features."""

    @property
    def is_binary(self) -> bool:  # type: ignore[override]
        """Whether all features are probabilities of 1."""
        return all(likelihood.is_binary for likelihood, _ in self.groups)

    @property
    def log_inputs(self) -> bool | tuple[bool, ...]:  # type: ignore[override]
        """Of which features the encoder sees log(1 + x); False if of none."""
        per_feature: list[bool] = []
        for likelihood, width in self.groups:
            logs = likelihood.log_inputs
            per_feature += logs if isinstance(logs, tuple) else [logs] * width
        return tuple(per_feature) if any(per_feature) else False

    def check(self, X: np.ndarray) -> None:
        """Raise ValueError if a group cannot have produced its columns of ``X``, (n_samples, n_features)."""
        self._check_groups(X, lambda likelihood, columns: likelihood.check(columns))

    def check_new(self, X: np.ndarray) -> None:
        """Raise ValueError if rows that come after the training have no score."""
        self._check_groups(X, lambda likelihood, columns: likelihood.check_new(columns))

    def _check_groups(self, X: np.ndarray, check: Callable[[Likelihood, Any], None]) -> None:
        if X.shape[1] != self.n_columns:
            raise ValueError(f"X must have the {self.n_columns} columns of the groups, got {X.shape[1]}.")
        for likelihood, where, columns in self._parts(X):
            try:
                check(likelihood, columns)
            except ValueError as exc:
                last = where.stop - 1
                columns = f"Columns {where.start} to {last}" if last > where.start else f"Column {last}"
                raise ValueError(f"{columns}: {exc}") from None

    def _slices(self) -> Iterator[tuple[Likelihood, slice]]:
        start = 0
        for likelihood, width in self.groups:
            yield likelihood, slice(start, start + width)
            start += width

    def _parts(self, X: Any) -> Iterator[tuple[Likelihood, slice, Any]]:
        statistics = _statistics(X)
        for likelihood, where in self._slices():
            yield likelihood, where, _Columns(statistics, where, X.shape[0])

    def start(self, X: np.ndarray) -> np.ndarray:
        return np.concatenate([likelihood.start(columns) for likelihood, _, columns in self._parts(X)])

    def mean(self, location: Array) -> Array:
        means = [likelihood.mean(location[..., where]) for likelihood, where in self._slices()]
        return namespace(location).concatenate(means, axis=-1)

    def log_prob(
        self, x: Array, location: Array, log_dispersion: Array | None = None, observed: Array | None = None
    ) -> Array:
        def of(where: slice, array: Array | None) -> Array | None:
            return None if array is None else array[..., where]

        total: Array = 0.0
        for likelihood, where in self._slices():
            arrays = (of(where, each) for each in (x, location, log_dispersion, observed))
            total = total + likelihood.log_prob(*arrays)
        return total

    def log_prob_nodes(
        self, graph: GraphBuilder, x: str, location: str, dispersion: np.ndarray | None
    ) -> str:
        def of(where: slice, tensor: str) -> str:
            return graph.op("Slice", tensor, [where.start], [where.stop], [-1])

        total = ""
        for likelihood, where in self._slices():
            own = None if dispersion is None else dispersion[where]
            term = likelihood.log_prob_nodes(graph, of(where, x), of(where, location), own)
            total = graph.op("Add", total, term) if total else term
        return total

    def n_levels(self, n_features: int) -> int:
        return sum(likelihood.n_levels(width) for likelihood, width in self.groups)

    def spread(self, levels: Array, n_features: int) -> Array:
        xp = namespace(levels)
        spread, start = [], 0
        for likelihood, width in self.groups:
            n_levels = likelihood.n_levels(width)
            own = likelihood.spread(levels[start : start + n_levels], width) if n_levels else xp.zeros(1)
            spread.append(xp.broadcast_to(own, (width,)))
            start += n_levels
        return xp.concatenate(spread)

    def base_log_dispersion(self, n_features: int, X: np.ndarray | None = None) -> np.ndarray | None:
        """Return the logarithm of the dispersion before training; NaN in groups that have none."""
        if X is None:
            found = [likelihood.base_log_dispersion(width) for likelihood, width in self.groups]
        else:
            found = [
                likelihood.base_log_dispersion(width, columns)
                for (likelihood, width), (*_, columns) in zip(self.groups, self._parts(X), strict=True)
            ]
        if all(each is None for each in found):
            return None
        none = np.float32(np.nan)
        return np.concatenate(
            [
                np.full(width, none) if each is None else each
                for (_, width), each in zip(self.groups, found, strict=True)
            ]
        )


class _Columns:
    """Some columns of a matrix, as far as likelihoods ask about them."""

    def __init__(self, statistics: Callable[[str], np.ndarray], where: slice, n_rows: int) -> None:
        self._statistics = statistics
        self._where = where
        self.shape = (n_rows, where.stop - where.start)

    def min(self, axis: int | None = None) -> Any:
        found = self._statistics("min")[self._where]
        return found if axis == 0 else found.min()

    def max(self, axis: int | None = None) -> Any:
        found = self._statistics("max")[self._where]
        return found if axis == 0 else found.max()

    def mean(self, axis: int = 0, dtype: Any = np.float64) -> np.ndarray:
        return self._statistics("mean")[self._where]

    def var(self, axis: int = 0, dtype: Any = np.float64) -> np.ndarray:
        return self._statistics("var")[self._where]


def _statistics(X: Any) -> Callable[[str], np.ndarray]:
    """Return a function that gives a statistic of each column by its name: one pass serves all groups."""

    @cache
    def of(name: str) -> np.ndarray:
        options = {"dtype": np.float64} if name in ("mean", "var") else {}
        return getattr(X, name)(axis=0, **options)

    return of
