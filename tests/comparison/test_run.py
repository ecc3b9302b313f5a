import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import SelfTrainingClassifier

from vaefeat import SupervisedEncoderTransformer, compare, load_dataset, mask_labels
from vaefeat.comparison import paired_interval
from vaefeat.data import Dataset
from vaefeat.data.samples import Samples, read_samples

EXTRACTORS = {"raw": FunctionTransformer(), "pca": PCA(4, random_state=0)}
CLASSIFIERS = {"knn": KNeighborsClassifier(1)}


def small(**params):
    settings = {"extractors": EXTRACTORS, "classifiers": CLASSIFIERS, "n_labeled": [50, "all"], "n_draws": 3}
    return compare("digits", **settings | params)


def outcomes(comparison):
    return [(r["extractor"], r["classifier"], r["n_labeled"], r["draw"]) for r in comparison.rows]


def test_there_is_one_row_per_cell_of_the_grid_and_one_draw_of_all_labels():
    draws = [(50, 0), (50, 1), (50, 2), ("all", 0)]
    assert outcomes(small()) == [(e, "knn", *draw) for e in EXTRACTORS for draw in draws]


def test_the_accuracy_equals_that_of_fitting_by_hand():
    dataset = load_dataset("digits")
    row = next(r for r in small().rows if r["extractor"] == "pca" and r["n_labeled"] == "all")
    pca = PCA(4, random_state=0).fit(dataset.X)
    knn = KNeighborsClassifier(1).fit(pca.transform(dataset.X), dataset.y)
    assert row["accuracy"] == knn.score(pca.transform(dataset.X_test), dataset.y_test)


def test_a_row_holds_what_is_needed_to_reproduce_it():
    row = small().rows[0]
    assert row["dataset_sha256"] == load_dataset("digits").sha256
    assert row["extractor_params"] == "FunctionTransformer()"
    assert row["classifier_params"] == "KNeighborsClassifier(n_neighbors=1)"
    assert row["versions"]["scikit-learn"]
    assert json.loads(json.dumps(row)) == row


def test_an_interrupted_comparison_resumes_without_recomputing_known_rows(tmp_path):
    out = tmp_path / "deep" / "rows.jsonl"
    complete = small(out=out)
    lines = out.read_text().splitlines()
    assert [json.loads(line) for line in lines] == complete.rows
    marked = json.loads(lines[0]) | {"accuracy": 0.123}
    out.write_text("\n".join([json.dumps(marked), *lines[1:5]]) + "\n")  # stopped after five rows
    resumed = small(out=out)
    assert outcomes(resumed) == outcomes(complete)
    assert resumed.rows[0]["accuracy"] == 0.123
    assert [r["accuracy"] for r in resumed.rows[1:]] == [r["accuracy"] for r in complete.rows[1:]]
    assert len(out.read_text().splitlines()) == len(lines)


def test_other_settings_get_rows_of_their_own(tmp_path):
    out = tmp_path / "rows.jsonl"
    small(out=out, n_labeled=[50])
    small(out=out, n_labeled=[50], classifiers={"knn": KNeighborsClassifier(5)})
    assert len(out.read_text().splitlines()) == 12


def test_progress_is_reported_from_the_first_row_to_the_last():
    reported = []
    small(progress=lambda what, done, total: reported.append((what, done, total)))
    assert reported[0] == ("raw, 50 labels", 0, 8)
    assert reported[-1] == ("done", 8, 8)
    assert [done for _, done, _ in reported] == list(range(9))


def test_an_extractor_that_requires_labels_gets_only_those_of_the_draw():
    seen = []

    class Spy(SupervisedEncoderTransformer):
        def fit(self, X, y):
            seen.append((len(X), tuple(y)))
            return super().fit(X, y)

    spy = Spy(2, hidden_layer_sizes=(4,), n_steps=1, random_state=0)
    comparison = small(extractors={"spy": spy}, n_draws=2)
    assert [n for n, _ in seen] == [50, 50, 1347]
    assert seen[0][1] != seen[1][1]
    assert comparison.extractors == {}


def test_an_extractor_that_needs_no_labels_is_fitted_to_all_samples_and_kept():
    comparison = small()
    assert comparison.extractors["pca"].n_samples_ == 1347


def test_a_semi_supervised_classifier_gets_all_samples_and_only_the_labels_of_the_draw():
    training = SelfTrainingClassifier(KNeighborsClassifier(3))
    comparison = small(
        extractors={"raw": FunctionTransformer()}, semi_supervised={"self-training": training}, n_labeled=[50]
    )
    assert outcomes(comparison) == [
        ("raw", name, 50, i) for i in range(3) for name in ("knn", "self-training")
    ]
    dataset = load_dataset("digits")
    for row in comparison.rows[1::2]:
        few = mask_labels(dataset.y, 50, row["draw"])
        assert row["accuracy"] == clone(training).fit(dataset.X, few).score(dataset.X_test, dataset.y_test)
        assert (
            row["classifier_params"]
            == "SelfTrainingClassifier(estimator=KNeighborsClassifier(n_neighbors=3))"
        )


def test_two_classifiers_of_the_same_name_are_refused():
    with pytest.raises(ValueError, match=r"\['knn'\] are names in both classifiers and semi"):
        small(semi_supervised=CLASSIFIERS)


def test_numbers_of_labels_above_the_number_of_samples_are_left_out():
    assert {n for _, _, n, _ in outcomes(small(n_labeled=[50, 3000]))} == {50}


def test_data_without_classes_are_refused():
    X = np.zeros((9, 2), np.float32)
    with pytest.raises(ValueError, match="nameless has no classes to predict"):
        compare(Dataset("nameless", X, None, X, None, "0"))


def test_a_frozen_extractor_is_used_as_it_is():
    pca = PCA(4, random_state=0).fit(load_dataset("digits").X)
    frozen = small(extractors={"pca": FrozenEstimator(pca)}, n_draws=1)
    fitted = small(extractors={"pca": EXTRACTORS["pca"]}, n_draws=1)
    assert [row["accuracy"] for row in frozen.rows] == [row["accuracy"] for row in fitted.rows]


def test_classes_may_be_texts():
    dataset = load_dataset("digits")
    names = np.array([f"digit {digit}" for digit in range(10)])
    named = replace(dataset, y=names[dataset.y], y_test=names[dataset.y_test])
    accuracies = [
        [row["accuracy"] for row in compare(data, extractors=EXTRACTORS, n_labeled=[50], n_draws=1).rows]
        for data in (dataset, named)
    ]
    assert accuracies[0] == accuracies[1]


def test_unlabeled_samples_train_extractors_and_are_never_drawn_or_tested():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)).astype(np.float32)
    y = np.where(X[:, 0] > 0, "good", "bad").astype(object)
    y[:100] = -1
    dataset = Samples("rows", X, y).split()
    assert len(dataset.X) == 200
    result = compare(dataset, extractors={"raw": FunctionTransformer()}, n_labeled=[20, "all"], n_draws=2)
    assert [(row["n_labeled"], row["n_test"]) for row in result.rows] == [(20, 80)] * 2
    assert min(row["accuracy"] for row in result.rows) > 0.7
    with pytest.raises(ValueError, match="expected numbers up to 75: of 100 labels the others serve for"):
        compare(dataset, extractors={"raw": FunctionTransformer()}, n_labeled=[76])


def test_of_few_labels_three_quarters_are_drawn_by_default_and_the_others_tested_on():
    X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    dataset = Samples("rows", X, X[:, 0] > 0).split()
    raw = compare(dataset, extractors={"raw": FunctionTransformer(), "pca": PCA(1)}, n_draws=3)
    assert {(row["n_labeled"], row["n_test"]) for row in raw.rows} == {(45, 15)}
    gains = [raw.rows[3 + i]["accuracy"] - raw.rows[i]["accuracy"] for i in range(3)]
    summary = raw.summary()[1]
    assert (summary["gain_low"], summary["gain_high"]) == paired_interval(gains, overlap=15 / 45)


def test_more_labels_than_there_are_outside_the_test_samples_are_refused():
    with pytest.raises(ValueError, match="expected numbers up to 1346: of 1347 labels some are left out"):
        small(n_labeled=[1_347])


def test_baselines_have_lines_of_their_own_and_gains_over_raw():
    comparison = compare(
        load_dataset("digits").head(300),
        extractors={"raw": FunctionTransformer()},
        baselines={"majority": DummyClassifier()},
        n_labeled=[50],
        n_draws=2,
        stratify=False,
    )
    raw, majority = comparison.summary()
    assert majority["gain"] < -0.3
    assert majority["balanced_accuracy_mean"] == pytest.approx(0.1)
    assert raw["accuracy_mean"] > 0.6
    assert {row["draws"] for row in comparison.rows} == {"as they come"}


@pytest.mark.parametrize("stratify", [True, False])
def test_quantities_are_compared_by_r2_on_the_labels_that_a_draw_leaves_out(stratify):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2)).astype(np.float32)
    y = np.where(np.arange(120) < 90, X[:, 0] - 1.0, np.nan)  # some are -1, nearly
    dataset = Samples("rows", X, y, task="regression", target="price").split()
    comparison = compare(
        dataset,
        extractors={"raw": FunctionTransformer(), "noise": FunctionTransformer(np.zeros_like)},
        baselines={"mean": DummyRegressor()},
        n_labeled=[50],
        n_draws=3,
        stratify=stratify,
    )
    raw, mean, noise = comparison.summary()
    assert raw["r2_mean"] > 0.99
    assert raw["rmse_mean"] < 0.1
    assert mean["gain_high"] < -0.5 < mean["r2_mean"] < 0.01
    assert noise["r2_mean"] == pytest.approx(mean["r2_mean"])
    assert {row["n_test"] for row in comparison.rows} == {40}
    assert comparison.to_markdown().splitlines()[2].startswith("| raw | 1.000 ± 0.000 |")


def test_rows_of_another_target_or_other_columns_are_not_taken_for_the_same(tmp_path):
    frame = {name: np.random.default_rng(0).normal(size=60) for name in "abc"}
    for target, drop in (("a", ()), ("b", ()), ("b", ("c",))):
        dataset = replace(read_samples(frame, target, drop=drop).split(), sha256="of the file")
        compare(dataset, extractors={"raw": FunctionTransformer()}, n_draws=1, out=tmp_path / "rows.jsonl")
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize("task", [None, "classification"])
def test_rows_of_ones_own_are_compared_as_they_are(task):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = X[:, 0] > 0 if task else X[:, 0]
    (row,) = compare(X, target=y, task=task, extractors={"raw": FunctionTransformer()}, n_draws=1).rows
    assert ("accuracy" if task else "r2") in row


def test_many_classes_with_one_label_each_are_no_quantities():
    X = np.repeat(np.eye(30), 3, axis=0)  # three equal rows of each class
    y = np.repeat([f"class {k}" for k in range(30)], 3)
    samples = Samples("many", X, y).split()
    settings = {"extractors": {"raw": FunctionTransformer()}, "classifiers": CLASSIFIERS}
    assert {row["accuracy"] for row in compare(samples, n_labeled=[30], n_draws=1, **settings).rows} == {1.0}
