"""Trained networks as checked ONNX models, equal to their Keras originals."""

from typing import TYPE_CHECKING

import numpy as np
import onnx

from vaefeat.export.keras_graph import to_onnx
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.parity import check_run

if TYPE_CHECKING:
    from vaefeat.training.interface import Network, TrainableModel

N_PARITY_ROWS = 256


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
    rows = X[:N_PARITY_ROWS]
    return {role: _export(role, network, rows) for role, network in model.networks().items()}


def _export(role: str, network: "Network", X: np.ndarray) -> OnnxModel:
    rows = _normal_rows(network.n_inputs) if network.rows is None else network.rows(X)
    proto = to_onnx(
        network.outputs, network.n_inputs, network.input_name, network.output_names, f"vaefeat_{role}"
    )
    return _checked(proto, network, rows)


def _normal_rows(n_inputs: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((N_PARITY_ROWS, n_inputs), np.float32)


def _checked(proto: onnx.ModelProto, network: "Network", rows: np.ndarray) -> OnnxModel:
    model = OnnxModel(proto.SerializeToString(deterministic=True))
    expected = {name: np.asarray(value) for name, value in network.outputs(rows).items()}
    check_run(expected, model.run, rows)
    return model
