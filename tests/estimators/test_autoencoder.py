"""AutoencoderTransformer by itself; what it shares with the VAE is in test_latent.py."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from vaefeat import (
    AutoencoderTransformer,
    GaussianNoise,
    ImageWarp,
    MaskingNoise,
    OnnxModel,
    SaltAndPepperNoise,
    SwapNoise,
    export_onnx,
)

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(60, 6)).astype(np.float32)
X.setflags(write=False)


def tiny(**params):
    settings = {"n_components": 3, "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
    return AutoencoderTransformer(**settings | params)


@pytest.fixture(scope="module")
def plain():
    return tiny().fit(X)


def test_a_linear_autoencoder_spans_the_principal_subspace_and_reconstructs_as_pca_does(digits):
    pixels = digits[0]
    pca = PCA(10).fit(pixels)
    linear = AutoencoderTransformer(
        10,
        hidden_layer_sizes=(),
        activation="identity",
        batch_size=2_000,
        learning_rate="cosine",
        learning_rate_init=0.03,
        max_iter=600,
        random_state=0,
    ).fit(pixels)
    axes = linear.inverse_transform(np.eye(10)) - linear.inverse_transform(np.zeros((1, 10)))
    assert np.rad2deg(subspace_angles(axes.T, pca.components_.T).max()) < 2
    error = np.square(pixels - pca.inverse_transform(pca.transform(pixels))).sum(axis=1).mean()
    assert -linear.score(pixels) < 1.01 * error


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_the_score_is_the_negative_error_of_the_reconstruction_that_training_minimises(loss):
    autoencoder = tiny(loss=loss, max_iter=10, warm_start=True).fit(X)
    R = autoencoder.reconstruct(X).astype(np.float64)
    error = np.square(X - R) if loss == "squared_error" else -X * np.log(R) - (1 - X) * np.log(1 - R)
    assert_allclose(autoencoder.score_samples(X), -error.sum(axis=1), rtol=1e-4)
    autoencoder.set_params(learning_rate_init=1e-12).fit(X)
    assert_allclose(-autoencoder.score(X), autoencoder.loss_curve_[-1], rtol=1e-4)


def test_log_loss_decodes_to_probabilities_and_refuses_what_is_none():
    autoencoder = tiny(loss="log_loss").fit(X)
    decoded = autoencoder.inverse_transform(RNG.normal(size=(9, 3)) * 100)
    assert ((decoded >= 0) & (decoded <= 1)).all()
    with pytest.raises(ValueError, match=r"in \[0, 1\] for a Bernoulli .* or the squared error"):
        tiny(loss="log_loss").fit(X * 255)


@pytest.mark.parametrize(
    ("code_activation", "low", "high"),
    [("identity", -np.inf, np.inf), ("relu", 0, np.inf), ("sigmoid", 0, 1), ("tanh", -1, 1)],
)
def test_the_code_lies_where_its_activation_puts_it(code_activation, low, high):
    code = tiny(code_activation=code_activation).fit(X).transform(X)
    assert code.shape == (60, 3)
    assert ((code >= low) & (code <= high)).all()


# --- penalties, each against the unpenalised twin ---


def jacobian_norm(autoencoder, rows, step=1e-2):
    """Return the mean squared Frobenius norm of the encoder's Jacobian, by finite differences."""
    columns = [
        (autoencoder.transform(rows + step * axis) - autoencoder.transform(rows - step * axis)) / (2 * step)
        for axis in np.eye(rows.shape[1], dtype=np.float32)
    ]
    return np.mean(np.sum(np.square(columns), axis=(0, 2)))


@pytest.mark.slow
@pytest.mark.parametrize(("hidden_layer_sizes", "filters"), [((), ()), ((16,), ()), ((8,), (4,))])
def test_the_contractive_penalty_lowers_the_jacobian_norm_that_is_measured(
    hidden_layer_sizes, filters, digits
):
    rows = digits[0][:300]

    def fitted(weight):
        return tiny(
            hidden_layer_sizes=hidden_layer_sizes,
            filters=filters,
            image_shape=(8, 8),
            activation="tanh",
            code_activation="sigmoid",
            contractive_weight=weight,
            learning_rate_init=1e-2,
            max_iter=20,
        ).fit(rows)

    plain, contractive = fitted(0.0), fitted(10.0)
    measured = jacobian_norm(contractive, rows)
    assert measured < 0.5 * jacobian_norm(plain, rows)
    # The mean over the last epoch, of which the weights moved on: not the same, but of one size.
    assert_allclose(contractive.history_["contractive"][-1], measured, rtol=0.3)


@pytest.mark.parametrize("n_components", [16, 100])
def test_sparsity_brings_the_mean_activation_to_its_target(n_components, digits):
    settings = {
        "n_components": n_components,
        "hidden_layer_sizes": (),
        "code_activation": "sigmoid",
        "learning_rate_init": 1e-2,
        "max_iter": 60,
    }
    sparse = tiny(**settings, sparsity_weight=5.0, sparsity_target=0.1).fit(digits[0])
    assert_allclose(sparse.transform(digits[0]).mean(axis=0), 0.1, atol=0.02)
    plain = tiny(**settings).fit(digits[0])
    assert np.abs(plain.transform(digits[0]).mean(axis=0) - 0.1).max() > 0.1


def test_l1_raises_the_share_of_codes_that_are_near_zero(digits):
    def share_near_zero(weight):
        autoencoder = tiny(n_components=32, code_activation="relu", l1_weight=weight, max_iter=30)
        code = autoencoder.fit(digits[0]).transform(digits[0])
        return np.mean(code < 0.01 * code.max(axis=0))

    assert share_near_zero(0.05) > share_near_zero(0.0) + 0.1


def test_noise_on_the_code_drives_it_to_its_ends(digits):
    def share_undecided(code_noise):
        autoencoder = tiny(n_components=8, code_activation="sigmoid", code_noise=code_noise, max_iter=40)
        code = autoencoder.fit(digits[0]).transform(digits[0])
        return np.mean((code > 0.1) & (code < 0.9))

    assert share_undecided(4.0) < 0.5 * share_undecided(0.0)


def test_the_history_holds_the_terms_that_have_a_weight():
    autoencoder = tiny(
        code_activation="sigmoid", contractive_weight=0.1, l1_weight=0.2, sparsity_weight=0.3, max_iter=2
    ).fit(X)
    history = {name: np.array(values) for name, values in autoencoder.history_.items()}
    assert list(history) == ["loss", "reconstruction", "contractive", "l1", "sparsity"]
    expected = (
        history["reconstruction"]
        + 0.1 * history["contractive"]
        + 0.2 * history["l1"]
        + 0.3 * history["sparsity"]
    )
    assert_allclose(history["loss"], expected, rtol=1e-5)


def test_without_weights_the_loss_is_the_error_of_the_reconstruction(plain):
    assert list(plain.history_) == ["loss", "reconstruction"]
    assert plain.history_["loss"] == plain.history_["reconstruction"] == plain.loss_curve_


def test_sparsity_asks_for_a_code_that_can_be_a_share():
    with pytest.raises(ValueError, match='set code_activation to "sigmoid", got "relu"'):
        tiny(sparsity_weight=1.0, code_activation="relu").fit(X)


# --- corruption ---


@pytest.mark.parametrize(
    "corruption",
    [GaussianNoise(0.5), ImageWarp(), MaskingNoise(0.3), SaltAndPepperNoise(0.3), SwapNoise(0.3)],
)
def test_a_corruption_changes_what_is_learned(corruption, plain):
    shown = tiny(corruption=corruption, image_shape=(2, 3)).fit(X)
    assert not np.allclose(shown.transform(X), plain.transform(X))


def test_trained_on_noise_it_reconstructs_the_clean_image_better(digits):
    pixels = digits[0]
    noise = np.random.default_rng(0).uniform(size=pixels.shape)
    noisy = np.where(noise < 0.25, noise < 0.125, pixels).astype(np.float32)
    settings = {"n_components": 16, "hidden_layer_sizes": (64,), "loss": "log_loss", "max_iter": 20}
    denoising = tiny(**settings, corruption=SaltAndPepperNoise(0.25)).fit(pixels)
    plain = tiny(**settings).fit(pixels)
    errors = [np.mean(np.square(each.reconstruct(noisy) - pixels)) for each in (denoising, plain)]
    assert errors[0] < 0.8 * errors[1]


# --- the reconstruction as features ---


def test_the_output_may_be_the_reconstruction_under_the_names_of_a_transformer():
    autoencoder = tiny(output="reconstruction").fit(X)
    assert_array_equal(autoencoder.transform(X), autoencoder.reconstruct(X))
    assert autoencoder.get_feature_names_out().shape == (6,)
    frame = autoencoder.set_output(transform="pandas").transform(X)
    assert list(frame.columns) == list(autoencoder.get_feature_names_out())
    autoencoder.set_output(transform="default").set_params(output="code")
    assert autoencoder.transform(X).shape == (60, 3)


# --- ONNX ---


@pytest.mark.parametrize("output", ["code", "reconstruction"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("filters", [(), (2,)])
def test_its_file_gives_what_it_gives(output, loss, filters, tmp_path):
    autoencoder = tiny(output=output, loss=loss, filters=filters, image_shape=(2, 3)).fit(X)
    model = OnnxModel.load(export_onnx(autoencoder, tmp_path / "autoencoder.onnx", X=X))
    assert model.output_names == [output]
    assert_allclose(model.run(X)[output], autoencoder.transform(X), atol=1e-5)
    assert model.card["inputs"]["range"] == ([0.0, 1.0] if loss == "log_loss" else None)
    unit = "_nats" if loss == "log_loss" else ""
    assert model.card["training"][f"final_loss{unit}"] == pytest.approx(autoencoder.loss_curve_[-1])


@pytest.mark.parametrize("output", ["code", "reconstruction"])
def test_a_pipeline_with_it_is_exported_as_one_file(output, tmp_path):
    y = X[:, 0] > 0.5
    pipe = make_pipeline(MinMaxScaler(), tiny(output=output), LogisticRegression()).fit(X, y)
    path = export_onnx(pipe, tmp_path / "pipe.onnx", X=X, with_features=True)
    outputs = OnnxModel.load(path).run(X)
    assert_allclose(outputs["probabilities"], pipe.predict_proba(X), atol=1e-5)
    assert_allclose(outputs[output], pipe[:-1].transform(X), atol=1e-5)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "absolute_error"}, "loss"),
        ({"code_activation": "softplus"}, "code_activation"),
        ({"code_noise": -1}, "code_noise"),
        ({"contractive_weight": -1}, "contractive_weight"),
        ({"l1_weight": -1}, "l1_weight"),
        ({"sparsity_weight": -1}, "sparsity_weight"),
        ({"sparsity_target": 1.0}, "sparsity_target"),
        ({"output": "hidden"}, "output"),
        ({"corruption": 0.3}, "corruption"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        tiny(**params).fit(X)
