import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from vaefeat.comparison import default_classifiers, with_folds


@pytest.mark.parametrize(("y", "n_splits"), [([0, 1] * 20, 5), ([0, 0, 0, 1, 1, 1], 3), ([0, 1] * 5_001, 1)])
def test_a_search_gets_as_many_folds_as_the_labels_allow(y, n_splits):
    search = with_folds(default_classifiers()["LogisticRegression"], np.array(y))
    assert search.cv.get_n_splits() == n_splits


def test_a_class_with_one_sample_allows_no_search_and_folds_that_are_set_stay():
    search = default_classifiers()["LogisticRegression"]
    assert isinstance(with_folds(search, np.array([0, 1, 1])), LogisticRegression)
    own = GridSearchCV(LogisticRegression(), {"C": [1]}, cv=2)
    assert with_folds(own, np.array([0, 1] * 9)).cv == 2
