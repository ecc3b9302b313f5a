import numpy as np
import pytest
from numpy.testing import assert_allclose
from onnx import TensorProto
from sklearn.neighbors import NearestNeighbors

from vaefeat import OnnxModel
from vaefeat.export.composition import Graph, Output
from vaefeat.values.neighbors import LEAST, Neighbors, Scale, double

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(100, 4)).astype(np.float32)
INDEX = NearestNeighbors(n_neighbors=5).fit(ROWS)
NEIGHBORS = Neighbors.of(ROWS, INDEX.kneighbors()[0])


def run(nodes, x):
    graph = Graph(x.shape[1])
    scaled = graph.op("Cast", nodes(graph), to=TensorProto.FLOAT)
    model = graph.model(Output("scaled", scaled))
    return OnnxModel(model.SerializeToString()).run(x)["scaled"]


@pytest.mark.parametrize("shape", [(200,), (200, 3)])
def test_measurements_are_scaled_to_mean_0_and_variance_1(shape):
    values = RNG.exponential(5.0, shape)
    scale = Scale.of(values)
    x = values.reshape(200, -1).astype(np.float32)
    scaled = run(lambda graph: scale.nodes(graph, double(graph, "X")), x)
    assert_allclose([scaled.mean(), scaled.std()], [0, 1], atol=1e-4)
    assert_allclose(scale.softness, 0.3 * np.median(values))


def test_equal_measurements_are_scaled_to_0():
    scale = Scale.of(np.zeros(10))
    assert (scale.softness, scale.deviation) == (LEAST, 1.0)
    assert_allclose(
        run(lambda graph: scale.nodes(graph, double(graph, "X")), np.zeros((3, 1), np.float32)), 0, atol=1e-6
    )


def test_the_graph_finds_the_nearest_rows():
    x = RNG.normal(size=(20, 4)).astype(np.float32)
    logarithms = np.log(INDEX.kneighbors(x)[0] ** 2 + NEIGHBORS.scale.softness).mean(axis=1)
    expected = (logarithms - NEIGHBORS.scale.mean) / NEIGHBORS.scale.deviation
    assert_allclose(run(lambda graph: NEIGHBORS.nodes(graph, "X"), x), expected, atol=1e-4)


def test_the_distances_of_a_row_do_not_depend_on_the_rows_that_come_with_it():
    x = (100 + RNG.normal(size=(64, 4))).astype(np.float32)
    together = run(lambda graph: NEIGHBORS.nodes(graph, "X"), x)
    alone = [run(lambda graph: NEIGHBORS.nodes(graph, "X"), row[None])[0] for row in x]
    assert_allclose(together, alone, rtol=1e-7)


def test_the_scale_is_that_of_each_row_among_the_others():
    distances = INDEX.kneighbors()[0]
    assert_allclose(NEIGHBORS.scale.softness, 0.3 * np.median(distances**2), rtol=1e-4)
    logarithms = np.log(distances**2 + NEIGHBORS.scale.softness)
    assert_allclose(NEIGHBORS.scale.mean, logarithms.mean(), rtol=1e-4)
