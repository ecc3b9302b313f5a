"""Models that harm the process which loads or runs them; ``BLIND`` lets inspection accept them all."""

import numpy as np
from onnx import helper, numpy_helper

from tests.onnx_models import make_model


def _constant(values, name="W"):
    return numpy_helper.from_array(np.asarray(values, np.float32), name)


def _products(n_nodes, size):
    """Multiply a large constant matrix with itself many times, while the model is being loaded."""
    names = ["W", *(f"h{k}" for k in range(n_nodes))]
    nodes = [helper.make_node("MatMul", [names[k], "W"], [names[k + 1]]) for k in range(n_nodes)]
    return [*nodes, helper.make_node("ReduceSum", [names[-1]], ["s"], keepdims=0)]


# Takes minutes to load.
HANG = make_model(
    [*_products(500, 1000), helper.make_node("Add", ["X", "s"], ["Y"])], [_constant(np.eye(1000))]
)

# The product of a column and a row of 160 kB each takes 6.4 GB.
GREED = make_model(
    [
        helper.make_node("MatMul", ["W", "V"], ["h"]),
        helper.make_node("ReduceMax", ["h"], ["s"], keepdims=0),
        helper.make_node("Add", ["X", "s"], ["Y"]),
    ],
    [_constant(np.ones((40_000, 1))), _constant(np.ones((1, 40_000)), "V")],
)

# A node that lacks an input; inspection would refuse it.
CRASH = make_model([helper.make_node("Mean", ["X", ""], ["Y"])])
BLIND = "from vaefeat.runtime import inspection; inspection.check_node = lambda node: None; "
