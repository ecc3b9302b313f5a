import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.training.test_loop import CONFIG, X
from vaefeat.training import blocks, checkpoint
from vaefeat.training.checkpoint import Checkpoint, Position, Sums
from vaefeat.training.loop import Trainer
from vaefeat.training.vae import VAE


class Killed(Exception):
    pass


class KilledCheckpoint(Checkpoint):
    """A checkpoint that is saved after each block, until the process dies."""

    def __init__(self, folder, n_saves):
        super().__init__(folder)
        self.n_saves = n_saves

    def save(self, position, weights):
        if not self.n_saves:
            raise Killed
        super().save(position, weights)
        self.n_saves -= 1


def train(checkpoint=None, **params):
    trainer = Trainer(VAE(CONFIG, 0), keras.optimizers.Adam(0.05), 10)
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.9 * rate)
    stopping = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    history = trainer.train(
        (X,),
        max_epochs=8,
        seed=0,
        validation_data=(X[:10],),
        callbacks=[schedule, stopping],
        checkpoint=checkpoint,
    )
    return history, [variable.numpy() for variable in trainer.model.variables + trainer.optimizer.variables]


@pytest.fixture(scope="module")
def uninterrupted():
    return train()


@pytest.mark.parametrize("n_saves", [1, 3, 4, 6, 12])
def test_a_killed_training_goes_on_to_the_same_weights(n_saves, uninterrupted, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 480)  # five steps in three blocks
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    with pytest.raises(Killed):
        train(KilledCheckpoint(tmp_path, n_saves))
    history, variables = train(Checkpoint(tmp_path))
    assert history == uninterrupted[0]
    for found, expected in zip(variables, uninterrupted[1], strict=True):
        assert_array_equal(found, expected)


def test_a_training_that_has_ended_is_not_trained_again(uninterrupted, tmp_path):
    train(Checkpoint(tmp_path))
    content = (tmp_path / "state.npz").read_bytes()
    history, variables = train(Checkpoint(tmp_path))
    assert history == uninterrupted[0]
    assert_array_equal(variables[0], uninterrupted[1][0])
    assert len((tmp_path / "state.npz").read_bytes()) == len(content)


def test_a_position_is_read_as_it_was_saved(tmp_path):
    position = Position(
        epoch=3,
        sums=Sums(2, 40.0, [1.5, 0.25]),
        skip=2,
        generator=np.random.default_rng(0).bit_generator.state,
        history={"loss": [0.1]},
        stopping={"wait": 1, "best": None},
    )
    weights = {"variable": [np.full(2, i, np.float32) for i in range(12)], "best": [np.zeros(1)]}
    Checkpoint(tmp_path).save(position, weights)
    found, found_weights = Checkpoint(tmp_path).load()
    assert found == position
    assert found_weights.keys() == weights.keys()
    assert [value[0] for value in found_weights["variable"]] == list(range(12))
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


def test_an_empty_folder_has_no_position(tmp_path):
    assert Checkpoint(tmp_path / "new").load() is None


def test_another_training_is_refused(tmp_path):
    Checkpoint(tmp_path).check({"max_iter": "5"})
    Checkpoint(tmp_path).check({"max_iter": "5"})
    with pytest.raises(ValueError, match="holds a training with max_iter=5, got max_iter=6: remove"):
        Checkpoint(tmp_path).check({"max_iter": "6"})
