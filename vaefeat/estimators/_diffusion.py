r"""Labels that spread over a graph of nearby samples.

Symbols: n samples, K classes; W the (n, n) weights of the graph, symmetric; D the diagonal matrix of its
degrees, the row sums of W; :math:`S = D^{-1/2} W D^{-1/2}`; Y the (n, K) labels, one-hot, zero in the rows of
samples without one.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.special import softmax
from sklearn.neighbors import NearestNeighbors

from vaefeat._optional import import_optional

LARGE = 20_000  # samples: above this, an exact search takes minutes
N_PROBED, N_PER_CELL, N_KMEANS = 16, 40, 10  # cells searched, samples and rounds to place them
LEAST_WEIGHT = np.float32(1e-6)
NEAREST = 0.1  # the most that 1 - alpha is by default
TOLERANCE, MAX_ITER = 1e-4, 2_000  # of the conjugate gradients
TEMPERATURE = 0.1  # of the probabilities, relative to the mean margin between the two highest scores
TRUST, N_BALANCING = 100, 100  # in a prior, and rounds to follow it


class Graph(NamedTuple):
    """A graph of samples.

    Attributes
    ----------
    S : sparse array of shape (n, n)
    degrees : ndarray of shape (n,)
    """

    S: csr_array
    degrees: np.ndarray


def neighbor_graph(X: np.ndarray, n_neighbors: int, metric: str) -> Graph:
    r"""Join each sample with its nearest neighbors, and them with it.

    .. math:: w_{ij} = \exp(-d_{ij}^2 / (\sigma_i \sigma_j))

    with d the distance and :math:`\sigma_i` that of sample i from the farthest of its neighbors; half of it
    if only one of the two is among the neighbors of the other.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    n_neighbors : int
        Fewer if there are not as many other samples.
    metric : {"cosine", "euclidean"}

    References
    ----------
    Zelnik-Manor & Perona (2004), "Self-Tuning Spectral Clustering".
    """
    n = len(X)
    n_neighbors = min(n_neighbors, n - 1)
    neighbors, squares = nearest(unit_rows(X) if metric == "cosine" else X, n_neighbors)
    reach = np.sqrt(squares[:, -1])
    scale = np.maximum(reach[:, None] * reach[neighbors], np.finfo(np.float32).tiny)  # 0 among copies
    weights = np.maximum(np.exp(-squares / scale), LEAST_WEIGHT)  # no sample is without neighbors
    ends = np.arange(0, n * n_neighbors + 1, n_neighbors)
    directed = csr_array((weights.ravel(), neighbors.ravel(), ends), shape=(n, n))
    W = (np.float32(0.5) * (directed + directed.T)).tocsr()
    degrees = W.sum(axis=1).astype(np.float32)
    roots = diags_array(1 / np.sqrt(degrees), dtype=np.float32)
    return Graph((roots @ W @ roots).tocsr(), degrees)


def unit_rows(X: np.ndarray) -> np.ndarray:
    """Return the rows scaled to length 1: their Euclidean distance orders pairs as the cosine does."""
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(lengths > 0, lengths, 1)


def nearest(X: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for each sample the indices of its nearest neighbors, and the squared distances, nearest first.

    Of many samples, these are 99 % of the true ones, or more, and the same each time: each is searched in the
    16 nearest of some thousand cells.

    Returns
    -------
    indices : ndarray of int, of shape (n, n_neighbors)
    squares : ndarray of shape (n, n_neighbors), float32
    """
    if len(X) <= LARGE:
        distances, indices = NearestNeighbors(n_neighbors=n_neighbors).fit(X).kneighbors()
        return indices, (distances**2).astype(np.float32)
    faiss = import_optional("faiss", "train")
    X = np.ascontiguousarray(X)
    n_cells = int(4 * np.sqrt(len(X)))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(X.shape[1]), X.shape[1], n_cells)
    index.nprobe, index.cp.niter = N_PROBED, N_KMEANS
    index.train(X[:: max(1, len(X) // (n_cells * N_PER_CELL))])
    index.add(X)
    squares, indices = index.search(X, n_neighbors + 1)  # the sample itself is among them
    if (indices < 0).any():  # these cells hold fewer samples
        index.nprobe = n_cells
        squares, indices = index.search(X, n_neighbors + 1)
    others = _others(indices)
    return indices[others].reshape(len(X), -1), np.maximum(squares[others].reshape(len(X), -1), 0)


def _others(indices: np.ndarray) -> np.ndarray:
    """Return which of the samples found for each are others; if all of them are, leave out the last."""
    others = indices != np.arange(len(indices))[:, None]
    others[others.all(axis=1), -1] = False
    return others


def spread_labels(
    graph: Graph, Y: np.ndarray, method: str, alpha: float | None = None, prior: np.ndarray | None = None
) -> np.ndarray:
    """Return the probability of each class for each sample, given the labels of some.

    Parameters
    ----------
    graph : Graph
    Y : ndarray of shape (n, K), float32
        One-hot labels, 0 in the rows of samples without one.
    method : {"poisson", "spreading"}
    alpha : float, optional
        By default, see :func:`default_alpha`.
    prior : ndarray of shape (K,), optional

    Returns
    -------
    ndarray of shape (n, K), float32
    """
    if alpha is None:
        alpha = default_alpha(method, Y.sum() / Y.shape[1])
    diffuse = METHODS[method]
    scores = diffuse(graph, Y, float(alpha))
    if prior is not None and diffuse is poisson_learning:
        scores = match_deviations(scores, prior)
    return distributions(scores, prior).astype(np.float32)


def default_alpha(method: str, n_labels_per_class: float) -> float:
    """Return how far labels spread: 0.99 for label spreading, as in its paper.

    For Poisson learning it is 0.999 with one label per class, and less with more of them, which are nearer
    to all samples. The rule was found on digits.
    """
    if method == "spreading":
        return 0.99
    return 1 - min(n_labels_per_class / 1_000, NEAREST)


def label_spreading(graph: Graph, Y: np.ndarray, alpha: float) -> np.ndarray:
    r"""Spread labels to neighbors, each sample keeping a little of its own.

    .. math:: F = (I - \alpha S)^{-1} Y

    Returns
    -------
    scores : ndarray of shape (n, K)
        The logarithm of F after each column is divided by its sum: a class does not gain by having more
        labels than others.

    References
    ----------
    Zhou et al. (2004), "Learning with Local and Global Consistency", equation 4 without its factor.
    Zhu et al. (2003), "Semi-Supervised Learning Using Gaussian Fields and Harmonic Functions", section 4, for
    the sum of a class.
    """
    F = _solve(graph.S, alpha, Y)
    return np.log(np.maximum(F / F.sum(axis=0), np.finfo(F.dtype).tiny))


def poisson_learning(graph: Graph, Y: np.ndarray, alpha: float) -> np.ndarray:
    r"""Let the labels be sources and sinks of a flow over the graph; its potential determines the classes.

    .. math:: (D - \alpha W)\, U = Y - \bar Y

    in the rows with a label, 0 in the others, with :math:`\bar Y` the mean of the labels. In the paper
    :math:`\alpha` is 1. With :math:`U = D^{-1/2} V` it becomes
    :math:`(I - \alpha S) V = D^{-1/2} (Y - \bar Y)`.

    Returns
    -------
    U : ndarray of shape (n, K)
        The potential of each class.

    References
    ----------
    Calder et al. (2020), "Poisson Learning: Graph Based Semi-Supervised Learning At Very Low Label Rates",
    equation 2.4.
    """
    labeled = Y.max(axis=1) > 0
    sources = np.where(labeled[:, None], Y - Y[labeled].mean(axis=0), 0)
    root = np.sqrt(graph.degrees)[:, None]
    return _solve(graph.S, alpha, sources / root) / root


METHODS = {"poisson": poisson_learning, "spreading": label_spreading}


def match_deviations(U: np.ndarray, prior: np.ndarray) -> np.ndarray:
    r"""Scale the potential of each class to the standard deviation that the indicator of the class has.

    A label at the edge of its class, or far from the others, has a potential of another height; the class
    would lose samples to its neighbors, or take theirs.

    .. math:: \sigma(U_k) = \sqrt{\pi_k (1 - \pi_k)}

    Parameters
    ----------
    U : ndarray of shape (n, K)
    prior : ndarray of shape (K,)
        The shares :math:`\pi` of the classes.

    Returns
    -------
    ndarray of shape (n, K)
    """
    deviations = U.std(axis=0)
    return U * np.sqrt(prior * (1 - prior)) / np.where(deviations > 0, deviations, 1)


def distributions(scores: np.ndarray, prior: np.ndarray | None) -> np.ndarray:
    r"""Turn scores into the probabilities of classes of each sample.

    .. math:: p_{ik} \propto \exp(s_{ik} / \tau + b_k)

    The temperature :math:`\tau` is 0.1 times the mean distance between the two highest scores of a sample.
    The offsets b are 0 without a prior. With one, they bring the mean of :math:`p_{ik}` over the samples,
    the share of class k, near to :math:`\pi_k`:

    .. math:: b_k = \rho \log(\pi_k / \bar p_k)

    With :math:`\rho = 100`, large offsets are paid for by small differences of the shares: samples between
    classes move, and a class that is a little larger than you think keeps its own.

    Parameters
    ----------
    scores : ndarray of shape (n, K)
    prior : ndarray of shape (K,), or None

    Returns
    -------
    ndarray of shape (n, K)

    References
    ----------
    Chizat et al. (2018), "Scaling Algorithms for Unbalanced Optimal Transport Problems", for the offsets.
    """
    ordered = np.sort(scores, axis=1)
    margin = np.mean(ordered[:, -1] - ordered[:, -2])
    logits = scores / (TEMPERATURE * margin or 1)
    probabilities = softmax(logits, axis=1)
    offsets = np.zeros(scores.shape[1], logits.dtype)
    for _ in range(N_BALANCING if prior is not None else 0):
        shares = np.maximum(probabilities.mean(axis=0), np.finfo(logits.dtype).tiny)
        offsets = TRUST / (TRUST + 1) * (offsets + np.log(prior / shares))
        probabilities = softmax(logits + offsets, axis=1)
    return probabilities


def _solve(S: csr_array, alpha: float, B: np.ndarray) -> np.ndarray:
    r"""Solve :math:`(I - \alpha S) X = B` by conjugate gradients, one for each column.

    References
    ----------
    Hestenes & Stiefel (1952), "Methods of Conjugate Gradients for Solving Linear Systems".
    """
    X = np.zeros_like(B)
    residual = B.copy()
    direction = residual
    squares = _squares(residual)
    goal = TOLERANCE**2 * squares
    for _ in range(MAX_ITER):
        if (squares <= goal).all():
            break
        image = direction - alpha * (S @ direction)
        step = _ratio(squares, (direction * image).sum(axis=0))
        X += step * direction
        residual = residual - step * image
        before, squares = squares, _squares(residual)
        direction = residual + _ratio(squares, before) * direction
    return X


def _squares(residual: np.ndarray) -> np.ndarray:
    return (residual**2).sum(axis=0)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a / b, and 0 where a column is already solved."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)
