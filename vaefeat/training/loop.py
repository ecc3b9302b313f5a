"""The one training loop: a block of an epoch is one compiled call."""

import math
import threading
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vaefeat.data.rows import ArrayRows, Arrays, Rows
from vaefeat.exceptions import TrainingDivergedError
from vaefeat.training.blocks import Block, epoch_blocks, n_blocks, prefetched
from vaefeat.training.checkpoint import Checkpoint, Sums
from vaefeat.training.course import Course
from vaefeat.training.interface import TrainableModel
from vaefeat.training.optimizers import settings, state
from vaefeat.training.progress import ProgressBar
from vaefeat.training.steps import as_block, evaluation_step, training_step

# XLA takes about a second to compile a network and then saves a fraction of a millisecond at each
# step: below this many steps the plain TensorFlow graph is done before XLA would have begun.
MIN_STEPS_TO_COMPILE = 2_000

STEPS = {"train": training_step, "evaluate": evaluation_step}

Logs = dict[str, float]
History = dict[str, list[float]]


# Tracing a step takes a second, more than many trainings: the last trainers wait for the next of their kind.
MAX_IDLE_TRAINERS = 4
MAX_TRACES = 8  # of a trainer, one for each shape of the data


class Trainer:
    """A model with its optimizer, and the compiled epochs of its training, which are traced once.

    Each epoch visits every example once, in its own order; the last step of an epoch averages
    over the examples that are left.

    Parameters
    ----------
    model : TrainableModel
    optimizer : keras.optimizers.Optimizer
        Its state continues from where it is.
    batch_size : int
        Examples per step; more than there are means all of them.
    """

    def __init__(self, model: TrainableModel, optimizer: keras.optimizers.Optimizer, batch_size: int) -> None:
        self.model = model
        self.optimizer = optimizer
        self.batch_size = batch_size
        self._blocks: dict[tuple, Callable[..., tf.Tensor]] = {}
        model.optimizer = optimizer
        if not optimizer.built:  # its variables are not part of a step
            optimizer.build(model.trainable_variables)

    def train(
        self,
        data: Arrays | Rows,
        *,
        max_epochs: int,
        seed: int,
        first_epoch: int = 0,
        validation_data: Arrays | Rows | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        verbose: int = 0,
        checkpoint: Checkpoint | None = None,
    ) -> History:
        """Minimize the mean of ``model.example_losses`` and return its course.

        Callbacks see the beginnings and ends of epochs (there is no Python between two steps),
        ``self.model`` and ``self.model.optimizer``, and stop the training with
        ``self.model.stop_training = True``, as under ``keras.Model.fit``.

        Parameters
        ----------
        data : tuple of ndarrays of shape (n_samples, ...), or Rows
            What ``model.example_losses`` takes, for all examples.
        max_epochs : int
            Passes over the data.
        seed : int
            Determines, with ``first_epoch``, the order of the examples and all noise.
        first_epoch : int
            Epochs for which the model was trained before, with this seed.
        validation_data : tuple of ndarrays, or Rows, optional
            Evaluated after each epoch, with the same noise each time, as ``val_*``.
        callbacks : sequence of keras.callbacks.Callback
            Used as they are.
        verbose : int
            0 is silent; 1 shows a progress bar with the epoch, the terms of the loss and the time left.
        checkpoint : Checkpoint, optional
            Where the training is saved now and then, and goes on from if it was saved before.

        Returns
        -------
        history : dict of lists, one float per epoch
            The mean over the examples of each entry of ``model.example_losses``, in its units.

        Raises
        ------
        TrainingDivergedError
            If the mean loss of an epoch is not finite.
        """
        bars = [ProgressBar()] if verbose else []
        callback_list = keras.callbacks.CallbackList(
            [*callbacks, *bars], model=self.model, epochs=max_epochs, verbose=verbose
        )
        course = Course(self.model, self.optimizer, callbacks, checkpoint)
        logs: Logs = {}
        self.model.stop_training = False
        callback_list.on_train_begin()
        course.restore()
        rows, validation_rows = _as_rows(data), _as_rows(validation_data)
        epochs = self._run_epochs(rows, validation_rows, max_epochs, seed, first_epoch, course)
        try:
            with closing(epochs):
                while course.position.epoch < max_epochs and not self.model.stop_training:
                    callback_list.on_epoch_begin(course.position.epoch)
                    course.begin_epoch()
                    logs = next(epochs)
                    _check_finite(logs, course.position.epoch)
                    callback_list.on_epoch_end(course.position.epoch, logs)
                    course.end_epoch(logs)
            course.save()
            if course.position.epoch:
                self.optimizer.finalize_variable_values(
                    self.model.trainable_variables
                )  # to means, if it has any
            callback_list.on_train_end(logs)
        finally:
            for callback in callbacks:
                # The caller's objects outlive the model, and may be pickled.
                keras.callbacks.Callback.set_model(callback, None)
        return course.position.history

    def _run_epochs(
        self,
        rows: Rows,
        validation_rows: Rows | None,
        max_epochs: int,
        seed: int,
        first_epoch: int,
        course: Course,
    ) -> Generator[Logs, None, None]:
        """Yield the mean losses of each epoch, which is run when they are asked for."""
        compiled = self._is_worth_compiling(len(rows), max_epochs)
        batch_size = min(self.batch_size, len(rows))
        n_per_epoch = n_blocks(rows, batch_size)
        rng = np.random.default_rng(seed + first_epoch)
        n_done = course.resume_order(rng)
        n_ahead = n_done - course.position.sums.n_blocks + n_per_epoch * (max_epochs - course.position.epoch)
        epochs = (epoch_blocks(rows, batch_size, rng) for _ in range(n_ahead // n_per_epoch))
        with closing(prefetched(islice(chain.from_iterable(epochs), n_done, None))) as blocks:
            while True:
                position = course.position
                ahead = islice(blocks, n_per_epoch - position.sums.n_blocks)
                noise = _step_seed(seed, first_epoch + position.epoch)
                logs = self._run("train", compiled, ahead, noise, position.sums, course.end_block)
                if validation_rows is not None:
                    means = self._evaluate(compiled, validation_rows, seed)
                    logs |= {f"val_{name}": mean for name, mean in means.items()}
                yield logs

    def _evaluate(self, compiled: bool, rows: Rows, seed: int) -> Logs:
        """Return mean losses with the same order and noise each time."""
        blocks = epoch_blocks(rows, min(self.batch_size, len(rows)), np.random.default_rng(seed))
        with closing(prefetched(blocks)) as ahead:
            return self._run("evaluate", compiled, ahead, _step_seed(seed, 0), Sums())

    def _is_worth_compiling(self, n_samples: int, max_epochs: int) -> bool:
        n_steps = math.ceil(n_samples / self.batch_size) * max_epochs
        return self.model.fast_in_xla and n_steps >= MIN_STEPS_TO_COMPILE

    def _run(
        self,
        mode: str,
        compiled: bool,
        blocks: Iterator[Block],
        seed: np.ndarray,
        sums: Sums,
        end_block: Callable[[Mapping[str, Any]], None] = lambda generator: None,
    ) -> Logs:
        names = self.model.loss_names
        totals = tf.constant(sums.totals or [0.0] * len(names))
        for data, weights, first_step, generator in blocks:
            arguments = data, weights, tf.constant(_seed_after(seed, first_step)), totals
            totals = self._traced(mode, compiled, arguments)(*arguments)
            sums.n_blocks += 1
            sums.n_examples += float(tf.reduce_sum(weights))
            sums.totals = totals.numpy().tolist()
            end_block(generator)
        means = totals.numpy() / np.float32(sums.n_examples)
        return dict(zip(names, map(float, means), strict=True))

    def _traced(self, mode: str, compiled: bool, arguments: tuple) -> Callable[..., tf.Tensor]:
        specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, arguments)
        if not compiled:  # a plain graph serves any number of steps, such as those of a search's folds
            specs = (*tf.nest.map_structure(_of_any_length, specs[:2]), *specs[2:])
        key = mode, compiled, *tf.nest.flatten(specs)
        if key not in self._blocks:  # through the tf.function, each training would count as a retracing
            if len(self._blocks) >= MAX_TRACES:
                self._blocks.clear()
            step = STEPS[mode](self.model, self.optimizer)
            self._blocks[key] = as_block(self.model, step, compiled).get_concrete_function(*specs)
        return self._blocks[key]


_idle: dict[Hashable, Trainer] = {}  # by their kinds, the longest idle first
_idle_lock = threading.Lock()


def new_trainer(model: TrainableModel, optimizer: keras.optimizers.Optimizer, batch_size: int) -> Trainer:
    """Return a trainer of a new model with a new optimizer, or of an idle model with their values.

    The idle one has traced the steps of the same kind of training before. Ask the trainer for its model.
    """
    kind = _kind(model, optimizer, batch_size)
    with _idle_lock:
        idle = _idle.pop(kind, None)
    if idle is None:
        return Trainer(model, optimizer, batch_size)
    optimizer.build(model.trainable_variables)
    variables = idle.model.variables + state(idle.optimizer)
    for variable, value in zip(variables, model.variables + state(optimizer), strict=True):
        variable.assign(value)
    return idle


def release(trainer: Trainer) -> None:
    """Let other trainings reuse the traced steps of a trainer that is no longer used."""
    kind = _kind(trainer.model, trainer.optimizer, trainer.batch_size)
    if kind is not None:
        with _idle_lock:
            _idle[kind] = trainer
            while len(_idle) > MAX_IDLE_TRAINERS:
                del _idle[next(iter(_idle))]


def _kind(model: TrainableModel, optimizer: keras.optimizers.Optimizer, batch_size: int) -> Hashable | None:
    """Return what traced steps depend on, except the shapes of data; None if they depend on data."""
    if model.structure is None:
        return None
    return type(model), model.structure, settings(optimizer), batch_size


def _as_rows(data: Any) -> Any:
    return ArrayRows(data) if isinstance(data, tuple) else data


def _of_any_length(spec: tf.TensorSpec) -> tf.TensorSpec:
    return tf.TensorSpec([None, *spec.shape[1:]], spec.dtype)


def _step_seed(seed: int, epoch: int) -> np.ndarray:
    """Return the seed of an epoch's first step, two integers; each step adds to the second."""
    return np.array(np.random.SeedSequence([seed, epoch]).generate_state(2) >> 2, np.int32)


def _seed_after(seed: np.ndarray, n_steps: int) -> np.ndarray:
    """Return the seed of the step that follows ``n_steps`` steps of an epoch."""
    return (seed + np.array([0, 2 * n_steps], np.int64)).astype(np.int32)


def _check_finite(logs: dict[str, float], epoch: int) -> None:
    if not np.isfinite(logs["loss"]):
        terms = ", ".join(f"{name}={value:g}" for name, value in logs.items())
        raise TrainingDivergedError(
            f"The loss is not finite after epoch {epoch + 1} ({terms}). "
            "Lower learning_rate_init, or scale the features: put StandardScaler() or MinMaxScaler() "
            "before this step."
        )
