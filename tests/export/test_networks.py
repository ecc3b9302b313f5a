import hashlib

import keras
import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vaefeat.exceptions import ParityError
from vaefeat.export import networks
from vaefeat.export.networks import export_networks
from vaefeat.runtime.inspection import inspect_model
from vaefeat.training.loop import Trainer
from vaefeat.training.networks import ACTIVATIONS, NetworkConfig
from vaefeat.training.vae import VAE, VAEConfig
from vaefeat.values.column_likelihood import ColumnLikelihood
from vaefeat.values.likelihoods import LIKELIHOODS, Bernoulli, Categorical, Gaussian, Poisson

GAUSSIAN = Gaussian()
X = np.random.default_rng(0).standard_normal((20, 5)).astype(np.float32)
Z = X[:, :3]


def vae(seed=0, likelihood=GAUSSIAN, hidden_layer_sizes=(8, 6), **options):
    config = NetworkConfig(n_inputs=5, n_outputs=3, hidden_layer_sizes=hidden_layer_sizes, **options)
    return VAE(VAEConfig(encoder=config, likelihood=likelihood), seed)


def export(model):
    return export_networks(model, X)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden_layer_sizes", [(), (8,), (8, 6)])
def test_the_encoder_gives_what_its_network_gives(activation, hidden_layer_sizes):
    model = vae(hidden_layer_sizes=hidden_layer_sizes, activation=activation)
    encoder = export(model)["encoder"]
    assert encoder.input_name == "X"
    hidden = {"hidden": hidden_layer_sizes[-1]} if hidden_layer_sizes else {}
    assert encoder.n_outputs == {"z_mean": 3, "z_log_var": 3, **hidden}
    for name, values in model.encoder(X).items():
        assert_allclose(encoder.run(X)[name], values, atol=1e-5)


@pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=LIKELIHOODS)
def test_the_decoder_gives_the_mean_and_the_location(likelihood):
    model = vae(likelihood=likelihood)
    outputs = export(model)["decoder"].run(Z)
    location = model.decoder(Z).numpy()
    assert list(outputs) == list(dict.fromkeys(["x_mean", likelihood.location_output]))
    assert_allclose(outputs[likelihood.location_output], location, atol=1e-5)
    assert_allclose(outputs["x_mean"], likelihood.mean(location), atol=1e-5)


KINDS = {
    "dense": {},
    "convolutions": {"hidden_layer_sizes": (8,), "filters": (2, 3), "image_shape": (1, 5)},
    "bernoulli": {"likelihood": Bernoulli()},
    "counts": {"likelihood": Poisson(), "log_inputs": True},
    "some counts": {
        "likelihood": ColumnLikelihood([(Poisson(), 2), (Categorical(), 3)]),
        "log_inputs": (True, True, False, False, False),
    },
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("role", "input_name"), [("encoder", "X"), ("decoder", "Z")])
def test_an_exported_network_keeps_the_contract(kind, role, input_name):
    model = export(vae(**KINDS[kind]))[role]
    proto = onnx.load_model_from_string(model.to_bytes())
    onnx.checker.check_model(proto, full_check=True)
    found = inspect_model(model.to_bytes())
    assert (found.ir_version, found.opsets) == (8, {"": 18})
    assert [value.name for value in proto.graph.input] == [input_name]
    assert [value.name for value in proto.graph.output] == model.output_names
    assert not [node.op_type for node in proto.graph.node if "Random" in node.op_type]
    assert not proto.functions
    assert {node.domain for node in proto.graph.node} == {""}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_weights_give_the_same_bytes(kind):
    first, second = (export(vae(**KINDS[kind])) for _ in range(2))
    assert {role: model.to_bytes() for role, model in first.items()} == {
        role: model.to_bytes() for role, model in second.items()
    }


def test_other_weights_give_other_bytes():
    first, second = (export(vae(seed))["encoder"].to_bytes() for seed in (1, 2))
    assert first != second


def test_networks_of_one_kind_are_converted_once(monkeypatch):
    first = export(vae(seed=1, hidden_layer_sizes=(7,)))
    monkeypatch.setattr(networks, "to_onnx", None)
    second = export(vae(seed=1, hidden_layer_sizes=(7,)))
    assert {role: model.to_bytes() for role, model in first.items()} == {
        role: model.to_bytes() for role, model in second.items()
    }


@pytest.mark.slow
def test_a_new_process_writes_the_same_bytes(run_fresh):
    ours = hashlib.sha256(export(vae())["encoder"].to_bytes()).hexdigest()
    theirs = run_fresh("""
        import hashlib
        import numpy as np
        from vaefeat.export.networks import export_networks
        from vaefeat.training.networks import NetworkConfig
        from vaefeat.training.vae import VAE, VAEConfig
        from vaefeat.values.likelihoods import Gaussian
        network = NetworkConfig(n_inputs=5, n_outputs=3, hidden_layer_sizes=(8, 6))
        vae = VAE(VAEConfig(encoder=network, likelihood=Gaussian()), 0)
        encoder = export_networks(vae, np.ones((2, 5), np.float32))["encoder"]
        print(hashlib.sha256(encoder.to_bytes()).hexdigest())
    """)
    assert theirs == ours


def test_a_graph_of_other_weights_is_refused(monkeypatch):
    fill, others = networks.with_weights, vae(seed=1).variables
    monkeypatch.setattr(networks, "with_weights", lambda graph, variables, *args: fill(graph, others, *args))
    with pytest.raises(ParityError, match=r"Output '\w+' of the ONNX model deviates by"):
        export(vae(seed=0))


def test_more_rows_than_are_compared_do_no_harm():
    rows = np.tile(X, (networks.N_PARITY_ROWS, 1))
    model = vae()
    assert export_networks(model, rows)["encoder"].to_bytes() == export(model)["encoder"].to_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("filters", [(), (16, 32)])
def test_keras_and_onnx_agree_on_ten_thousand_images_and_a_row_alone_is_the_row_among_others(filters, mnist):
    config = NetworkConfig(n_inputs=784, n_outputs=50, filters=filters, image_shape=(28, 28))
    model = VAE(VAEConfig(encoder=config, likelihood=Bernoulli()), 0)
    trainer = Trainer(model, keras.optimizers.Adam(1e-3), batch_size=100)
    trainer.train((mnist.X[:5_000],), max_epochs=2, seed=0)
    encoder = export_networks(model, mnist.X)["encoder"]
    z_mean = encoder.run(mnist.X_test)["z_mean"]
    assert z_mean.shape == (10_000, 50)
    assert np.abs(z_mean - model.encoder(mnist.X_test)["z_mean"].numpy()).max() <= 1e-5
    among_256 = encoder.run(mnist.X_test[:256])["z_mean"]
    alone = [encoder.run(mnist.X_test[i : i + 1])["z_mean"] for i in range(256)]
    assert_array_equal(np.concatenate(alone), among_256)
