"""A trained encoder or decoder as a checked ONNX model, equal to its Keras network."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import onnx

from vaefeat.export.keras_graph import to_onnx
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.parity import check_parity

N_PARITY_ROWS = 256


def export_encoder(encoder: keras.Model, X: np.ndarray) -> OnnxModel:
    """Return q(z|x) as an ONNX model: ``X`` -> ``z_mean``, ``z_log_var``, ``hidden`` if there is one.

    Parameters
    ----------
    encoder : keras.Model
        As built by :func:`vaefeat.training.networks.build_encoder`.
    X : ndarray of shape (n_samples, n_features), float32
        Rows on which the two must agree.

    Raises
    ------
    ParityError
        If they do not.
    """
    names = [name for name in ("z_mean", "z_log_var", "hidden") if name in encoder.output]
    proto = to_onnx(encoder, encoder.input_shape[1], "X", names, "vaefeat_encoder")
    return _checked(proto, encoder, X[:N_PARITY_ROWS])


def export_decoder(decoder: keras.Model, likelihood: str) -> OnnxModel:
    """Return the mean of p(x|z) as an ONNX model: ``Z`` -> ``x_mean``, for "bernoulli" also ``x_logits``.

    Parameters
    ----------
    decoder : keras.Model
        As built by :func:`vaefeat.training.networks.build_decoder`.
    likelihood : {"bernoulli", "gaussian"}

    Raises
    ------
    ParityError
        If the ONNX model and the network disagree on draws from the prior.
    """

    def decode(z: Any) -> dict[str, Any]:
        location = decoder(z)
        if likelihood == "gaussian":
            return {"x_mean": location}
        return {"x_mean": keras.ops.sigmoid(location), "x_logits": location}

    n_components = decoder.input_shape[1]
    names = ["x_mean"] if likelihood == "gaussian" else ["x_mean", "x_logits"]
    proto = to_onnx(decode, n_components, "Z", names, "vaefeat_decoder")
    Z = np.random.default_rng(0).standard_normal((N_PARITY_ROWS, n_components), np.float32)
    return _checked(proto, decode, Z)


def _checked(proto: onnx.ModelProto, network: Callable, rows: np.ndarray) -> OnnxModel:
    model = OnnxModel(proto.SerializeToString(deterministic=True))
    expected = {name: np.asarray(value) for name, value in network(rows).items()}
    check_parity(expected, model.run(rows))
    return model
