"""What training needs from its process: TensorFlow under Keras, Keras as it is shipped, no fork."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import keras

_trained_in: int | None = None  # the process in which TensorFlow has started its threads


@contextmanager
def keras_as_shipped() -> Iterator[None]:
    """Set Keras to float32 and to channels last, whatever the caller set, and set it back.

    Raises
    ------
    RuntimeError
        If Keras runs on another backend, or if the process was forked from one that has trained: the threads
        of TensorFlow do not survive a fork, and a training would wait for them forever.
    """
    global _trained_in
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"Keras runs on {keras.backend.backend()}, expected tensorflow: set KERAS_BACKEND=tensorflow "
            "before Keras is imported."
        )
    if _trained_in not in (None, os.getpid()):
        raise RuntimeError(
            "This process was forked from one in which TensorFlow has run, and cannot train: start it by "
            'the method "spawn" of multiprocessing, or by joblib\'s backend "loky".'
        )
    _trained_in = os.getpid()
    settings = keras.config
    before = settings.floatx(), settings.dtype_policy(), settings.image_data_format()
    try:
        settings.set_floatx("float32")
        settings.set_dtype_policy("float32")
        settings.set_image_data_format("channels_last")
        yield
    finally:
        settings.set_floatx(before[0])
        settings.set_dtype_policy(before[1])
        settings.set_image_data_format(before[2])
