import dataclasses
import gc
import io
import pickle
from contextlib import redirect_stdout
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vaefeat.data.rows import ArrayRows
from vaefeat.exceptions import TrainingDivergedError
from vaefeat.training import blocks, loop
from vaefeat.training.blocks import epoch_blocks
from vaefeat.training.choices import classes
from vaefeat.training.interface import TrainableModel
from vaefeat.training.loop import Trainer
from vaefeat.training.networks import NetworkConfig
from vaefeat.training.optimizers import make_optimizer
from vaefeat.training.supervised import EncoderClassifier
from vaefeat.training.vae import VAE, VAEConfig
from vaefeat.values.likelihoods import Bernoulli

CONFIG = VAEConfig(
    encoder=NetworkConfig(n_inputs=6, n_outputs=2, hidden_layer_sizes=(8,)), likelihood=Bernoulli()
)
X = np.random.default_rng(0).uniform(size=(50, 6)).astype(np.float32)
AVERAGING = {"class_name": "SGD", "config": {"use_ema": True, "ema_momentum": 0.5}}
OPTIMIZERS = [
    "adam",
    "nadam",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in sorted(classes(keras.optimizers, "learning_rate").keys() - {"adam", "nadam"})
    ),
    pytest.param(AVERAGING, marks=pytest.mark.slow, id="averaging"),
    pytest.param(
        {"class_name": "SGD", "config": {"gradient_accumulation_steps": 2, "global_clipnorm": 1.0}},
        marks=pytest.mark.slow,
        id="accumulating",
    ),
]


def train(X=X, *, learning_rate=1e-2, max_epochs=3, batch_size=20, seed=0, **params):
    vae = VAE(CONFIG, 0)
    trainer = Trainer(vae, keras.optimizers.Adam(learning_rate), batch_size)
    return vae, trainer.train((X,), max_epochs=max_epochs, seed=seed, **params)


class Mean(TrainableModel):
    """A model of one number, whose best value is the mean of the data."""

    loss_names = ("loss",)

    def __init__(self):
        super().__init__()
        self.value = self.add_weight(shape=(), initializer="zeros", name="value")
        self.built = True

    def example_losses(self, batch, seed):
        return {"loss": keras.ops.square(batch[0] - self.value)}

    def networks(self):
        return {}


def train_mean(data, batch_size, *, optimizer="sgd", **params):
    model = Mean()
    trainer = Trainer(model, make_optimizer(optimizer, 0.5), batch_size)
    history = trainer.train((data,), seed=0, **params)
    return float(model.value.numpy()), history


def test_a_step_over_all_examples_takes_the_mean_of_their_gradients():
    data = np.array([1.0, 2.0, 6.0], np.float32)
    value, history = train_mean(data, batch_size=10, max_epochs=1)
    assert_allclose(value, 3.0, rtol=1e-6)  # of (x - v)^2 at v = 0, by half of 2 (3 - 0)
    assert_allclose(history["loss"], [np.mean(data**2)], rtol=1e-6)


def test_the_last_step_of_an_epoch_averages_over_the_examples_that_are_left():
    data = np.array([1.0, 2.0, 4.0, 8.0, 16.0], np.float32)
    (block,) = epoch_blocks(ArrayRows((data,)), 2, np.random.default_rng(0))
    value, _ = train_mean(data, batch_size=2, max_epochs=1)
    assert_allclose(value, block.data[0].numpy()[-1, 0])  # SGD at rate 1/2 goes to the mean of the last step


def test_an_optimizer_that_averages_weights_ends_at_their_average():
    data = np.array([2.0, 6.0], np.float32)  # each step goes to one of them
    value, _ = train_mean(data, batch_size=1, max_epochs=1, optimizer=AVERAGING)
    assert_allclose(value, 4.0)
    assert train_mean(data, batch_size=1, max_epochs=0, optimizer=AVERAGING)[0] == 0


def test_the_scale_of_the_loss_changes_nothing_but_the_rounding():
    data = np.array([1.0, 2.0, 6.0], np.float32)
    scaled = {"class_name": "SGD", "config": {"loss_scale_factor": 1024.0}}
    assert_allclose(train_mean(data, batch_size=3, max_epochs=1, optimizer=scaled)[0], 3.0, rtol=1e-6)


@pytest.mark.parametrize("params", [{}, {"validation_data": (X[:33],)}], ids=["alone", "validated"])
def test_many_blocks_train_as_one(monkeypatch, params):
    vae, history = train(**params)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1_000)  # two of three steps
    other, other_history = train(**params)
    assert history == other_history
    for a, b in zip(vae.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_compiled_and_plain_graphs_train_alike(monkeypatch):
    # Of a model that draws nothing: XLA's noise is not that of the plain graph.
    y = (X[:, 0] > 0.5).astype(np.int32)
    histories = []
    for min_steps in (0, 10**9):
        monkeypatch.setattr(loop, "MIN_STEPS_TO_COMPILE", min_steps)
        model = EncoderClassifier(NetworkConfig(n_inputs=6, n_outputs=2, hidden_layer_sizes=(8,)), 2, 0)
        optimizer = keras.optimizers.Adam(1e-2)
        optimizer.build(model.trainable_variables)
        histories.append(Trainer(model, optimizer, 20).train((X, y), max_epochs=5, seed=0)["loss"])
    assert histories[0][-1] < histories[0][0]
    assert_allclose(*histories, rtol=1e-5)


@pytest.mark.parametrize("min_steps", [pytest.param(0, marks=pytest.mark.slow), 10**9])
def test_the_seed_determines_every_bit(monkeypatch, min_steps):
    monkeypatch.setattr(loop, "MIN_STEPS_TO_COMPILE", min_steps)
    first, again, other = (train(seed=seed)[1]["loss"] for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_training_lowers_the_loss_and_records_its_terms():
    _, history = train(max_epochs=20)
    assert set(history) == {"loss", "reconstruction", "kl"}
    assert history["loss"][-1] < history["loss"][0]
    assert_allclose(history["loss"], np.add(history["reconstruction"], history["kl"]), rtol=1e-5)


def test_validation_is_evaluated_after_each_epoch_without_training_on_it():
    vae, history = train(validation_data=(X[:7],))
    alone, alone_history = train()
    assert history["loss"] == alone_history["loss"]
    assert len(history["val_loss"]) == 3
    for a, b in zip(vae.get_weights(), alone.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_early_stopping_restores_the_weights_of_the_best_epoch():
    class Snapshots(keras.callbacks.Callback):
        weights = []

        def on_epoch_end(self, epoch, logs=None):
            self.weights.append(self.model.get_weights())

    snapshots = Snapshots()
    stopping = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    vae, history = train(
        learning_rate=0.5, max_epochs=40, validation_data=(X[:10],), callbacks=[snapshots, stopping]
    )
    best = int(np.argmin(history["val_loss"]))
    assert best < len(history["val_loss"]) - 1
    for a, b in zip(vae.get_weights(), snapshots.weights[best], strict=True):
        assert_array_equal(a, b)


def test_callbacks_see_the_epochs_and_may_stop_the_training():
    seen = []

    class Recorder(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append("begin")

        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, logs["loss"]))
            self.model.stop_training = epoch == 1

        def on_train_end(self, logs=None):
            seen.append("end")

    _, history = train(max_epochs=10, callbacks=[Recorder()])
    assert seen == ["begin", (0, history["loss"][0]), (1, history["loss"][1]), "end"]


def test_a_learning_rate_schedule_reaches_the_compiled_epoch():
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.0 if epoch else 1e-2)
    snapshots = []
    keeper = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: snapshots.append(keeper.model.get_weights())
    )
    train(max_epochs=2, callbacks=[schedule, keeper])
    for a, b in zip(*snapshots, strict=True):
        assert_array_equal(a, b)


def test_callbacks_can_be_pickled_after_training():
    stopping = keras.callbacks.EarlyStopping(monitor="loss")
    train(callbacks=[stopping])
    assert pickle.loads(pickle.dumps(stopping)).monitor == "loss"


def test_divergence_ends_in_an_error_that_says_what_to_do():
    with pytest.raises(TrainingDivergedError, match=r"not finite after epoch 1 .*Lower learning_rate_init"):
        train(np.full((50, 6), 1e30, np.float32), learning_rate=1e6)


def test_the_progress_bar_shows_the_elbo_its_terms_and_the_epochs():
    output = io.StringIO()
    with redirect_stdout(output):
        _, history = train(verbose=1)
    text = output.getvalue()
    elbo = -(history["reconstruction"][-1] + history["kl"][-1])
    assert "3/3" in text
    assert f"elbo: {elbo:.4f}" in text
    assert "reconstruction:" in text
    assert "kl:" in text


def test_no_epochs_leave_the_weights_alone():
    vae, history = train(max_epochs=0)
    fresh = VAE(CONFIG, 0)
    assert history == {}
    for a, b in zip(vae.get_weights(), fresh.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_step_seeds_are_int32_and_differ_between_epochs():
    seeds = [loop._step_seed(7, epoch) for epoch in range(3)]
    assert all(seed.dtype == np.int32 and (seed >= 0).all() for seed in seeds)
    assert len({tuple(seed) for seed in seeds}) == 3
    assert tf.constant(seeds[0]).dtype == tf.int32


def graphs():
    gc.collect()
    return {id(each) for each in gc.get_objects() if issubclass(type(each), tf.Graph)}


def test_training_leaves_no_graph_behind():
    train()  # what TensorFlow makes once
    before = graphs()
    train()
    assert graphs() <= before


# --- trainers that have traced their steps ---


@pytest.fixture
def no_idle_trainers(monkeypatch):
    monkeypatch.setattr(loop, "_idle", {})


def trained(config=CONFIG, *, seed=0, batch_size=20, learning_rate=1e-2, optimizer="adam"):
    trainer = loop.new_trainer(VAE(config, seed), make_optimizer(optimizer, learning_rate), batch_size)
    history = trainer.train((X,), max_epochs=2, seed=0)
    return trainer, history["loss"]


@pytest.mark.parametrize("min_steps", [10**9, pytest.param(0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_second_training_of_a_kind_uses_the_steps_of_the_first_and_gives_the_same(
    monkeypatch, no_idle_trainers, optimizer, min_steps
):
    monkeypatch.setattr(loop, "MIN_STEPS_TO_COMPILE", min_steps)
    train_again = partial(trained, optimizer=optimizer)
    first, losses = train_again()
    weights = [variable.numpy() for variable in first.model.variables]
    loop.release(first)
    other, other_losses = train_again(seed=1, learning_rate=1e-3)
    assert other is first
    assert other_losses != losses
    loop.release(other)
    again, same_losses = train_again()
    assert again is first
    assert same_losses == losses
    for variable, value in zip(again.model.variables, weights, strict=True):
        assert_array_equal(variable.numpy(), value)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 10},
        {"config": dataclasses.replace(CONFIG, beta=2.0)},
        {"config": dataclasses.replace(CONFIG, n_draws=2)},
        {"optimizer": "adamw"},
        {"optimizer": {"class_name": "Adam", "config": {"beta_1": 0.5}}},
    ],
    ids=str,
)
def test_a_training_of_another_kind_has_a_trainer_of_its_own(options, no_idle_trainers):
    first, _ = trained()
    loop.release(first)
    assert trained(**options)[0] is not first


def test_a_trainer_in_use_is_not_given_away(no_idle_trainers):
    first, _ = trained()
    loop.release(first)
    assert trained()[0] is first
    assert trained()[0] is not first


@pytest.mark.parametrize(("min_steps", "n_traces"), [(10**9, 1), (0, 2)])
def test_a_graph_that_is_not_compiled_serves_any_number_of_samples(monkeypatch, min_steps, n_traces):
    monkeypatch.setattr(loop, "MIN_STEPS_TO_COMPILE", min_steps)
    traced = []
    as_block = loop.as_block
    monkeypatch.setattr(loop, "as_block", lambda *args: traced.append(args) or as_block(*args))
    trainer = Trainer(VAE(CONFIG, 0), keras.optimizers.Adam(), 20)
    for n_samples in (50, 25):
        trainer.train((X[:n_samples],), max_epochs=1, seed=0)
    assert len(traced) == n_traces


def test_few_trainers_wait(no_idle_trainers):
    for beta in range(loop.MAX_IDLE_TRAINERS + 2):
        model = VAE(dataclasses.replace(CONFIG, beta=float(beta)), 0)
        loop.release(Trainer(model, keras.optimizers.Adam(), 20))
    assert len(loop._idle) == loop.MAX_IDLE_TRAINERS
