"""Small ONNX models, harmless and hostile, for the tests of what reads them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
RELU = helper.make_node("Relu", ["X"], ["Y"])


def make_model(
    nodes=(RELU,),
    initializers=(),
    *,
    inputs=(("X", ("N", 4)),),
    outputs=(("Y", ("N", 4)),),
    sparse_initializers=(),
    functions=(),
    opsets=(("", 18),),
    ir_version=8,
    metadata=None,
):
    """Return the bytes of a model; by default one that rectifies four features."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        *(
            [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in side]
            for side in (inputs, outputs)
        ),
        initializer=list(initializers),
        sparse_initializer=list(sparse_initializers),
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets],
        ir_version=ir_version,
        functions=list(functions),
    )
    helper.set_model_props(model, metadata or {})
    return model.SerializeToString(deterministic=True)


def linear_model(weights, bias, **options):
    """Return the bytes of a model with ``Y = X @ weights + bias`` and ``S``, the sum of each row of Y."""
    n_features, n_outputs = weights.shape
    nodes = [
        helper.make_node("Gemm", ["X", "W", "b"], ["Y"]),
        helper.make_node("ReduceSum", ["Y", "axes"], ["S"], keepdims=0),
    ]
    constants = {"W": weights.astype(np.float32), "b": bias.astype(np.float32), "axes": np.array([1])}
    return make_model(
        nodes,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
        inputs=[("X", ("N", n_features))],
        outputs=[("Y", ("N", n_outputs)), ("S", ("N",))],
        **options,
    )


def external_tensor(location, name="W"):
    """Return a tensor (4, 4) whose values are in another file."""
    tensor = TensorProto(name=name, data_type=FLOAT, dims=[4, 4], data_location=TensorProto.EXTERNAL)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return tensor


def constant_node(**attribute):
    return helper.make_node("Constant", [], ["W"], **attribute)
