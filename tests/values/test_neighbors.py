import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neighbors import NearestNeighbors

from vaefeat import OnnxModel
from vaefeat.export.composition import Graph, Output
from vaefeat.values.neighbors import LEAST, N_NEIGHBORS, Neighbors, Scale

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(100, 4)).astype(np.float32)


def run(nodes, x):
    graph = Graph(x.shape[1])
    model = graph.model(Output("scaled", nodes(graph)))
    return OnnxModel(model.SerializeToString()).run(x)["scaled"]


@pytest.mark.parametrize("shape", [(200,), (200, 3)])
def test_measurements_are_scaled_to_mean_0_and_variance_1(shape):
    values = RNG.exponential(5.0, shape)
    scale = Scale.of(values)
    x = values.reshape(200, -1).astype(np.float32)
    scaled = run(lambda graph: scale.nodes(graph, "X"), x)
    assert_allclose([scaled.mean(), scaled.std()], [0, 1], atol=1e-4)
    assert_allclose(scale.softness, 0.3 * np.median(values))


def test_equal_measurements_are_scaled_to_0():
    scale = Scale.of(np.zeros(10))
    assert (scale.softness, scale.deviation) == (LEAST, 1.0)
    assert_allclose(run(lambda graph: scale.nodes(graph, "X"), np.zeros((3, 1), np.float32)), 0, atol=1e-6)


def test_the_graph_finds_the_nearest_rows():
    neighbors = Neighbors.of(ROWS)
    x = RNG.normal(size=(20, 4)).astype(np.float32)
    distances = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(ROWS).kneighbors(x)[0]
    logarithms = np.log(distances**2 + neighbors.scale.softness).mean(axis=1)
    expected = (logarithms - neighbors.scale.mean) / neighbors.scale.deviation
    assert_allclose(run(lambda graph: neighbors.nodes(graph, "X"), x), expected, atol=1e-4)


def test_the_scale_is_that_of_each_row_among_the_others():
    distances = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(ROWS).kneighbors()[0]
    scale = Neighbors.of(ROWS).scale
    assert_allclose(scale.softness, 0.3 * np.median(distances**2), rtol=1e-4)
    assert_allclose(scale.mean, np.log(distances**2 + scale.softness).mean(), rtol=1e-4)


def test_of_few_rows_all_others_are_neighbors():
    assert Neighbors.of(ROWS[:3]).n_neighbors == 2
