import pickle
from contextlib import nullcontext
from itertools import pairwise

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from vaefeat import (
    Gaussian,
    GaussianNoise,
    ImageWarp,
    M2Classifier,
    OnnxModel,
    VAEEncoderTransformer,
    export_onnx,
    mask_labels,
)
from vaefeat.exceptions import ExportError, TrainingDivergedError
from vaefeat.training import loop

# Where a test is not about learning, one epoch must do.
pytestmark = pytest.mark.filterwarnings("ignore:The classifier .*it has not learned its classes")

RNG = np.random.default_rng(0)
CODES = np.repeat([0, 1, 2], 40)
# Three classes around corners of a triangle; what else differs is a latent's business.
X = (np.array([[0, 0, 4], [4, 0, 0], [0, 4, 0]])[CODES] + RNG.normal(size=(120, 3))).astype(np.float32)
NAMES = np.array(["ash", "birch", "cedar"], dtype=object)
FEW = mask_labels(CODES, 6, random_state=0)


def tiny(**params):
    settings = {
        "n_components": 2,
        "hidden_layer_sizes": (16,),
        "batch_size": 20,
        "learning_rate_init": 1e-2,
        "max_iter": 40,
        "random_state": 0,
    }
    return M2Classifier(**settings | params)


@pytest.fixture(scope="module")
def fitted():
    return tiny().fit(X, FEW)


def test_few_labels_are_enough_where_samples_form_groups(fitted):
    assert fitted.score(X, CODES) > 0.95


@pytest.mark.slow
def test_samples_without_a_label_take_part(digits):
    pixels, y = digits
    few = mask_labels(y, 50, random_state=0)
    labeled = few != -1

    def score(X, y):
        m2 = M2Classifier(10, likelihood="bernoulli", max_iter=30, random_state=0)
        with pytest.warns(UserWarning, match="no unlabeled") if (y != -1).all() else nullcontext():
            return m2.fit(X, y).score(pixels, digits[1])

    assert score(pixels, few) > score(pixels[labeled], few[labeled]) + 0.03


def test_probabilities_are_of_the_classes_in_their_order(fitted):
    probabilities = fitted.predict_proba(X)
    assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert probabilities.dtype == np.float32
    assert_array_equal(fitted.classes_[probabilities.argmax(axis=1)], fitted.predict(X))


def test_transduction_keeps_the_labels_that_were_given_and_fills_in_the_others(fitted):
    wrong = FEW.copy()
    wrong[np.flatnonzero(FEW == 0)[0]] = 1  # a label that the classifier will hardly believe
    m2 = tiny(alpha=0.1).fit(X, wrong)
    labeled = wrong != -1
    assert_array_equal(m2.transduction_[labeled], wrong[labeled])
    assert_array_equal(m2.transduction_[~labeled], m2.predict(X[~labeled]))


def test_classes_that_are_strings_come_with_dtype_object(fitted):
    y = np.where(FEW == -1, FEW, NAMES[FEW])
    m2 = tiny().fit(X, y)
    assert m2.classes_.tolist() == NAMES.tolist()
    assert_array_equal(m2.predict(X), NAMES[fitted.predict(X)])
    assert_array_equal(m2.predict_proba(X), fitted.predict_proba(X))


def test_a_class_without_a_label_cannot_be_told():
    y = np.where(FEW == 2, -1, FEW)
    assert tiny(max_iter=1).fit(X, y).classes_.tolist() == [0, 1]


def test_the_seed_determines_every_byte():
    first, again, other = (
        tiny(max_iter=2, random_state=seed).fit(X, FEW).classifier_.to_bytes() for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_samples_of_a_class_look_like_it_and_a_seed_determines_them(fitted):
    y = np.repeat([0, 1, 2], 20)
    samples = fitted.sample(y, random_state=0)
    assert_array_equal(fitted.predict(samples), y)
    assert_array_equal(fitted.sample(y, random_state=0), samples)
    assert not np.array_equal(fitted.sample(y, random_state=1), samples)


def test_an_analogy_is_a_sample_of_the_other_class_with_the_latent_of_its_own(fitted):
    rows = X[CODES == 0][:10]
    analogies = fitted.reconstruct(rows, np.full(10, 2))
    assert_array_equal(fitted.predict(analogies), np.full(10, 2))
    own = np.tile(np.eye(3, dtype=np.float32)[0], (10, 1))
    z_mean = fitted.posterior_.run(np.hstack([rows, own]), ["z_mean"])["z_mean"]
    other = np.tile(np.eye(3, dtype=np.float32)[2], (10, 1))
    assert_allclose(fitted.decoder_.run(np.hstack([z_mean, other]))["x_mean"], analogies)
    assert np.abs(fitted.reconstruct(rows) - rows).mean() < np.abs(analogies - rows).mean()


@pytest.mark.parametrize("labels", [[0, 7], ["ash", "birch"]])
def test_a_class_that_is_unknown_is_refused(fitted, labels):
    with pytest.raises(ValueError, match=r"Got a class that is none of classes_, \[0, 1, 2\]"):
        fitted.sample(labels)


def test_classes_to_decode_as_must_be_as_many_as_the_samples(fitted):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted.reconstruct(X[:3], [0, 1])


def test_the_history_holds_the_loss_and_its_terms(fitted):
    history = {name: np.array(values) for name, values in fitted.history_.items()}
    assert set(history) == {"loss", "bound", "cross_entropy"}
    assert_allclose(history["loss"], history["bound"] + 50 * history["cross_entropy"], rtol=1e-4)
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]
    assert fitted.n_iter_ == 40


@pytest.mark.slow
def test_the_prior_moves_the_predictions_towards_a_class():
    overlapping = X / 8
    likely = tiny(alpha=0.0, class_prior=[0.98, 0.01, 0.01]).fit(overlapping, FEW).predict(overlapping)
    unlikely = tiny(alpha=0.0, class_prior=[0.01, 0.495, 0.495]).fit(overlapping, FEW).predict(overlapping)
    assert (likely == 0).sum() > (unlikely == 0).sum()


def test_weight_decay_makes_smaller_weights_and_leaves_the_biases():
    """With a learning rate of nothing to speak of, and a decay that is large beside it."""
    import onnx

    def parameters(weight_decay):
        m2 = tiny(learning_rate_init=1e-6, weight_decay=weight_decay, max_iter=5).fit(X, FEW)
        graph = onnx.load_model_from_string(m2.classifier_.to_bytes()).graph
        arrays = [onnx.numpy_helper.to_array(w) for w in graph.initializer]
        return [a for a in arrays if a.ndim == 2], [a for a in arrays if a.ndim == 1], m2.noise_variance_

    (weights, biases, variance), (decayed, same_biases, same_variance) = map(parameters, (0.0, 1e4))
    for a, b in zip(weights, decayed, strict=True):
        assert np.linalg.norm(b) < 0.9 * np.linalg.norm(a)
    for a, b in zip([*biases, variance], [*same_biases, same_variance], strict=True):
        assert_allclose(a, b, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "params",
    [
        {"learning_rate": "cosine"},
        {"dynamic_binarization": True, "likelihood": "bernoulli"},
        {"corruption": ImageWarp(), "image_shape": (8, 8), "likelihood": "bernoulli"},
        {"likelihood": Gaussian(0.1)},
        {"corruption": GaussianNoise(0.3)},
        {"activation": "softplus", "kernel_initializer": "he_normal"},
        {"hidden_layer_sizes": (32, 16)},
        {"classifier_hidden_layer_sizes": (8,)},
        {"posterior_variance": "x"},
    ],
)
def test_options_change_what_is_learned(params, digits):
    pixels, y = digits[0][:300], mask_labels(digits[1][:300], 100, random_state=0)
    likelihood = "bernoulli" if params.get("likelihood") == "bernoulli" else "gaussian"
    plain, changed = (
        M2Classifier(4, hidden_layer_sizes=(16,), max_iter=2, random_state=0, likelihood=likelihood)
        .set_params(**options)
        .fit(pixels, y)
        .predict_proba(pixels)
        for options in ({}, params)
    )
    assert np.isfinite(changed).all()
    assert not np.allclose(plain, changed)


def kernel_shapes(network):
    import onnx

    graph = onnx.load_model_from_string(network.to_bytes()).graph
    return {tuple(weights.dims) for weights in graph.initializer if len(weights.dims) == 2}


@pytest.mark.parametrize("sizes", [(), (7,), np.array([7, 5])])
def test_the_classifier_may_have_other_widths_than_the_rest(sizes):
    m2 = clone(tiny(max_iter=1, classifier_hidden_layer_sizes=sizes)).fit(X, FEW)
    widths = [3, *sizes, 3]
    assert kernel_shapes(m2.classifier_) == set(pairwise(widths))
    for network in (m2.posterior_, m2.decoder_):
        assert any(16 in shape for shape in kernel_shapes(network))
        assert not any(7 in shape for shape in kernel_shapes(network))


def test_the_classifier_has_the_widths_of_the_rest_by_default():
    plain, same = (
        tiny(max_iter=1, classifier_hidden_layer_sizes=sizes).fit(X, FEW).classifier_.to_bytes()
        for sizes in (None, (16,))
    )
    assert plain == same


@pytest.mark.parametrize("on", ["xy", "x"])
def test_the_posterior_variance_depends_on_the_class_if_it_is_asked_to(on):
    m2 = pickle.loads(pickle.dumps(clone(tiny(max_iter=5, posterior_variance=on)).fit(X, FEW)))
    each = [m2.posterior_.run(np.hstack([X, np.tile(y, (120, 1))])) for y in np.eye(3, dtype=np.float32)]
    means, log_variances = (np.stack([of[name] for of in each]) for name in ("z_mean", "z_log_var"))
    assert means.shape == log_variances.shape == (3, 120, 2)
    assert np.ptp(means, axis=0).max() > 0.01
    assert np.ptp(log_variances, axis=1).max() > 0.01
    assert (np.ptp(log_variances, axis=0).max() > 0.01) == (on == "xy")


def test_a_classifier_learns_as_well_with_a_variance_of_the_samples_alone():
    m2 = tiny(posterior_variance="x", classifier_hidden_layer_sizes=(8,)).fit(X, FEW)
    assert m2.score(X, CODES) > 0.95
    assert m2.loss_curve_[-1] < m2.loss_curve_[0]


def test_callbacks_see_each_epoch():
    import keras

    seen = []
    tiny(max_iter=3, callbacks=[keras.callbacks.LambdaCallback(lambda epoch, logs: seen.append(epoch))]).fit(
        X, FEW
    )
    assert seen == [0, 1, 2]


# --- marks of samples without a label ---


@pytest.mark.parametrize(
    "y",
    [
        np.where(FEW == -1, "-1", NAMES[FEW].astype(str)),
        np.where(FEW == -1, "-1", NAMES[FEW]),
        np.where(FEW == -1, None, NAMES[FEW]),
        np.where(FEW == -1, np.nan, NAMES[FEW]),
        pd.Series(np.where(FEW == -1, pd.NA, NAMES[FEW]), dtype="string"),
        pd.Series(NAMES[FEW]).where(FEW != -1).astype("category"),
    ],
    ids=["text", "text as objects", "None", "NaN", "string with pd.NA", "category"],
)
def test_missing_labels_may_be_marked_by_text_none_nan_or_na(y):
    m2 = tiny(max_iter=1).fit(X, y)
    assert m2.classes_.tolist() == ["ash", "birch", "cedar"]
    assert (m2.transduction_[FEW != -1] == NAMES[FEW[FEW != -1]]).all()


@pytest.mark.parametrize("mark", [np.nan, pd.NA])
def test_missing_numbers_mark_samples_without_a_label(mark):
    y = pd.Series(FEW).astype("float64" if mark is np.nan else "Int64").mask(FEW == -1, mark)
    assert tiny(max_iter=1).fit(X, y).classes_.tolist() == [0, 1, 2]


# --- labels that cannot be used ---


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(120, -1), "No sample has a label, all are -1"),
        (np.where(FEW == 0, 0, -1), r"All labeled samples are of one class, \[0\], expected two"),
        (np.array([0, "ash", -1] * 40, dtype=object), "mixes labels that are strings with others"),
        (np.where(FEW == -1, FEW, RNG.normal(size=120)), "Unknown label type: continuous"),
        (np.append(np.tile(np.arange(1_200), 2), [-1] * 300), "1200 classes, expected at most 1000"),
    ],
    ids=["none", "one class", "mixed", "continuous", "too many classes"],
)
def test_labels_that_cannot_be_used_are_refused_in_words(y, message):
    rows = np.resize(X, (len(y), 3))
    with pytest.raises(ValueError, match=message):
        tiny().fit(rows, y)


@pytest.mark.parametrize(
    ("params", "rows", "message"),
    [
        ({"likelihood": "bernoulli"}, X, r"X must lie in \[0, 1\] for a Bernoulli likelihood"),
        ({"hidden_layer_sizes": ()}, X, "hidden_layer_sizes must hold at least one layer"),
        ({"classifier_hidden_layer_sizes": (8, 0)}, X, "classifier_hidden_layer_sizes must hold positive"),
        ({"posterior_variance": "y"}, X, "The 'posterior_variance' parameter of M2Classifier must be a str"),
        ({"class_prior": [0.5, 0.5]}, X, "a positive probability for each of the 3 classes"),
        ({"class_prior": [0.5, 0.2, 0.2]}, X, "with sum 1"),
        ({"dynamic_binarization": True}, X, 'is for likelihood="bernoulli", got "gaussian"'),
        ({"corruption": ImageWarp()}, X, "set image_shape to their rows, columns and"),
        ({"corruption": ImageWarp(), "image_shape": (2, 2)}, X, r"image_shape=\(2, 2\) does not fit 3"),
    ],
)
def test_options_that_cannot_be_met_are_refused_in_words(params, rows, message):
    with pytest.raises(ValueError, match=message):
        tiny(**params).fit(rows, FEW)


def test_a_second_fit_with_other_samples_uses_the_steps_of_the_first(monkeypatch):
    rows = np.arange(len(X))[::-1]
    expected = tiny(max_iter=3).fit(X[rows], FEW[rows]).predict_proba(X)
    monkeypatch.setattr(loop, "_idle", {})
    tiny(max_iter=3).fit(X, FEW)
    monkeypatch.setattr(loop, "as_block", None)
    assert_array_equal(tiny(max_iter=3).fit(X[rows], FEW[rows]).predict_proba(X), expected)


def test_divergence_is_an_error_and_leaves_the_classifier_unchanged(fitted):
    m2 = clone(fitted).fit(X, FEW)
    before = m2.predict_proba(X)
    with pytest.raises(TrainingDivergedError, match="The loss is not finite"):
        m2.set_params(learning_rate_init=1e30).fit(X, FEW)
    assert_array_equal(m2.predict_proba(X), before)


def test_a_classifier_that_has_learned_nothing_says_so():
    with pytest.warns(ConvergenceWarning, match="of its own labeled samples alone: it has not learned"):
        tiny(max_iter=1, learning_rate_init=1e-9).fit(X, FEW)


# --- what leaves ---


def test_it_unpickles_and_predicts_without_tensorflow(fitted, tmp_path, run_fresh):
    joblib.dump(fitted, tmp_path / "m2.joblib")
    np.save(tmp_path / "X.npy", X)
    printed = run_fresh(
        f"""
        import joblib, numpy as np
        m2 = joblib.load({str(tmp_path / "m2.joblib")!r})
        X = np.load({str(tmp_path / "X.npy")!r})
        print(m2.predict(X).tolist(), m2.sample([0]).shape, m2.reconstruct(X[:2]).shape)
        """,
        absent=["tensorflow", "keras", "tf2onnx", "skl2onnx", "onnx"],
    )
    assert printed == f"{fitted.predict(X).tolist()} (1, 3) (2, 3)"


@pytest.mark.parametrize("names", [CODES, NAMES[CODES]], ids=["integers", "strings"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: tiny(max_iter=5),
        lambda: make_pipeline(MinMaxScaler(), tiny(max_iter=5, likelihood="bernoulli")),
        lambda: make_pipeline(
            StandardScaler(),
            VAEEncoderTransformer(2, hidden_layer_sizes=(8,), max_iter=5, random_state=0),
            tiny(max_iter=5),
        ),
    ],
    ids=["alone", "behind a scaler", "M1+M2"],
)
def test_the_file_of_a_classifier_gives_its_labels_and_its_probabilities(make, names, tmp_path):
    estimator = make().fit(X, np.where(FEW == -1, FEW, names))
    model = OnnxModel.load(export_onnx(estimator, tmp_path / "m2.onnx", X=X))
    outputs = model.run(X)
    assert_array_equal(outputs["label"], estimator.predict(X))
    assert_allclose(outputs["probabilities"], estimator.predict_proba(X), atol=1e-5)
    assert model.card["classes"] == np.unique(names).tolist()


@pytest.mark.parametrize("names", [np.array([False, True]), np.array([0.0, 1.0])], ids=["bool", "float"])
def test_classes_that_are_other_numbers_leave_as_integers(names, tmp_path):
    y = (
        np.where(FEW == -1, -1, names[FEW % 2].astype(object))
        if names.dtype == bool
        else np.where(FEW == -1, -1.0, names[FEW % 2])
    )
    m2 = tiny(max_iter=2).fit(X, y)
    labels = OnnxModel.load(export_onnx(m2, tmp_path / "m2.onnx", X=X)).run(X)["label"]
    assert labels.dtype == np.int64
    assert_array_equal(labels, m2.predict(X))


def test_exporting_it_needs_rows(fitted, tmp_path):
    with pytest.raises(ExportError, match="Pass X, rows like those that M2Classifier was trained on"):
        export_onnx(fitted, tmp_path / "m2.onnx")


@pytest.mark.parametrize("zipmap", [True, False])
def test_skl2onnx_converts_it_without_registering(fitted, zipmap):
    import onnxruntime
    from skl2onnx import to_onnx

    proto = to_onnx(fitted, X[:1], options={M2Classifier: {"zipmap": zipmap}})
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    label, probabilities = session.run(None, {"X": X})
    assert_array_equal(label, fitted.predict(X))
    if zipmap:
        probabilities = [[row[k] for k in range(3)] for row in probabilities]
    assert_allclose(probabilities, fitted.predict_proba(X), atol=1e-5)
