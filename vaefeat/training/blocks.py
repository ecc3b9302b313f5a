"""The examples of an epoch in blocks of whole batches, made ahead of the steps that take them."""

import math
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from vaefeat.data.rows import Rows

# Above the 32 MiB from which glibc maps memory and gives it back: smaller blocks leave holes, which grow.
BLOCK_BYTES = 40 * 2**20

T = TypeVar("T")


class Block(NamedTuple):
    """Consecutive batches.

    Attributes
    ----------
    data : tuple of tensors of shape (n_steps, batch, ...)
    weights : tensor of shape (n_steps, batch)
        1 for each example, 0 for what fills the last batch up.
    first_step : int
        How many steps of the epoch precede.
    generator : dict
        The state of the generator of random numbers at the beginning of the epoch.
    """

    data: tuple[tf.Tensor, ...]
    weights: tf.Tensor
    first_step: int
    generator: Mapping[str, Any]


def n_blocks(rows: Rows, batch_size: int) -> int:
    """Return how many blocks an epoch has."""
    return math.ceil(len(rows) / rows_per_block(rows, batch_size))


def rows_per_block(rows: Rows, batch_size: int) -> int:
    """Return how many rows a block has, a multiple of the batch."""
    return batch_size * max(1, BLOCK_BYTES // (rows.row_bytes * batch_size))


def epoch_blocks(rows: Rows, batch_size: int, rng: np.random.Generator) -> Iterator[Block]:
    """Yield all rows in a random order; the last batch is filled up with the first rows, of weight 0."""
    n_missing = -len(rows) % batch_size
    n_done, generator = 0, rng.bit_generator.state
    for arrays in rows.blocks(rng, rows_per_block(rows, batch_size)):
        if not n_done:
            filling = tuple(array[:n_missing].copy() for array in arrays)
        n_done += len(arrays[0])
        weights = np.ones(len(arrays[0]), np.float32)
        if n_done == len(rows) and n_missing:
            arrays = tuple(map(np.concatenate, zip(arrays, filling, strict=True)))
            weights = np.append(weights, np.zeros(n_missing, np.float32))
        data = tuple(_batches(array, batch_size) for array in arrays)
        del arrays  # before the next ones are made
        first_step = (n_done - int(weights.sum())) // batch_size
        yield Block(data, _batches(weights, batch_size), first_step, generator)


def _batches(array: np.ndarray, batch_size: int) -> tf.Tensor:
    return tf.convert_to_tensor(array.reshape(-1, batch_size, *array.shape[1:]))


def prefetched(items: Iterator[T]) -> Generator[T, None, None]:
    """Yield the items; a thread makes the next one while one is in use."""
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(next, items, None)
        while (item := ahead.result()) is not None:
            ahead = pool.submit(next, items, None)
            yield item
