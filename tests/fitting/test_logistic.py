import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from vaefeat.comparison import CS
from vaefeat.fitting import logistic
from vaefeat.fitting.logistic import LogisticSearch


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return scale(X) + np.random.default_rng(0).normal(size=X.shape), y


def test_the_chosen_c_is_that_of_a_grid_search_over_the_same_folds(wine):
    X, y = wine
    found = LogisticSearch().fit(X, y)
    same = list(logistic.folds(y, 5, 0))
    grid = GridSearchCV(LogisticRegression(max_iter=5_000), {"C": CS}, cv=same).fit(X, y)
    assert found.best_estimator_.C == grid.best_params_["C"]
    assert_allclose(found.predict_proba(X), grid.predict_proba(X))
    assert found.predict(X).tolist() == grid.predict(X).tolist()


def test_many_rows_are_split_once(wine, monkeypatch):
    X, y = wine
    monkeypatch.setattr(logistic, "LARGE", 100)
    assert LogisticSearch()._count_right(X, y).max() <= len(y) / 5 + 1


def test_a_class_of_a_single_row_is_learned(wine):
    X, y = wine
    y = np.where(np.arange(len(y)) == 0, 9, y)
    assert LogisticSearch().fit(X, y).classes_.tolist() == [0, 1, 2, 9]
