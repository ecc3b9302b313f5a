import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vaefeat import AutoencoderTransformer, OnnxModel, VAEEncoderTransformer
from vaefeat.export.composition import Graph, Output, one_output, reconstruction
from vaefeat.export.scores import score_model

X = np.random.default_rng(0).uniform(size=(30, 4)).astype(np.float32)
SETTINGS = {"n_components": 2, "hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def autoencoder():
    return AutoencoderTransformer(**SETTINGS).fit(X)


def run(proto, rows=X):
    onnx.checker.check_model(proto, full_check=True)
    return OnnxModel(proto.SerializeToString()).run(rows)


def test_operators_and_constants_make_a_model():
    graph = Graph(4)
    doubled = graph.op("Mul", "X", 2.0)
    largest = graph.op("ReduceMax", doubled, [1], keepdims=0)
    outputs = run(graph.model(Output("doubled", doubled, 4), Output("largest", largest)))
    assert_array_equal(outputs["doubled"], 2 * X)
    assert_array_equal(outputs["largest"], 2 * X.max(axis=1))


def test_a_model_that_is_called_twice_has_its_weights_once(autoencoder):
    graph = Graph(4)
    once = graph.call(autoencoder.decoder_, graph.call(autoencoder.encoder_, "X")["code"])["x_mean"]
    twice = graph.call(autoencoder.decoder_, graph.call(autoencoder.encoder_, once)["code"])["x_mean"]
    proto = graph.model(Output("twice", twice, 4))
    assert_allclose(run(proto)["twice"], autoencoder.reconstruct(autoencoder.reconstruct(X)), atol=1e-6)
    n_weights = sum(
        len(onnx.load_from_string(model.to_bytes()).graph.initializer)
        for model in (autoencoder.encoder_, autoencoder.decoder_)
    )
    assert len(proto.graph.initializer) <= n_weights


def test_one_output_drops_the_others():
    vae = VAEEncoderTransformer(**SETTINGS).fit(X)
    assert list(run(one_output(vae.encoder_, "z_log_var"))) == ["z_log_var"]


def test_the_reconstruction_is_the_decoded_code(autoencoder):
    proto = reconstruction(autoencoder.encoder_, autoencoder.decoder_, "code")
    assert_allclose(run(proto)["reconstruction"], autoencoder.reconstruct(X), atol=1e-6)


@pytest.mark.parametrize(
    "estimator",
    [
        AutoencoderTransformer(**SETTINGS),
        AutoencoderTransformer(**SETTINGS, loss="log_loss"),
        VAEEncoderTransformer(**SETTINGS),
        VAEEncoderTransformer(**SETTINGS, likelihood="bernoulli"),
        make_pipeline(AutoencoderTransformer(**SETTINGS)),
        make_pipeline(StandardScaler(), AutoencoderTransformer(**SETTINGS)),
    ],
    ids=["squared error", "log loss", "gaussian", "bernoulli", "alone in a pipeline", "behind a scaler"],
)
def test_a_score_model_gives_the_scores(estimator):
    estimator.fit(X)
    assert_allclose(run(score_model(estimator))["score"], estimator.score_samples(X), rtol=1e-5, atol=1e-5)
