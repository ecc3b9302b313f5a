import json

import pytest

from tests.export.all_estimators import BY_US, EXPORTED, PAGE, RECORD, estimators, outcome_of, page

OUTCOMES = json.loads(RECORD.read_text())
WITHOUT_SHAPE = {"OneVsOneClassifier"}  # skl2onnx does not say that its labels are a vector


def test_the_page_has_the_table_of_the_record():
    assert PAGE.read_text() == page(OUTCOMES)


def test_none_is_refused_by_vaefeat_but_what_has_no_shape():
    assert {name for name, (outcome, _) in OUTCOMES.items() if outcome == BY_US} <= WITHOUT_SHAPE


@pytest.mark.slow
@pytest.mark.parametrize("name", estimators())
def test_each_estimator_fares_as_the_record_says(name):
    assert outcome_of(estimators()[name])[0] == OUTCOMES[name][0]


@pytest.mark.parametrize(
    "name",
    "SVC SGDClassifier Perceptron LinearSVC OneVsRestClassifier AdaBoostClassifier PolynomialFeatures "
    "GaussianProcessRegressor KMeans IsolationForest VotingClassifier".split(),
)
def test_estimators_that_were_refused_once_are_exported(name):
    assert outcome_of(estimators()[name]) == (EXPORTED, "")
