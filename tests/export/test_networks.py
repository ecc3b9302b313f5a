import hashlib

import keras
import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vaefeat.exceptions import ParityError
from vaefeat.export import networks
from vaefeat.export.networks import export_decoder, export_encoder
from vaefeat.runtime.inspection import inspect_model
from vaefeat.training.loop import train
from vaefeat.training.models import VAE, VAEConfig
from vaefeat.training.networks import ACTIVATIONS, NetworkConfig, build_decoder, build_encoder

CONFIG = NetworkConfig(5, 3, (8, 6))
X = np.random.default_rng(0).standard_normal((20, 5)).astype(np.float32)
Z = X[:, :3]


def encoder(seed=0, **options):
    return build_encoder(NetworkConfig(5, 3, (8, 6), **options), seed)


def decoder(seed=0):
    return build_decoder(CONFIG.mirrored(), seed)


EXPORTS = {
    "encoder": lambda: export_encoder(encoder(), X),
    "encoder with convolutions": lambda: export_encoder(
        build_encoder(NetworkConfig(5, 3, (8,), filters=(2, 3), image_shape=(1, 5)), 0), X
    ),
    "bernoulli decoder": lambda: export_decoder(decoder(), "bernoulli"),
    "gaussian decoder": lambda: export_decoder(decoder(), "gaussian"),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden_layer_sizes", [(), (8,), (8, 6)])
def test_the_encoder_gives_what_its_network_gives(activation, hidden_layer_sizes):
    network = build_encoder(NetworkConfig(5, 3, hidden_layer_sizes, activation), 0)
    model = export_encoder(network, X)
    assert model.input_name == "X"
    hidden = {"hidden": hidden_layer_sizes[-1]} if hidden_layer_sizes else {}
    assert model.n_outputs == {"z_mean": 3, "z_log_var": 3, **hidden}
    for name, values in network(X).items():
        assert_allclose(model.run(X)[name], values, atol=1e-5)


def test_the_bernoulli_decoder_gives_probabilities_and_their_logits():
    network = decoder()
    outputs = export_decoder(network, "bernoulli").run(Z)
    assert_allclose(outputs["x_logits"], network(Z), atol=1e-5)
    assert_allclose(outputs["x_mean"], 1 / (1 + np.exp(-outputs["x_logits"])), atol=1e-6)


def test_the_gaussian_decoder_gives_the_mean_as_it_is():
    network = decoder()
    assert_allclose(export_decoder(network, "gaussian").run(Z)["x_mean"], network(Z), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "input_name", "output_names"),
    [
        ("encoder", "X", ["z_mean", "z_log_var", "hidden"]),
        ("encoder with convolutions", "X", ["z_mean", "z_log_var", "hidden"]),
        ("bernoulli decoder", "Z", ["x_mean", "x_logits"]),
        ("gaussian decoder", "Z", ["x_mean"]),
    ],
)
def test_an_exported_network_keeps_the_contract(kind, input_name, output_names):
    model = EXPORTS[kind]()
    proto = onnx.load_model_from_string(model.to_bytes())
    onnx.checker.check_model(proto, full_check=True)
    found = inspect_model(model.to_bytes())
    assert (found.ir_version, found.opsets) == (8, {"": 18})
    assert [value.name for value in proto.graph.input] == [input_name]
    assert [value.name for value in proto.graph.output] == output_names == model.output_names
    assert not [node.op_type for node in proto.graph.node if "Random" in node.op_type]
    assert not proto.functions
    assert {node.domain for node in proto.graph.node} == {""}


@pytest.mark.parametrize("kind", EXPORTS)
def test_the_same_weights_give_the_same_bytes(kind):
    assert EXPORTS[kind]().to_bytes() == EXPORTS[kind]().to_bytes()


def test_other_weights_give_other_bytes():
    assert export_encoder(encoder(seed=1), X).to_bytes() != export_encoder(encoder(seed=2), X).to_bytes()


def test_a_new_process_writes_the_same_bytes(run_fresh):
    ours = hashlib.sha256(export_encoder(encoder(), X).to_bytes()).hexdigest()
    theirs = run_fresh("""
        import hashlib
        import numpy as np
        from vaefeat.export.networks import export_encoder
        from vaefeat.training.networks import NetworkConfig, build_encoder
        model = export_encoder(build_encoder(NetworkConfig(5, 3, (8, 6)), 0), np.ones((2, 5), np.float32))
        print(hashlib.sha256(model.to_bytes()).hexdigest())
    """)
    assert theirs == ours


def test_a_graph_of_other_weights_is_refused(monkeypatch):
    convert = networks.to_onnx
    monkeypatch.setattr(networks, "to_onnx", lambda network, *args: convert(encoder(seed=1), *args))
    with pytest.raises(ParityError, match=r"Output 'z_\w+' of the ONNX model deviates by"):
        export_encoder(encoder(seed=0), X)


def test_more_rows_than_are_compared_do_no_harm():
    rows = np.tile(X, (networks.N_PARITY_ROWS, 1))
    assert export_encoder(encoder(), rows).to_bytes() == export_encoder(encoder(), X).to_bytes()


@pytest.mark.parametrize("filters", [(), (16, 32)])
def test_keras_and_onnx_agree_on_ten_thousand_images_and_a_row_alone_is_the_row_among_others(filters, mnist):
    config = NetworkConfig(784, 50, filters=filters, image_shape=(28, 28))
    vae = VAE(VAEConfig(config, "bernoulli"), 0)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(vae.trainable_variables)
    train(vae, (mnist.X[:5_000],), optimizer=optimizer, batch_size=100, max_epochs=2, seed=0)
    model = export_encoder(vae.encoder, mnist.X)
    z_mean = model.run(mnist.X_test)["z_mean"]
    assert z_mean.shape == (10_000, 50)
    assert np.abs(z_mean - vae.encoder(mnist.X_test)["z_mean"].numpy()).max() <= 1e-5
    among_256 = model.run(mnist.X_test[:256])["z_mean"]
    alone = [model.run(mnist.X_test[i : i + 1])["z_mean"] for i in range(256)]
    assert_array_equal(np.concatenate(alone), among_256)
