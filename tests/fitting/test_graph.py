import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_blobs

from vaefeat import GraphClassifier
from vaefeat.estimators._diffusion import neighbor_graph
from vaefeat.fitting.graph import GraphVote
from vaefeat.fitting.selection import cross_validate

X, y = make_blobs(200, centers=3, cluster_std=0.5, random_state=0)
X = X.astype(np.float32)
SETTINGS = GraphClassifier(metric="euclidean", n_steps=1, random_state=0)
LABELED = np.concatenate([np.flatnonzero(y == label)[:4] for label in range(3)])


@pytest.fixture(scope="module")
def vote():
    return GraphVote(SETTINGS, neighbor_graph(X, SETTINGS.n_neighbors, SETTINGS.metric))


def test_samples_get_the_classes_that_the_graph_classifier_gives_them(vote):
    labels = np.full(200, -1)
    labels[LABELED] = y[LABELED]
    found = vote.fit(LABELED[:, None], y[LABELED]).predict_proba(np.arange(200)[:, None])
    assert_allclose(found, SETTINGS.fit(X, labels).label_distributions_)
    assert np.mean(vote.predict(np.arange(200)[:, None]) == y) > 0.95


def test_cross_validation_hides_labels_from_the_graph(vote):
    right = cross_validate(vote, LABELED[:, None], y[LABELED])
    shuffled = cross_validate(vote, LABELED[:, None], np.random.default_rng(0).permutation(y[LABELED]))
    assert right.accuracy == 1.0
    assert shuffled.accuracy < 0.7
