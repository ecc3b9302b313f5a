"""How predictors of scikit-learn are fitted to few labels."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def few_labels() -> Iterator[None]:
    """Fit on one thread, and without scikit-learn's doubt that a class can have a single label.

    On one thread, sums have one order on every machine, and no core waits for the others over small products.
    """
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
        yield
