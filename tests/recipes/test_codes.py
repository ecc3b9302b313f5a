import numpy as np
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.metrics import normalized_mutual_info_score

from vaefeat.recipes import make_clustering_pipeline, make_hashing_pipeline, make_neighbors_pipeline


def test_neighbors_and_clusters_are_found_in_the_code():
    X, y = load_digits(return_X_y=True)
    settings = {"random_state": 0, "max_iter": 20, "hidden_layer_sizes": (64,)}
    neighbors = make_neighbors_pipeline(8, n_neighbors=3, **settings).fit(X[::2], y[::2])
    assert neighbors.score(X[1::2], y[1::2]) > 0.8
    clusters = make_clustering_pipeline(8, n_clusters=10, **settings).fit_predict(X)
    assert normalized_mutual_info_score(y, clusters) > 0.3


def test_hashes_are_packed_bits_of_the_code_and_similar_within_a_class():
    X, y = load_digits(return_X_y=True)
    pipe = make_hashing_pipeline(16, random_state=0, max_iter=20, hidden_layer_sizes=(64,)).fit(X / 16)
    bits = pipe.transform(X / 16)
    assert bits.dtype == np.uint8
    assert_array_equal(np.unpackbits(bits, axis=1), pipe[0].transform(X / 16) > 0.5)
    distances = np.bitwise_count(bits[:200, None] ^ bits[None, 200:]).sum(axis=-1)
    same = y[:200, None] == y[None, 200:]
    assert distances[same].mean() < 0.8 * distances[~same].mean()
