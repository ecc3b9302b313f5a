"""No label of a row that is tested on, and none that is hidden, is read while something is trained."""

from contextlib import contextmanager

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline

from vaefeat import compare
from vaefeat.data import Dataset
from vaefeat.data.samples import Samples
from vaefeat.fitting import Candidate, choose, cross_validate
from vaefeat.fitting import run as runs
from vaefeat.fitting.candidates import FOREST, LOGISTIC, RAW
from vaefeat.fitting.logistic import LogisticSearch


class Label(str):
    """A class that raises when it is read while it is sealed."""

    sealed = False

    def _read(self):
        if self.sealed:
            raise AssertionError("a hidden label was read")

    def __eq__(self, other):
        self._read()
        return str.__eq__(self, other)

    def __lt__(self, other):
        self._read()
        return str.__lt__(self, other)

    def __hash__(self):
        self._read()
        return str.__hash__(self)

    def __str__(self):
        self._read()
        return str.__str__(self)


SEALABLE: list[Label] = []
TRAINED: list[int] = []


def labels(names):
    """Return an array of labels that can be sealed."""
    y = np.empty(len(names), object)
    y[:] = [Label(name) for name in names]
    SEALABLE.extend(y)
    return y


@contextmanager
def only(shown):
    """Seal all labels but some."""
    shown = {id(label) for label in shown}
    for label in SEALABLE:
        label.sealed = id(label) not in shown
    TRAINED.append(len(shown))
    yield
    for label in SEALABLE:
        label.sealed = False


@pytest.fixture(autouse=True)
def _fresh():
    SEALABLE.clear()
    TRAINED.clear()


class Sealing:
    """Trains while all labels that were not handed over are sealed."""

    def fit(self, X, y=None):
        with only([] if y is None else y.tolist() if y.dtype == object else []):
            return super().fit(X, y)


class Logistic(Sealing, LogisticSearch):
    pass


class Forest(Sealing, RandomForestClassifier):
    pass


class Nothing(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        assert y is None
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X


class Blind(Sealing, Nothing):
    pass


X = np.random.default_rng(0).normal(size=(90, 3)).astype(np.float32)
NAMES = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.4, 0.4])]


def test_a_sealed_label_raises_when_it_is_read():
    y = labels(NAMES)
    with only(y[:10]):
        assert set(y[:10]) <= {"a", "b", "c"}
        for read in (lambda: np.unique(y), lambda: y == "a", lambda: {y[20]}, lambda: y.astype(str)):
            with pytest.raises(AssertionError, match="a hidden label was read"):
                read()


@pytest.mark.parametrize("classifier", [Logistic(), Forest(5, random_state=0)])
def test_cross_validation_reads_no_label_of_a_fold_that_it_tests_on(classifier):
    score = cross_validate(classifier, X, labels(NAMES))
    assert set(TRAINED) == {72}
    assert score.balanced_accuracy > 0.6


def test_fit_shows_features_no_label(monkeypatch):
    y = labels(NAMES)
    y[60:] = -1
    candidates = [
        Candidate(RAW, make_pipeline(Blind()), LOGISTIC, LogisticSearch()),
        Candidate(RAW, make_pipeline(Blind()), FOREST, RandomForestClassifier(5, random_state=0)),
    ]
    monkeypatch.setattr(runs, "default_candidates", lambda *args: candidates)
    assert choose(Samples("rows", X, y)).pipeline.predict(X).shape == (90,)
    assert TRAINED == [0]


@pytest.mark.parametrize("stratify", [True, False])
def test_compare_trains_without_labels_that_are_hidden_or_tested_on(stratify):
    y = labels(NAMES)
    dataset = Dataset("rows", X[:60], y[:60], X[60:], y[60:], "")
    result = compare(
        dataset,
        extractors={"raw": make_pipeline(Blind())},
        classifiers={"logistic": Logistic(), "forest": Forest(5, random_state=0)},
        n_labeled=[30, "all"],
        n_draws=2,
        stratify=stratify,
    )
    assert min(row["accuracy"] for row in result.rows) > 0.5
    assert TRAINED[0] == 0
