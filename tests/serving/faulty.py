"""The command line, with little patience and models that do as the first value of their rows says.

Run it as ``python -m tests.serving.faulty serve DIR ...``.
"""

import time
from functools import partial

from vaefeat.cli import app
from vaefeat.runtime import OnnxModel
from vaefeat.serving import batching
from vaefeat.serving.http import connections, inference

SLOW, POISON, DEATH = 101.0, 102.0, 103.0
SECONDS = 0.3  # of each slow row

_run = OnnxModel.run


def _do_as_told(self, X, names=None):
    told = X[:, 0].tolist()
    time.sleep(SECONDS * told.count(SLOW))
    if POISON in told:
        raise RuntimeError("poison")
    if DEATH in told:
        raise SystemExit
    return _run(self, X, names)


if __name__ == "__main__":
    OnnxModel.run = _do_as_told
    batching.SMALL_SECONDS = 0.0  # what is slow must not stop the event loop
    connections.HEAD_SECONDS = SECONDS
    connections.BODY_SECONDS = 3 * SECONDS
    connections.WRITE_SECONDS = 3 * SECONDS
    connections.KEEP_ALIVE_SECONDS = 10 * SECONDS
    inference.Bodies = partial(inference.Bodies, seconds=2 * SECONDS)
    app()
