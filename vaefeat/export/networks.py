"""Trained networks as checked ONNX models, equal to their Keras originals."""

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
import onnx

from vaefeat.export.keras_graph import to_onnx, with_weights
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.model import rows_at_a_time
from vaefeat.runtime.parity import check_run

if TYPE_CHECKING:
    from vaefeat.training.interface import Network, TrainableModel

N_PARITY_ROWS = 256
MAX_GRAPHS = 16

_graphs: dict[Hashable, onnx.ModelProto] = {}  # without weights, by the kinds of networks


def export_networks(model: "TrainableModel", X: np.ndarray) -> dict[str, OnnxModel]:
    """Return the networks of a model as ONNX models, by the names of their roles.

    Parameters
    ----------
    model : TrainableModel
    X : ndarray of shape (n_samples, n_features), float32
        Rows on which networks and ONNX models must agree.

    Raises
    ------
    ParityError
        If they do not.
    """
    rows = X[: min(N_PARITY_ROWS, rows_at_a_time(X.shape[1]))]
    return {role: _export(model, role, network, rows) for role, network in model.networks().items()}


def _export(model: "TrainableModel", role: str, network: "Network", X: np.ndarray) -> OnnxModel:
    rows = _normal_rows(len(X), network.n_inputs) if network.rows is None else network.rows(X)
    graph = _graph_of(model, role, network)
    data = with_weights(graph, model.variables, f"vaefeat_{role}").SerializeToString(deterministic=True)
    return _checked(data, network, rows)


def _graph_of(model: "TrainableModel", role: str, network: "Network") -> onnx.ModelProto:
    """Return the graph of a network without its weights, converted once for each kind of model."""
    kind = type(model), model.structure, role
    if kind in _graphs:
        return _graphs[kind]
    names = network.input_name, network.output_names
    graph = to_onnx(network.outputs, network.n_inputs, *names, model.variables)
    if model.structure is not None:
        if len(_graphs) >= MAX_GRAPHS:
            _graphs.clear()
        _graphs[kind] = graph
    return graph


def _normal_rows(n_rows: int, n_inputs: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n_rows, n_inputs), np.float32)


def _checked(data: bytes, network: "Network", rows: np.ndarray) -> OnnxModel:
    model = OnnxModel(data)
    expected = {name: np.asarray(value) for name, value in network.outputs(rows).items()}
    check_run(expected, model.run, rows)
    return model
