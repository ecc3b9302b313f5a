"""How long a training will take."""

import math
import time
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from vaefeat.estimators._progress import Steps

N_STEPS, N_EPOCHS = 5, 3


def seconds_to_train(extractor: Pipeline, X: np.ndarray) -> float:
    """Return about how many seconds it takes to fit an extractor that ends in an encoder.

    A few steps are trained, and all but those of the first epoch timed.

    Parameters
    ----------
    extractor : Pipeline
        Unfitted; its last step has ``max_iter`` epochs and a ``batch_size``. It stays unfitted.
    X : ndarray of shape (n_samples, n_features)

    Returns
    -------
    float
    """
    encoder, ends = extractor[-1], []
    few = X[: N_STEPS * encoder.batch_size]
    trial = clone(extractor)
    trial[-1].set_params(max_iter=N_EPOCHS)
    steps = Steps(lambda *epoch: ends.append(time.perf_counter()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what so short a training leaves undone
        steps.fit(trial, few)
    seconds_per_step = (ends[-1] - ends[0]) / ((N_EPOCHS - 1) * math.ceil(len(few) / encoder.batch_size))
    return seconds_per_step * encoder.max_iter * math.ceil(len(X) / encoder.batch_size)
