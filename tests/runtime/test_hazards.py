import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.onnx_models import make_model
from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime.hazards import MAX_FEATURES, MAX_GROWTH
from vaefeat.runtime.inspection import inspect_model

node = helper.make_node


def constant(values, name="d", dtype=np.int64):
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def integer_division(*before, divisor="d"):
    """Return nodes that divide X by something, as integers."""
    return [
        *before,
        node("Cast", ["X"], ["i"], to=TensorProto.INT64),
        node("Div", ["i", divisor], ["q"]),
        node("Cast", ["q"], ["Y"], to=TensorProto.FLOAT),
    ]


@pytest.mark.parametrize(
    ("op_type", "inputs", "options"),
    [
        ("Mean", ["X", ""], {}),
        ("Sum", ["", "X"], {}),
        ("Max", ["X", "X", ""], {}),
        ("Concat", ["X", ""], {"axis": 1}),
        ("Gemm", ["X", ""], {}),
        ("Relu", [""], {}),
        ("LayerNormalization", ["X", "W", ""], {}),
        ("Clip", ["", "X"], {}),
    ],
)
def test_a_node_that_lacks_an_input_is_refused(op_type, inputs, options):
    with pytest.raises(InvalidModelError, match=f"A node '{op_type}' of the model lacks an input"):
        inspect_model(make_model([node(op_type, inputs, ["Y"], **options)]))


def test_optional_inputs_may_be_left_out():
    assert inspect_model(make_model([node("Clip", ["X", "", "high"], ["Y"])])).n_nodes == 1


@pytest.mark.parametrize(
    ("op_type", "name", "value"),
    [("Conv", "group", 0), ("ConvTranspose", "group", -1), ("GatherND", "batch_dims", -(2**31))],
)
def test_attributes_out_of_range_are_refused(op_type, name, value):
    with pytest.raises(InvalidModelError, match=f"has {name} {value}, expected [01] or more"):
        inspect_model(make_model([node(op_type, ["X", "W"], ["Y"], **{name: value})]))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
@pytest.mark.parametrize("divisor", [[0], [-1], [3, 0], [[2], [-1]]])
def test_integers_divided_by_zero_or_minus_one_are_refused(divisor, dtype):
    with pytest.raises(InvalidModelError, match="divides integers by 0 or -1"):
        inspect_model(make_model(integer_division(), [constant(divisor, dtype=dtype)]))


@pytest.mark.parametrize("values", [[2, -1], [0]])
def test_divisors_in_typed_fields_and_in_constants_are_seen_too(values):
    tensor = helper.make_tensor("d", TensorProto.INT64, [len(values)], values)
    with pytest.raises(InvalidModelError, match="divides integers by 0 or -1"):
        inspect_model(make_model(integer_division(), [tensor]))
    with pytest.raises(InvalidModelError, match="divides integers by 0 or -1"):
        inspect_model(make_model(integer_division(node("Constant", [], ["d"], value=tensor))))


@pytest.mark.parametrize(
    "nodes",
    [
        integer_division(divisor="i"),
        integer_division(node("Shape", ["X"], ["d"])),
        integer_division(node("ArgMax", ["X"], ["d"], axis=1)),
        integer_division(node("TopK", ["X", "k"], ["t", "d"])),
        integer_division(node("Shape", ["X"], ["s"]), node("Identity", ["s"], ["d"])),
        integer_division(node("Constant", [], ["d"], value_int=3)),
    ],
)
def test_integers_divided_by_what_depends_on_the_rows_are_refused(nodes):
    with pytest.raises(InvalidModelError, match="divides integers by what is not a constant"):
        inspect_model(make_model(nodes, [constant([2], "k")]))


def test_floats_may_be_divided_by_anything_and_integers_by_other_constants():
    assert inspect_model(make_model([node("Div", ["X", "X"], ["Y"])])).n_nodes == 1
    assert inspect_model(make_model(integer_division(), [constant([2, 7])])).n_nodes == 3
    shape = [node("Shape", ["X"], ["s"]), node("Div", ["s", "d"], ["h"]), node("Relu", ["X"], ["Y"])]
    assert inspect_model(make_model(shape, [constant([4])])).n_nodes == 3


def scan(body, **options):
    """Return a node that runs a body on each row."""
    return node("Scan", ["X"], ["Y"], num_scan_inputs=1, body=body, **options)


def body_of(*nodes):
    sides = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [4])] for name in ("x", "y")]
    return helper.make_graph(list(nodes), "body", *sides)


def test_integers_are_followed_into_the_body_of_a_scan():
    hidden = body_of(
        node("Cast", ["x"], ["i"], to=TensorProto.INT32),
        node("Div", ["i", "i"], ["q"]),
        node("Cast", ["q"], ["y"], to=TensorProto.FLOAT),
    )
    with pytest.raises(InvalidModelError, match="divides integers by what is not a constant"):
        inspect_model(make_model([scan(hidden)]))
    assert inspect_model(make_model([scan(body_of(node("Div", ["x", "x"], ["y"])))])).n_nodes == 2


def test_the_type_that_a_body_declares_does_not_hide_the_type_that_it_gets():
    body = body_of(node("Div", ["x", "x"], ["y"]))  # declared as floats
    nodes = [node("Cast", ["X"], ["i"], to=TensorProto.INT64), scan(body)]
    nodes[1].input[0] = "i"
    with pytest.raises(InvalidModelError, match="divides integers by what is not a constant"):
        inspect_model(make_model(nodes))


def test_a_scan_within_a_scan_is_refused():
    inner = scan(body_of(node("Relu", ["x"], ["y"])))
    inner.input[0], inner.output[0] = "x", "y"
    with pytest.raises(InvalidModelError, match="a Scan within a Scan"):
        inspect_model(make_model([scan(body_of(inner))]))


def test_chains_of_concatenations_are_limited():
    def chain(n_nodes):
        names = ["X", *(f"h{k}" for k in range(n_nodes))]
        doubles = [node("Concat", [names[k], names[k]], [names[k + 1]], axis=1) for k in range(n_nodes)]
        return make_model([*doubles, node("Gemm", [names[-1], "W"], ["Y"])])

    n_doubles = MAX_GROWTH.bit_length() - 1
    assert inspect_model(chain(n_doubles)).n_nodes == n_doubles + 1
    with pytest.raises(InvalidModelError, match="concatenates its input with itself more than 4096 times"):
        inspect_model(chain(n_doubles + 1))


def test_dense_connections_are_no_such_chain():
    nodes, name = [], "X"
    for k in range(100):
        nodes += [
            node("Gemm", [name, "W"], [f"g{k}"]),
            node("Concat", [name, f"g{k}"], [f"h{k}"], axis=1),
        ]
        name = f"h{k}"
    assert inspect_model(make_model([*nodes, node("Relu", [name], ["Y"])])).n_nodes == 201


@pytest.mark.parametrize("n_features", [MAX_FEATURES + 1, 10**12, 2**62])
def test_too_many_features_are_refused(n_features):
    with pytest.raises(InvalidModelError, match=f"takes {n_features} features, more than the"):
        inspect_model(make_model(inputs=[("X", ("N", n_features))]))
