"""A trained network as a checked ONNX model, equal to its Keras original."""

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
    """Return an encoder as an ONNX model.

    From ``X`` to ``z_mean``, ``z_log_var``, and ``hidden`` if there is one; of an autoencoder, to ``code``.

    Parameters
    ----------
    encoder : keras.Model
        As built by :func:`vaefeat.training.networks.build_encoder`, or by ``build_code``.
    X : ndarray of shape (n_samples, n_features), float32
        Rows on which the two must agree.

    Raises
    ------
    ParityError
        If they do not.
    """
    names = [name for name in ("code", "z_mean", "z_log_var", "hidden") if name in encoder.output]

    def encode(x: Any) -> dict[str, Any]:
        outputs = encoder(x)
        return {name: outputs[name] for name in names}

    proto = to_onnx(encode, encoder.input_shape[1], "X", names, "vaefeat_encoder")
    return _checked(proto, encode, X[:N_PARITY_ROWS])


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
    return _export_mean(decoder, likelihood, decoder.input_shape[1], "Z")


def export_m2(m2: keras.Model, X: np.ndarray) -> tuple[OnnxModel, OnnxModel, OnnxModel]:
    """Return q(y|x), q(z|x,y) and the mean of p(x|y,z) as ONNX models.

    Their inputs are ``X``, ``XY`` and ``ZY``, where Y is the class, one-hot, in the last columns; their
    outputs ``probabilities``; ``z_mean`` and ``z_log_var``; ``x_mean``, for "bernoulli" also ``x_logits``.

    Parameters
    ----------
    m2 : vaefeat.training.models.M2
    X : ndarray of shape (n_samples, n_features), float32
        Rows on which networks and models must agree.

    Raises
    ------
    ParityError
        If they do not.
    """
    rows = X[:N_PARITY_ROWS]
    n_classes, config = m2.config.n_classes, m2.config.encoder
    Y = np.eye(n_classes, dtype=np.float32)[np.arange(len(rows)) % n_classes]

    def classify(x: Any) -> dict[str, Any]:
        return {"probabilities": keras.ops.softmax(m2.classifier(x))}

    def infer(xy: Any) -> dict[str, Any]:
        return m2.encoder(xy[:, : config.n_inputs], xy[:, config.n_inputs :])

    def locate(zy: Any) -> Any:
        return m2.decoder(zy[:, : config.n_outputs], zy[:, config.n_outputs :])["x_location"]

    classifier = to_onnx(classify, config.n_inputs, "X", ["probabilities"], "vaefeat_classifier")
    names = ["z_mean", "z_log_var"]
    posterior = to_onnx(infer, config.n_inputs + n_classes, "XY", names, "vaefeat_posterior")
    return (
        _checked(classifier, classify, rows),
        _checked(posterior, infer, np.hstack([rows, Y])),
        _export_mean(locate, m2.config.likelihood, config.n_outputs + n_classes, "ZY"),
    )


def _export_mean(locate: Callable, likelihood: str, n_inputs: int, input_name: str) -> OnnxModel:
    """Return the mean of a distribution as an ONNX model, compared on standard normal rows."""

    def decode(rows: Any) -> dict[str, Any]:
        location = locate(rows)
        if likelihood == "gaussian":
            return {"x_mean": location}
        return {"x_mean": keras.ops.sigmoid(location), "x_logits": location}

    names = ["x_mean"] if likelihood == "gaussian" else ["x_mean", "x_logits"]
    proto = to_onnx(decode, n_inputs, input_name, names, "vaefeat_decoder")
    return _checked(
        proto, decode, np.random.default_rng(0).standard_normal((N_PARITY_ROWS, n_inputs), np.float32)
    )


def _checked(proto: onnx.ModelProto, network: Callable, rows: np.ndarray) -> OnnxModel:
    model = OnnxModel(proto.SerializeToString(deterministic=True))
    expected = {name: np.asarray(value) for name, value in network(rows).items()}
    check_parity(expected, model.run(rows))
    return model
