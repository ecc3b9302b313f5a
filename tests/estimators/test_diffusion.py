import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vaefeat.estimators import _diffusion
from vaefeat.estimators._diffusion import (
    Graph,
    default_alpha,
    distributions,
    label_spreading,
    match_deviations,
    nearest,
    neighbor_graph,
    poisson_learning,
    spread_labels,
    unit_rows,
)

RNG = np.random.default_rng(0)
CODES = np.repeat([0, 1, 2], 30)
X = (np.eye(3)[CODES] * 8 + RNG.normal(size=(90, 3))).astype(np.float32)
Y = np.zeros((90, 3), np.float32)
Y[[0, 30, 60], [0, 1, 2]] = 1


def dense(graph):
    """Return W, D and S of a graph as matrices."""
    root = np.sqrt(graph.degrees)
    S = graph.S.toarray().astype(float)
    return S * root[:, None] * root, np.diag(graph.degrees.astype(float)), S


def test_neighbors_are_the_nearest_others():
    distances = np.linalg.norm(X[:, None] - X, axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert_array_equal(np.sort(nearest(X, 4)[0]), np.sort(np.argsort(distances, axis=1)[:, :4]))


def test_an_edge_weighs_less_the_farther_it_goes_for_either_end_and_half_if_one_sided():
    W, D, _ = dense(neighbor_graph(X, 4, "euclidean"))
    squares = ((X[:, None] - X) ** 2).sum(axis=-1)
    near = np.zeros((90, 90))
    near[np.arange(90)[:, None], nearest(X, 4)[0]] = 1
    reach = np.sqrt(np.sort(squares, axis=1)[:, 4])
    weights = np.exp(-squares / (reach[:, None] * reach))
    assert_allclose(W, weights * (near + near.T) / 2, atol=1e-5)
    assert_allclose(W.sum(axis=1), np.diag(D), rtol=1e-5)


def test_copies_of_a_sample_are_joined_with_each_other():
    copies = np.repeat(np.array([[0, 0], [5, 0]], np.float32), 10, axis=0)
    graph = neighbor_graph(np.vstack([copies, [[0.1, 0]]]).astype(np.float32), 4, "euclidean")
    W, _, S = dense(graph)
    assert np.isfinite(S).all()
    assert (graph.degrees > 0).all()
    assert W[:10, 10:20].max() == 0
    assert W[20, :10].max() > 0


def test_the_cosine_ignores_lengths_and_bears_a_row_of_zeros():
    longer = X * RNG.uniform(0.1, 10, size=(90, 1)).astype(np.float32)
    assert_allclose(
        neighbor_graph(longer, 4, "cosine").S.toarray(),
        neighbor_graph(X, 4, "cosine").S.toarray(),
        atol=1e-4,
    )
    assert_array_equal(unit_rows(np.zeros((1, 3))), np.zeros((1, 3)))


def test_many_samples_are_searched_approximately_and_the_same_each_time(monkeypatch):
    rows = RNG.normal(size=(3_000, 8)).astype(np.float32)
    exact, _ = nearest(rows, 5)
    monkeypatch.setattr(_diffusion, "LARGE", 2_000)
    found, squares = nearest(rows, 5)
    assert_allclose(squares, ((rows[:, None] - rows[found]) ** 2).sum(axis=-1), rtol=1e-4)
    assert found.shape == (3_000, 5)
    assert not (found == np.arange(3_000)[:, None]).any()
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(exact, found, strict=True)]) > 0.9
    assert_array_equal(nearest(rows, 5)[0], found)


def test_cells_with_too_few_samples_are_searched_wholly(monkeypatch):
    rows = RNG.normal(size=(200, 4)).astype(np.float32)
    exact, _ = nearest(rows, 100)
    monkeypatch.setattr(_diffusion, "LARGE", 100)
    assert_array_equal(np.sort(nearest(rows, 100)[0]), np.sort(exact))


def test_label_spreading_solves_its_equation():
    graph = neighbor_graph(X, 5, "euclidean")
    F = np.linalg.solve(np.eye(90) - 0.99 * dense(graph)[2], Y)
    assert_allclose(np.exp(label_spreading(graph, Y, 0.99)), F / F.sum(axis=0), atol=1e-4)


def test_poisson_learning_solves_its_equation():
    graph = neighbor_graph(RNG.normal(size=(90, 2)).astype(np.float32), 8, "euclidean")
    U = poisson_learning(graph, Y, 0.999)
    W, D, _ = dense(graph)
    sources = np.where(Y.any(axis=1, keepdims=True), Y - 1 / 3, 0)
    assert_allclose((D - 0.999 * W) @ U, sources, atol=1e-3)
    assert_allclose(U.sum(axis=1), 0, atol=1e-3)


@pytest.mark.parametrize("method", [poisson_learning, label_spreading])
def test_labels_reach_their_groups_and_a_piece_without_labels_is_left_open(method):
    graph = neighbor_graph(X, 5, "euclidean")
    assert_array_equal(method(graph, Y, 0.99).argmax(axis=1), CODES)
    two = Y.copy()
    two[60] = 0
    open_rows = distributions(method(graph, two[:, :2], 0.99), None)[60:]
    assert_allclose(open_rows, 0.5, atol=1e-5)


def test_probabilities_have_about_the_shares_of_the_prior():
    scores = RNG.normal(size=(500, 3))
    prior = np.array([0.6, 0.3, 0.1])
    probabilities = distributions(scores, prior)
    assert_allclose(probabilities.sum(axis=1), 1)
    assert_allclose(probabilities.mean(axis=0), prior, atol=0.03)
    assert_array_equal(distributions(scores, None).argmax(axis=1), scores.argmax(axis=1))


def test_the_offsets_grow_with_what_is_missing_to_the_prior():
    scores = RNG.normal(size=(500, 3))
    prior = np.array([0.6, 0.3, 0.1])
    shares = distributions(scores, prior).mean(axis=0)
    neutral = distributions(scores, None)
    logits = np.log(neutral) + _diffusion.TRUST * np.log(prior / shares)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert_allclose(
        distributions(scores, prior), expected / expected.sum(axis=1, keepdims=True), rtol=0.05, atol=0.01
    )


def test_a_class_keeps_its_own_if_the_prior_is_a_little_wrong():
    sizes = [45, 30, 25]
    certain = np.repeat(np.eye(3), sizes, axis=0)
    found = distributions(certain, np.full(3, 1 / 3)).argmax(axis=1)
    assert_array_equal(np.bincount(found), sizes)


def test_the_potentials_of_classes_get_the_deviations_of_their_indicators():
    prior = np.array([0.5, 0.3, 0.2])
    U = RNG.normal(size=(500, 3)) * [5, 1, 0.2]
    scaled = match_deviations(U, prior)
    assert_allclose(scaled.std(axis=0), np.sqrt(prior * (1 - prior)))
    assert_allclose(scaled / U, np.broadcast_to(scaled[0] / U[0], U.shape))
    assert_array_equal(match_deviations(np.zeros((4, 3)), prior), 0)


def test_a_class_whose_label_is_badly_connected_gets_its_samples_by_the_prior():
    rng = np.random.default_rng(0)
    groups = np.concatenate([rng.normal(size=(200, 2)), rng.normal([3.5, 0], size=(200, 2))])
    codes = np.repeat([0, 1], 200)
    labels = np.zeros((400, 2), np.float32)
    labels[[groups[:200, 0].argmin(), 200 + np.abs(groups[200:] - [3.5, 0]).sum(axis=1).argmin()], [0, 1]] = 1
    graph = neighbor_graph(groups.astype(np.float32), 7, "euclidean")
    errors = [
        (spread_labels(graph, labels, "poisson", None, prior).argmax(axis=1) != codes).mean()
        for prior in (None, np.array([0.5, 0.5]))
    ]
    assert errors[1] < 0.08
    assert errors[1] < errors[0]


@pytest.mark.parametrize("prior", [None, np.full(3, 1 / 3)])
def test_distributions_of_labels_are_single_precision(prior):
    graph = neighbor_graph(X, 5, "euclidean")
    assert spread_labels(graph, Y, "poisson", None, prior).dtype == np.float32


def test_a_class_that_no_sample_may_have_takes_nothing_from_the_others():
    hopeless = np.tile([1, 0.99, -1_000], (50, 1))
    probabilities = distributions(hopeless, np.full(3, 1 / 3))
    assert_allclose(probabilities.mean(axis=0), [0.5, 0.5, 0], atol=0.05)


def test_scores_without_differences_are_no_preference():
    assert_allclose(distributions(np.zeros((4, 2)), None), 0.5)


def test_the_graph_keeps_what_solvers_need():
    graph = neighbor_graph(X, 5, "cosine")
    assert isinstance(graph, Graph)
    assert graph.S.dtype == graph.degrees.dtype == np.float32


def test_the_more_labels_the_less_far_they_spread():
    alphas = [default_alpha("poisson", n) for n in (1, 10, 100, 1_000)]
    assert_allclose(alphas, [0.999, 0.99, 0.9, 0.9])
    assert default_alpha("spreading", 1) == 0.99
