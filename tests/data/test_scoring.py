import pickle

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score

from vaefeat import labeled_scorer

X = np.zeros((6, 1))
ALWAYS_0 = DummyClassifier().fit(X[:4], [0, 0, 0, 1])


@pytest.mark.parametrize("mark", [-1, np.nan, None, "", "-1"])
def test_samples_without_a_label_do_not_count(mark):
    y = np.array([0, 0, 0, 1, mark, mark], dtype=object)
    assert labeled_scorer("accuracy")(ALWAYS_0, X, y) == 0.75
    assert labeled_scorer("balanced_accuracy")(ALWAYS_0, X, y) == 0.5


def test_any_scorer_will_do_and_processes_can_pass_it_on():
    def score(estimator, X, y):
        return accuracy_score(y, estimator.predict(X)) - 1

    assert labeled_scorer(score)(ALWAYS_0, X, [0, 0, 0, 1, -1, -1]) == -0.25
    scorer = pickle.loads(pickle.dumps(labeled_scorer("accuracy")))
    assert scorer(ALWAYS_0, X, [0, 0, 0, 1, -1, -1]) == 0.75
    assert repr(scorer) == "labeled_scorer('accuracy')"


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="No sample has a label, expected some to score"):
        labeled_scorer()(ALWAYS_0, X, np.full(6, -1))
