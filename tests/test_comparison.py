import json
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import SelfTrainingClassifier

from vaefeat import SupervisedEncoderTransformer, VAEEncoderTransformer, compare, load_dataset, mask_labels
from vaefeat.comparison import (
    Comparison,
    default_classifiers,
    default_extractors,
    paired_interval,
    with_folds,
)
from vaefeat.data import Dataset

EXTRACTORS = {"raw": FunctionTransformer(), "pca": PCA(4, random_state=0)}
CLASSIFIERS = {"knn": KNeighborsClassifier(1)}


def small(**params):
    settings = {"extractors": EXTRACTORS, "classifiers": CLASSIFIERS, "n_labeled": [50, "all"], "n_draws": 3}
    return compare("digits", **settings | params)


def outcomes(comparison):
    return [(r["extractor"], r["classifier"], r["n_labeled"], r["draw"]) for r in comparison.rows]


def test_rows_are_the_product_of_the_grid_with_one_draw_of_all_labels():
    draws = [(50, 0), (50, 1), (50, 2), ("all", 0)]
    assert outcomes(small()) == [(e, "knn", *draw) for e in EXTRACTORS for draw in draws]


def test_accuracy_is_that_of_fitting_by_hand():
    dataset = load_dataset("digits")
    row = next(r for r in small().rows if r["extractor"] == "pca" and r["n_labeled"] == "all")
    pca = PCA(4, random_state=0).fit(dataset.X)
    knn = KNeighborsClassifier(1).fit(pca.transform(dataset.X), dataset.y)
    assert row["accuracy"] == knn.score(pca.transform(dataset.X_test), dataset.y_test)


def test_a_row_says_all_that_is_needed_to_obtain_it_again():
    row = small().rows[0]
    assert row["dataset_sha256"] == load_dataset("digits").sha256
    assert row["extractor_params"] == "FunctionTransformer()"
    assert row["classifier_params"] == "KNeighborsClassifier(n_neighbors=1)"
    assert row["versions"]["scikit-learn"]
    assert json.loads(json.dumps(row)) == row


def test_rows_in_the_file_are_not_computed_again_and_an_interrupted_run_goes_on(tmp_path):
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


def test_rows_of_other_settings_are_computed_anew(tmp_path):
    out = tmp_path / "rows.jsonl"
    small(out=out, n_labeled=[50])
    small(out=out, n_labeled=[50], classifiers={"knn": KNeighborsClassifier(5)})
    assert len(out.read_text().splitlines()) == 12


def test_a_broken_line_is_named(tmp_path):
    out = tmp_path / "rows.jsonl"
    small(out=out)
    out.write_text(out.read_text() + '{"accuracy": 0.')
    with pytest.raises(ValueError, match=r"Line 9 of .*rows.jsonl is not a row"):
        small(out=out)


def test_progress_is_told_from_nothing_to_all():
    told = []
    small(progress=lambda what, done, total: told.append((what, done, total)))
    assert told[0] == ("raw, 50 labels", 0, 8)
    assert told[-1] == ("done", 8, 8)
    assert [done for _, done, _ in told] == list(range(9))


def test_an_extractor_that_requires_labels_gets_those_of_the_draw_alone():
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


def test_an_extractor_that_needs_no_labels_is_fitted_once_to_all_samples_and_kept():
    comparison = small()
    assert comparison.extractors["pca"].n_samples_ == 1347


def test_a_semi_supervised_classifier_gets_all_samples_and_the_labels_of_the_draw_alone():
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


def test_two_classifiers_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"\['knn'\] are among classifiers and semi_supervised"):
        small(semi_supervised=CLASSIFIERS)


def test_numbers_of_labels_that_the_data_do_not_have_are_left_out():
    assert {n for _, _, n, _ in outcomes(small(n_labeled=[50, 3000]))} == {50}


def test_data_without_classes_are_refused():
    X = np.zeros((9, 2), np.float32)
    with pytest.raises(ValueError, match="nameless has no classes to predict"):
        compare(Dataset("nameless", X, None, X, None, "0"))


def test_summary_has_means_deviations_and_the_paired_gain():
    accuracies = {"raw": [0.5, 0.6, 0.7], "vae": [0.7, 0.7, 0.9]}
    rows = [
        {
            "extractor": extractor,
            "classifier": "lr",
            "n_labeled": 10,
            "draw": draw,
            "accuracy": accuracy,
            "fit_seconds": 1.0,
            "rows_per_second": 10.0,
        }
        for extractor, values in accuracies.items()
        for draw, accuracy in enumerate(values)
    ]
    raw, vae = Comparison(rows).summary()
    assert_allclose([raw["accuracy_mean"], raw["accuracy_sd"]], [0.6, 0.1])
    assert "gain" not in raw
    expected = stats.ttest_rel(accuracies["vae"], accuracies["raw"]).confidence_interval(0.95)
    assert_allclose([vae["gain_low"], vae["gain_high"]], [expected.low, expected.high])
    assert_allclose(vae["gain"], 0.5 / 3)
    table = Comparison(rows).to_markdown().splitlines()
    assert table[0] == "| features | 10 labels |"
    assert table[2] == "| raw | 60.0 ± 10.0 |"


def test_one_pair_tells_nothing_of_its_spread():
    assert paired_interval([0.1]) == (-math.inf, math.inf)


@pytest.mark.parametrize(("y", "n_splits"), [([0, 1] * 20, 5), ([0, 0, 0, 1, 1, 1], 3), ([0, 1] * 5_001, 1)])
def test_a_search_gets_as_many_folds_as_its_labels_allow(y, n_splits):
    search = with_folds(default_classifiers()["LogisticRegression"], np.array(y))
    assert search.cv.get_n_splits() == n_splits


def test_a_search_over_single_samples_is_left_out_and_others_are_left_alone():
    search = default_classifiers()["LogisticRegression"]
    assert isinstance(with_folds(search, np.array([0, 1, 1])), LogisticRegression)
    own = GridSearchCV(LogisticRegression(), {"C": [1]}, cv=2)
    assert with_folds(own, np.array([0, 1] * 9)).cv == 2


@pytest.mark.parametrize(("image_shape", "likelihood"), [((2, 3), "bernoulli"), (None, "gaussian")])
def test_default_extractors_fit_the_kind_of_data(image_shape, likelihood):
    X = np.random.default_rng(0).uniform(size=(150, 6)).astype(np.float32)
    extractors = default_extractors(Dataset("noise", X, None, X, None, "0", image_shape))
    vae = extractors["vae"][-1]
    for_images = ["image vae"] if image_shape else []
    assert list(extractors) == ["raw", "pca", "untrained", "vae", *for_images, "supervised"]
    assert isinstance(vae, VAEEncoderTransformer)
    assert (vae.likelihood, vae.n_components) == (likelihood, 6)
    assert vae.max_iter == 2_500  # 5 000 steps, two an epoch
    assert extractors["untrained"][-1].max_iter == 0
    assert {len(extractor) for extractor in extractors.values()} == {1 if image_shape else 2}


def test_small_data_are_passed_over_by_the_image_encoder_until_it_has_made_two_thousand_steps():
    image_vae = default_extractors(load_dataset("digits"))["image vae"][-1]
    assert (image_vae.batch_size, image_vae.max_iter) == (134, math.ceil(2_000 / math.ceil(1_347 / 134)))
    assert default_extractors(load_dataset("digits"), max_iter=3)["image vae"][-1].max_iter == 3
