"""Nothing but the matrix products of the training, by NumPy."""

import math

import numpy as np

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS
from pipelines.benchmarks.training import Clock

ENCODER = [(N_PIXELS, 500), (500, 500), (500, N_COMPONENTS), (500, N_COMPONENTS)]
DECODER = [(N_COMPONENTS, 500), (500, 500), (500, N_PIXELS)]


def train(X: np.ndarray, batch_size: int, max_epochs: int, clock: Clock) -> None:
    """Multiply float32 matrices of the shapes that each step multiplies; nothing is learned."""
    products = [
        product for k, shape in enumerate(ENCODER + DECODER) for product in _layer(k, batch_size, *shape)
    ]
    for _ in range(max_epochs):
        clock.begin()
        for _ in range(math.ceil(len(X) / batch_size)):
            for left, right, out in products:
                np.matmul(left, right, out=out)
        clock.end()


def _layer(depth: int, batch_size: int, n_inputs: int, n_outputs: int) -> list[tuple[np.ndarray, ...]]:
    """Return the factors and the place of a dense layer's products: forward, and both gradients."""
    x, W, y = (
        np.ones(shape, np.float32)
        for shape in [(batch_size, n_inputs), (n_inputs, n_outputs), (batch_size, n_outputs)]
    )
    products = [(x, W, y.copy()), (x.T, y, W.copy()), (y, W.T, x.copy())]
    return products if depth > 0 else products[:2]  # nobody asks for the gradient by the images
