"""``keras.Model.fit`` compiled by XLA, which ``jit_compile="auto"`` leaves out where there is only a CPU."""

from functools import partial

from pipelines.benchmarks.contenders import keras_fit

train = partial(keras_fit.train, jit_compile=True)
