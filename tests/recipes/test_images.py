import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from vaefeat.recipes import make_image_pipeline


@pytest.mark.slow
def test_the_pipeline_learns_with_a_bernoulli_likelihood():
    X, y = load_digits(return_X_y=True)
    pipe = make_image_pipeline((8, 8), 4, random_state=0, max_iter=8, hidden_layer_sizes=(32,), batch_size=20)
    assert pipe[1].likelihood == "bernoulli"
    assert pipe.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.6


@pytest.mark.parametrize("classifier", [KNeighborsClassifier(), RandomForestClassifier()])
def test_a_classifier_replaces_the_last_step(classifier):
    assert make_image_pipeline((8, 8), classifier=classifier)[-1] is classifier
