"""The steps of a training as TensorFlow graphs: a block of steps is one compiled call."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from vaefeat.training.interface import Batch, Losses, TrainableModel

Tensors = tuple[tf.Tensor, ...]
Step = Callable[[Batch, tf.Tensor, tf.Tensor], Losses]


def training_step(model: TrainableModel, optimizer: keras.optimizers.Optimizer) -> Step:
    """Return ``example_losses`` with a side effect: one step of the optimizer."""

    def step(batch: Batch, seed: tf.Tensor, weight: tf.Tensor) -> Losses:
        with tf.GradientTape() as tape:
            losses = model.example_losses(batch, seed)
            objective = losses.get("objective", losses["loss"])
            mean_loss = optimizer.scale_loss(tf.reduce_sum(objective * weight) / tf.reduce_sum(weight))
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


def evaluation_step(model: TrainableModel, optimizer: keras.optimizers.Optimizer) -> Step:
    """Return ``example_losses``, alone."""
    return lambda batch, seed, weight: model.example_losses(batch, seed)


def as_block(model: TrainableModel, step: Step, compiled: bool) -> Any:
    """Return a function that runs ``step`` over all batches of a block in one TensorFlow call.

    It takes arrays of shape (n_steps, batch, ...), the weight of each example, (n_steps, batch), the seed of
    the first step and the sums of the losses so far, and returns the sums with those of the block.
    """
    names = model.loss_names

    @tf.function(jit_compile=compiled, autograph=False)
    def block(data: Tensors, weights: tf.Tensor, seed: tf.Tensor, totals: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # A model may add to the seed for its own streams: k added to both numbers is no other step's.
            step_seed = seed + tf.stack([0, 2 * i])
            losses = step(tuple(array[i] for array in data), step_seed, weights[i])
            step_totals = [tf.reduce_sum(losses[name] * weights[i]) for name in names]
            return i + 1, totals + tf.stack(step_totals)

        n_steps = tf.shape(weights)[0]
        _, totals = tf.while_loop(lambda i, _: i < n_steps, body, (0, totals), parallel_iterations=1)
        return totals

    return block
