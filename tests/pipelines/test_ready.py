from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits, load_wine
from sklearn.metrics import normalized_mutual_info_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer

from pipelines.ready import (
    make_clustering_pipeline,
    make_hashing_pipeline,
    make_image_pipeline,
    make_m1_m2_pipeline,
    make_neighbors_pipeline,
    make_table_pipeline,
)
from vaefeat import OnnxEncoderTransformer, mask_labels


@pytest.mark.parametrize(
    ("make", "load", "likelihood", "max_iter"),
    [
        (partial(make_image_pipeline, (8, 8)), load_digits, "bernoulli", 8),
        (make_table_pipeline, load_wine, "gaussian", 20),
    ],
)
def test_ready_made_pipelines_learn(make, load, likelihood, max_iter):
    X, y = load(return_X_y=True)
    pipe = make(4, random_state=0, max_iter=max_iter, hidden_layer_sizes=(32,), batch_size=20)
    assert pipe[1].likelihood == likelihood
    assert pipe.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.6


def test_neighbours_and_clusters_are_found_in_the_code():
    X, y = load_digits(return_X_y=True)
    settings = {"random_state": 0, "max_iter": 20, "hidden_layer_sizes": (64,)}
    neighbors = make_neighbors_pipeline(8, n_neighbors=3, **settings).fit(X[::2], y[::2])
    assert neighbors.score(X[1::2], y[1::2]) > 0.8
    clusters = make_clustering_pipeline(8, n_clusters=10, **settings).fit_predict(X)
    assert normalized_mutual_info_score(y, clusters) > 0.3


def test_hashes_are_packed_bits_of_the_code_and_near_for_samples_of_a_class():
    X, y = load_digits(return_X_y=True)
    pipe = make_hashing_pipeline(16, random_state=0, max_iter=20, hidden_layer_sizes=(64,)).fit(X / 16)
    bits = pipe.transform(X / 16)
    assert bits.dtype == np.uint8
    assert_array_equal(np.unpackbits(bits, axis=1), pipe[0].transform(X / 16) > 0.5)
    distances = np.bitwise_count(bits[:200, None] ^ bits[None, 200:]).sum(axis=-1)
    same = y[:200, None] == y[None, 200:]
    assert distances[same].mean() < 0.8 * distances[~same].mean()


def test_another_classifier_takes_the_place_of_the_last_step():
    knn = KNeighborsClassifier()
    assert make_image_pipeline((8, 8), classifier=knn)[-1] is knn


def test_m1_m2_makes_more_of_few_labels_than_m1():
    X, y = load_digits(return_X_y=True)
    few = mask_labels(y, 30, random_state=0)
    encoder = OnnxEncoderTransformer("exported/digits-image-vae/model.onnx")
    m1_m2 = make_m1_m2_pipeline(encoder, random_state=0, max_iter=40).fit(X / 16, few)
    labeled = few != -1
    m1 = make_image_pipeline((8, 8))[-1].fit(encoder.fit_transform(X / 16)[labeled], few[labeled])
    assert m1_m2.score(X / 16, y) > m1.score(encoder.transform(X / 16), y) + 0.02


def test_m1_m2_drops_latents_that_are_silent():
    means = np.random.default_rng(0).normal(size=(60, 4)) * [1.0, 0.05, 0.5, 0.0]
    y = np.where(means[:, 0] > 0, 1, 0)
    y[::2] = -1
    pipe = make_m1_m2_pipeline(FunctionTransformer(), random_state=0, max_iter=20, batch_size=20)
    assert pipe.fit(means, y)[-1].n_features_in_ == 2
