"""VAEEncoderTransformer with what is for images: convolutions, corruption, the contrastive term."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from vaefeat import ImageWarp, OnnxModel, PhotoViews, VAEEncoderTransformer, export_onnx
from vaefeat.values.objectives import contrastive_loss

SETTINGS = {
    "filters": (4,),
    "hidden_layer_sizes": (16,),
    "image_shape": (8, 8),
    "corruption": ImageWarp(rotation=10),
    "contrastive_weight": 10.0,
    "learning_rate": "cosine",
    "likelihood": "bernoulli",
    "max_iter": 3,
    "random_state": 0,
}


def vae(**params):
    return VAEEncoderTransformer(5, **{**SETTINGS, **params})


@pytest.fixture(scope="module")
def fitted(digits):
    return vae().fit(digits[0])


def test_training_lowers_each_term_of_the_loss(fitted):
    assert list(fitted.history_) == ["loss", "reconstruction", "kl", "contrast"]
    for name in ("loss", "reconstruction", "contrast"):
        assert fitted.history_[name][-1] < fitted.history_[name][0]
    terms = fitted.history_
    expected = np.array(terms["reconstruction"]) + terms["kl"] + 10 * np.array(terms["contrast"])
    assert_allclose(terms["loss"], expected, rtol=1e-5)


def test_the_same_random_state_gives_the_same_bytes(fitted, digits):
    assert vae().fit(digits[0]).encoder_.to_bytes() == fitted.encoder_.to_bytes()


def test_labels_are_never_read(fitted, digits):
    class Unreadable:
        """Raises whatever is done with it."""

        def __getattribute__(self, name):
            raise AssertionError("y was read")

    X, y = digits
    assert vae().fit(X, Unreadable()).encoder_.to_bytes() == fitted.encoder_.to_bytes()
    assert vae(max_iter=1).fit_transform(X, y).shape == (1797, 5)


def test_features_score_and_decoder_are_of_the_images_as_they_are(fitted, digits):
    X, _ = digits
    Z = fitted.transform(X)
    assert Z.shape == (1797, 5)
    assert_array_equal(fitted.transform(X), Z)
    assert_array_equal(np.concatenate([fitted.transform(row[None]) for row in X[:20]]), Z[:20])
    assert fitted.inverse_transform(Z).shape == X.shape
    assert np.isfinite(fitted.score_samples(X)).all()
    assert fitted.sample(3, random_state=0).shape == (3, 64)


@pytest.mark.slow
def test_the_contrastive_term_lets_views_of_an_image_find_each_other(digits):
    X, _ = digits
    gentle = ImageWarp(rotation=10, thickness=0)
    views = [gentle(X, np.array([1, seed]), (8, 8)).numpy() for seed in range(2)]
    params = {"corruption": gentle, "filters": (16, 32), "max_iter": 30, "learning_rate_init": 3e-3}

    def loss(weight):
        estimator = vae(**params, contrastive_weight=weight).fit(X)
        return contrastive_loss(*map(estimator.transform, views)).mean()

    assert loss(30.0) < loss(0.0) - 0.5


@pytest.mark.slow
def test_at_a_high_temperature_all_views_are_alike_to_the_contrastive_term(digits):
    hot = vae(contrastive_weight=1.0, temperature=1e4, max_iter=1, batch_size=64).fit(digits[0][:640])
    assert_allclose(hot.history_["contrast"], np.log(2 * 64 - 1), rtol=1e-3)


def test_the_hidden_layer_may_be_the_features(fitted, digits):
    X, _ = digits
    hidden = clone(fitted).set_params(output="hidden").fit(X)
    assert hidden.transform(X).shape == (1797, 16)
    assert_array_equal(hidden.transform(X), fitted.encoder_.run(X)["hidden"])
    assert len(hidden.get_feature_names_out()) == 16
    assert_array_equal(hidden.reconstruct(X), fitted.reconstruct(X))
    assert_array_equal(hidden.score_samples(X[:5]), fitted.score_samples(X[:5]))
    assert hidden.sample(2, random_state=0).shape == (2, 64)


@pytest.mark.parametrize("output", ["z_mean", "hidden"])
def test_a_pipeline_with_convolutions_is_one_onnx_file(output, fitted, digits, tmp_path):
    X, y = digits
    encoder = copy.copy(fitted).set_params(output=output)
    classifier = LogisticRegression(max_iter=2_000).fit(encoder.transform(X), y)
    pipe = make_pipeline(make_pipeline(encoder), classifier)
    path = export_onnx(pipe, tmp_path / "pipe.onnx", X=X, with_features=True)
    model = OnnxModel.load(path)
    outputs = model.run(X)
    assert model.output_names == ["label", "probabilities", output]
    assert_allclose(outputs["probabilities"], pipe.predict_proba(X), atol=1e-5)
    assert_allclose(outputs[output], encoder.transform(X), atol=1e-5)
    assert model.card["training"]["epochs"] == 3


def test_training_goes_on_and_pickles(fitted, digits):
    X, _ = digits
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.transform(X), fitted.transform(X))
    assert again.partial_fit(X).n_iter_ == 4
    assert again.set_params(warm_start=True).fit(X).n_iter_ == 7


@pytest.mark.slow
def test_a_wide_distortion_without_contrast_has_one_view_and_three_terms(digits):
    found = vae(contrastive_weight=0.0, max_iter=1).fit(digits[0])
    assert list(found.history_) == ["loss", "reconstruction", "kl"]


@pytest.mark.slow
def test_early_stopping_watches_the_whole_loss(digits):
    found = vae(early_stopping=True, n_iter_no_change=1, max_iter=2).fit(digits[0][:300])
    assert "val_contrast" in found.history_


def test_images_that_are_not_flattened_are_refused_with_what_to_do(digits):
    X = digits[0]
    images = X[:20].reshape(20, 8, 8)
    what_to_do = r"Got X of shape \(20, 8, 8\).*pass X.reshape\(len\(X\), -1\), .* set image_shape=\(8, 8\)"
    with pytest.raises(ValueError, match=what_to_do):
        vae().fit(images)
    fitted = vae(max_iter=1).fit(X[:20])
    with pytest.raises(ValueError, match=what_to_do):
        fitted.transform(images)


def test_color_images_are_encoded_and_decoded():
    colors = np.random.default_rng(0).uniform(size=(30, 5 * 7 * 3)).astype(np.float32)
    fitted = vae(image_shape=(5, 7, 3), corruption=ImageWarp(), max_iter=1).fit(colors)
    assert fitted.transform(colors).shape == (30, 5)
    assert fitted.inverse_transform(fitted.encode(colors)).shape == colors.shape


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"image_shape": None}, "set image_shape to their rows, columns and"),
        (
            {"image_shape": None, "filters": ()},
            "set image_shape to their rows, columns and",
        ),
        ({"image_shape": (8, 9)}, r"image_shape=\(8, 9\) does not fit 64 features"),
        ({"image_shape": (8, 0)}, r"Got image_shape=\(8, 0\), expected positive integers"),
        ({"image_shape": (8, 8, 1, 1)}, r"expected positive integers: \(rows, columns\), or"),
        ({"filters": (4, 0)}, "filters must hold positive integers"),
        ({"corruption": None}, "compares two distortions of a sample"),
        ({"corruption": "warp"}, "'corruption' parameter"),
        ({"temperature": 0.0}, "'temperature' parameter"),
        ({"contrastive_weight": -1.0}, "'contrastive_weight' parameter"),
        ({"learning_rate": "linear"}, "'learning_rate' parameter"),
        ({"output": "logits"}, "'output' parameter"),
        ({"output": "hidden", "hidden_layer_sizes": (), "filters": ()}, "needs a hidden layer"),
    ],
)
def test_what_does_not_go_together_is_said(params, message, digits):
    with pytest.raises(ValueError, match=message):
        vae(**params).fit(digits[0])


def test_strokes_cannot_become_thicker_than_their_neighbours_allow():
    with pytest.raises(ValueError, match="thickness must be at most 1"):
        ImageWarp(thickness=1.5)


def test_an_output_that_the_network_does_not_have_is_said_by_all_methods(digits):
    X, _ = digits
    linear = vae(hidden_layer_sizes=(), filters=(), max_iter=1).fit(X).set_params(output="hidden")
    for method in (linear.transform, lambda X: linear.get_feature_names_out()):
        with pytest.raises(ValueError, match=r"expected some of \['z_mean', 'z_log_var'\]"):
            method(X)


def test_the_callbacks_of_the_user_have_the_last_word_on_the_learning_rate(digits):
    import keras

    seen = []

    class Freeze(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.0

        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs["reconstruction"])

    vae(callbacks=[Freeze()], corruption=None, contrastive_weight=0.0).fit(digits[0])
    assert_allclose(seen, seen[0], rtol=1e-2)  # noise alone


@pytest.mark.parametrize(
    "strength", [{"scale": -0.1}, {"rotation": float("nan")}, {"elastic": -1}, {"shear": float("inf")}]
)
def test_strengths_that_make_no_sense_are_refused(strength):
    with pytest.raises(ValueError, match="must be finite and not negative"):
        ImageWarp(**strength)


# --- responses to patches ---

PATCHES = SETTINGS | {
    "filters": (),
    "n_patches": 6,
    "corruption": PhotoViews(smallest_crop=0.5),
    "output": "hidden",
}


@pytest.fixture(scope="module")
def untrained(digits):
    return vae(**PATCHES | {"max_iter": 0}).fit(digits[0])


def test_without_training_the_hidden_layer_has_directions_in_which_images_differ(untrained, digits):
    X, y = digits
    features = untrained.transform(X)
    assert features.shape == (1797, 16)
    assert_allclose(np.sqrt(np.mean(features.var(axis=0))), 1, atol=0.2)
    assert LogisticRegression(max_iter=500).fit(features[::2], y[::2]).score(features[1::2], y[1::2]) > 0.7


def test_without_hidden_layers_the_features_are_the_responses(digits):
    responses = vae(**PATCHES | {"hidden_layer_sizes": (), "max_iter": 0}).fit_transform(digits[0][:50])
    assert responses.shape == (50, 2 * 6 * 4)
    assert_allclose(responses.mean(axis=0), 0, atol=1e-4)
    assert_allclose(responses.std(axis=0), 1, atol=1e-3)


def test_training_changes_the_latents_and_leaves_the_hidden_layer_as_it_is(untrained, digits):
    trained = vae(**PATCHES | {"max_iter": 3}).fit(digits[0])
    assert_allclose(trained.transform(digits[0]), untrained.transform(digits[0]), atol=1e-5)
    assert not np.allclose(trained.encode(digits[0]), untrained.encode(digits[0]), atol=0.1)
    assert trained.history_["loss"][-1] < trained.history_["loss"][0]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"filters": (4,)}, r"n_patches=6 stands in place of convolutions"),
        ({"image_shape": (4, 16)}, r"at least 8x8 pixels, got image_shape=\(4, 16\)"),
        ({"image_shape": None, "corruption": None, "contrastive_weight": 0.0}, "image_shape=None"),
    ],
)
def test_patches_need_images_and_no_convolutions(params, message, digits):
    with pytest.raises(ValueError, match=message):
        vae(**PATCHES | params).fit(digits[0])
