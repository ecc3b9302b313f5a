from functools import partial

import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.neighbors import KNeighborsClassifier

from pipelines.ready import make_image_pipeline, make_table_pipeline


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


def test_another_classifier_takes_the_place_of_the_last_step():
    knn = KNeighborsClassifier()
    assert make_image_pipeline((8, 8), classifier=knn)[-1] is knn
