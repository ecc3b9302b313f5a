"""Distances to the nearest of some reference rows, and the scale of scores, in NumPy and as ONNX nodes."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

DOUBLE = 11  # as ONNX numbers the types
SOFTNESS = 0.3  # share of the median: the logarithm of what is much smaller hardly falls
LEAST = 1e-4  # of squared distances, below which float32 does not know them
EQUAL = 1e-9  # deviation of logarithms that differ by rounding alone


@dataclass(frozen=True, eq=False)
class Scale:
    r"""The scale of positive measurements v: :math:`(\log(v + s) - \mu) / \sigma`.

    Attributes
    ----------
    softness, mean, deviation : float
        s, :math:`\mu` and :math:`\sigma`.
    """

    softness: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Return the scale in which these measurements have mean 0 and variance 1; (n,) or (n, k)."""
        softness = max(SOFTNESS * float(np.median(values)), LEAST)
        logarithms = np.log(values + softness).reshape(len(values), -1).mean(axis=1)
        deviation = float(logarithms.std())
        return cls(softness, float(logarithms.mean()), deviation if deviation > EQUAL else 1.0)

    def nodes(self, graph: Any, values: str) -> str:
        """Return the scaled mean of the logarithms of each row of ``values``, (n, k), as a node, (n,).

        Parameters
        ----------
        graph : GraphBuilder
        values : str
            A tensor in double precision, as is the result.
        """
        softness, center, deviation = (
            double(graph, np.array(each, np.float32)) for each in (self.softness, self.mean, self.deviation)
        )
        logarithms = graph.op("Log", graph.op("Add", values, softness))
        mean = graph.op("ReduceMean", logarithms, [1], keepdims=0)
        return graph.op("Div", graph.op("Sub", mean, center), deviation)


def double(graph: Any, values: Any) -> str:
    """Return a tensor in double precision, as a node.

    In float32, the last digit for a row depends on the rows that come with it.
    """
    return graph.op("Cast", values, to=DOUBLE)


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The nearest of some rows, by their squared distances.

    Attributes
    ----------
    rows : ndarray of shape (n_rows, n_features), float32
    n_neighbors : int
    scale : Scale
        Of the distances of each row to its nearest others.
    """

    rows: np.ndarray
    n_neighbors: int
    scale: Scale

    @classmethod
    def of(cls, rows: np.ndarray, distances: np.ndarray) -> Self:
        """Return the neighbors among rows that lie at ``distances`` from their nearest, (n_rows, n)."""
        return cls(rows, distances.shape[1], Scale.of(np.square(distances, dtype=np.float64)))

    def nodes(self, graph: Any, x: str) -> str:
        """Return the scaled logarithms of the squared distances of ``x`` to its neighbors as a node, (n,).

        It is in double precision.
        """
        x, rows = double(graph, x), double(graph, self.rows.T)
        squares, squares_of_rows = (
            graph.op("ReduceSum", graph.op("Mul", each, each), [axis], keepdims=1)
            for axis, each in ((1, x), (0, rows))
        )
        products = graph.op("MatMul", x, rows)
        sums = graph.op("Add", squares, squares_of_rows)
        distances = graph.op("Relu", graph.op("Sub", sums, graph.op("Add", products, products)))
        nearest = graph.op("TopK", distances, [self.n_neighbors], axis=1, largest=0, n_outputs=2)
        return self.scale.nodes(graph, nearest)
