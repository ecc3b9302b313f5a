"""The one training loop: a whole epoch is one compiled call over data held in memory."""

import math
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vaefeat.exceptions import TrainingDivergedError
from vaefeat.training.interface import Batch, Losses, TrainableModel
from vaefeat.training.progress import ProgressBar

# XLA takes about a second to compile a network and then saves a fraction of a millisecond at each
# step: below this many steps the plain TensorFlow graph is done before XLA would have begun.
MIN_STEPS_TO_COMPILE = 2_000

Arrays = tuple[np.ndarray, ...]
Tensors = tuple[tf.Tensor, ...]
Logs = dict[str, float]
History = dict[str, list[float]]
Step = Callable[[Batch, tf.Tensor, tf.Tensor], Losses]
Epoch = Callable[[Tensors, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


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
        self._epochs: dict[tuple, Epoch] = {}
        model.optimizer = optimizer
        if not optimizer.built:  # its variables are not part of a step
            optimizer.build(model.trainable_variables)

    def train(
        self,
        data: Arrays,
        *,
        max_epochs: int,
        seed: int,
        first_epoch: int = 0,
        validation_data: Arrays | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        verbose: int = 0,
    ) -> History:
        """Minimize the mean of ``model.example_losses`` and return its course.

        Callbacks see the beginnings and ends of epochs (there is no Python between two steps),
        ``self.model`` and ``self.model.optimizer``, and stop the training with
        ``self.model.stop_training = True``, as under ``keras.Model.fit``.

        Parameters
        ----------
        data : tuple of ndarrays of shape (n_samples, ...)
            What ``model.example_losses`` takes, for all examples.
        max_epochs : int
            Passes over the data.
        seed : int
            Determines, with ``first_epoch``, the order of the examples and all noise.
        first_epoch : int
            Epochs for which the model was trained before, with this seed.
        validation_data : tuple of ndarrays, optional
            Evaluated after each epoch, with the same noise each time, as ``val_*``.
        callbacks : sequence of keras.callbacks.Callback
            Used as they are.
        verbose : int
            0 is silent; 1 shows a progress bar with the epoch, the terms of the loss and the time left.

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
        history: History = {}
        logs: Logs = {}
        self.model.stop_training = False
        callback_list.on_train_begin()
        try:
            epochs = self._run_epochs(data, validation_data, max_epochs, seed, first_epoch)
            for epoch in range(max_epochs):
                callback_list.on_epoch_begin(epoch)
                logs = next(epochs)
                _check_finite(logs, epoch)
                for name, mean in logs.items():
                    history.setdefault(name, []).append(mean)
                callback_list.on_epoch_end(epoch, logs)
                if self.model.stop_training:
                    break
            callback_list.on_train_end(logs)
        finally:
            for callback in callbacks:
                # The caller's objects outlive the model, and may be pickled.
                keras.callbacks.Callback.set_model(callback, None)
        return history

    def _run_epochs(
        self, data: Arrays, validation_data: Arrays | None, max_epochs: int, seed: int, first_epoch: int
    ) -> Iterator[Logs]:
        """Yield the mean losses of each epoch, which is run when they are asked for."""
        n_samples = len(data[0])
        compiled = self._is_worth_compiling(n_samples, max_epochs)
        orders = _example_orders(n_samples, self.batch_size, seed + first_epoch)
        tensors = tuple(map(tf.convert_to_tensor, data))
        if validation_data is not None:
            validation_order = next(_example_orders(len(validation_data[0]), self.batch_size, seed))
            validation_tensors = tuple(map(tf.convert_to_tensor, validation_data))
        for epoch in range(first_epoch, first_epoch + max_epochs):
            logs = self._run("train", compiled, tensors, *next(orders), _step_seed(seed, epoch))
            if validation_data is not None:
                noise = _step_seed(seed, 0)
                means = self._run("evaluate", compiled, validation_tensors, *validation_order, noise)
                logs |= {f"val_{name}": mean for name, mean in means.items()}
            yield logs

    def _is_worth_compiling(self, n_samples: int, max_epochs: int) -> bool:
        n_steps = math.ceil(n_samples / self.batch_size) * max_epochs
        return self.model.fast_in_xla and n_steps >= MIN_STEPS_TO_COMPILE

    def _run(
        self,
        mode: str,
        compiled: bool,
        data: Tensors,
        indices: np.ndarray,
        weights: np.ndarray,
        seed: np.ndarray,
    ) -> Logs:
        arguments = data, tf.constant(indices), tf.constant(weights), tf.constant(seed)
        specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, arguments)
        if not compiled:  # a plain graph serves any number of samples, such as those of a search's folds
            specs = (*tf.nest.map_structure(_of_any_length, specs[:-1]), specs[-1])
        key = mode, compiled, *tf.nest.flatten(specs)
        if key not in self._epochs:  # through the tf.function, each training would count as a retracing
            if len(self._epochs) >= MAX_TRACES:
                self._epochs.clear()
            step = _STEPS[mode](self.model, self.optimizer)
            self._epochs[key] = _as_epoch(self.model, step, compiled).get_concrete_function(*specs)
        totals = self._epochs[key](*arguments)
        return dict(zip(self.model.loss_names, map(float, totals.numpy()), strict=True))


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
    variables = idle.model.variables + idle.optimizer.variables
    for variable, value in zip(variables, model.variables + optimizer.variables, strict=True):
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
    settings = optimizer.get_config()
    del settings["name"], settings["learning_rate"]  # the latter is a variable
    return type(model), model.structure, type(optimizer), repr(settings), batch_size


def _training_step(model: TrainableModel, optimizer: keras.optimizers.Optimizer) -> Step:
    """Return ``example_losses`` with a side effect: one step of the optimizer."""

    def step(batch: Batch, seed: tf.Tensor, weight: tf.Tensor) -> Losses:
        with tf.GradientTape() as tape:
            losses = model.example_losses(batch, seed)
            objective = losses.get("objective", losses["loss"])
            mean_loss = tf.reduce_sum(objective * weight) / tf.reduce_sum(weight)
        variables = model.trainable_variables
        gradients = tape.gradient(mean_loss, variables)
        # What the loss reads but no gradient passes through must be read before it changes: TensorFlow's
        # graph optimizer drops the order that the code has.
        with tf.control_dependencies([mean_loss]):
            # In cross-replica context Keras does not sum the gradients of replicas. There is but one, and the
            # sum has its own gradient, which TensorFlow would register, with the whole graph, for good.
            tf.distribute.get_replica_context().merge_call(lambda _: optimizer.apply(gradients, variables))
        return losses

    return step


def _evaluation_step(model: TrainableModel, optimizer: keras.optimizers.Optimizer) -> Step:
    """Return ``example_losses``, alone."""
    return lambda batch, seed, weight: model.example_losses(batch, seed)


_STEPS = {"train": _training_step, "evaluate": _evaluation_step}


def _as_epoch(model: TrainableModel, step: Step, compiled: bool) -> Any:
    """Return a function that runs ``step`` over all batches of an epoch in one TensorFlow call."""
    names = model.loss_names

    @tf.function(jit_compile=compiled, autograph=False)
    def epoch(data: Tensors, indices: tf.Tensor, weights: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            batch = tuple(tf.gather(array, indices[i]) for array in data)
            # A model may add to the seed for its own streams: k added to both numbers is no other step's.
            step_seed = seed + tf.stack([0, 2 * i])
            losses = step(batch, step_seed, weights[i])
            step_totals = [tf.reduce_sum(losses[name] * weights[i]) for name in names]
            return i + 1, totals + tf.stack(step_totals)

        n_steps = tf.shape(indices)[0]
        _, totals = tf.while_loop(
            lambda i, _: i < n_steps, body, (0, tf.zeros(len(names))), parallel_iterations=1
        )
        return totals / tf.reduce_sum(weights)

    return epoch


def _of_any_length(spec: tf.TensorSpec) -> tf.TensorSpec:
    return tf.TensorSpec([None, *spec.shape[1:]], spec.dtype)


def _example_orders(n_samples: int, batch_size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each epoch the examples of each step, and their weights, (n_steps, batch_size).

    The last step is filled up with examples of weight 0, so that all steps have the same shape.
    """
    rng = np.random.default_rng(seed)
    batch_size = min(batch_size, n_samples)
    n_steps = math.ceil(n_samples / batch_size)
    n_missing = n_steps * batch_size - n_samples
    weights = np.ones((n_steps, batch_size), np.float32)
    weights[-1, batch_size - n_missing :] = 0.0
    while True:
        order = rng.permutation(n_samples).astype(np.int32)
        yield np.concatenate([order, order[:n_missing]]).reshape(n_steps, batch_size), weights


def _step_seed(seed: int, epoch: int) -> np.ndarray:
    """Return the seed of an epoch's first step, two integers; each step adds to the second."""
    return np.array(np.random.SeedSequence([seed, epoch]).generate_state(2) >> 2, np.int32)


def _check_finite(logs: dict[str, float], epoch: int) -> None:
    if not np.isfinite(logs["loss"]):
        terms = ", ".join(f"{name}={value:g}" for name, value in logs.items())
        raise TrainingDivergedError(
            f"The loss is not finite after epoch {epoch + 1} ({terms}). "
            "Lower learning_rate_init, or scale the features: put StandardScaler() or MinMaxScaler() "
            "before this step."
        )
