"""The scores of fitted estimators as ONNX graphs: ``X`` -> ``score``, what ``score_samples`` gives."""

from typing import Any

import numpy as np
import onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType
from sklearn.pipeline import Pipeline

from vaefeat.exceptions import ExportError
from vaefeat.export.composition import Graph, Output
from vaefeat.export.pipeline import LABEL, SCORES, add_step, convert_estimator, without_passthrough
from vaefeat.runtime import OnnxModel


def score_model(estimator: Any) -> onnx.ModelProto:
    """Return the scores of an estimator, or of a Pipeline that ends in one, as a model.

    Raises
    ------
    ExportError
        If the scores are of an estimator that is not vaefeat's.
    """
    if isinstance(estimator, Pipeline):
        estimator = without_passthrough(estimator)
        if len(estimator) == 1:
            return score_model(estimator[0])
        graph = Graph(estimator.n_features_in_)
        (features,) = graph.call(convert_estimator(estimator[:-1]), "X").values()
        return _finished(graph, graph.call(score_model(estimator[-1]), features)["score"])
    if not hasattr(estimator, "_score_graph"):
        raise ExportError(
            f"The scores of {type(estimator).__name__} cannot be exported, expected an "
            "AutoencoderTransformer, a VAEEncoderTransformer, or a Pipeline that ends in one."
        )
    return estimator._score_graph()


def reconstruction_score(encoder: OnnxModel, decoder: OnnxModel, loss: str) -> onnx.ModelProto:
    """Return the negative error of an autoencoder's reconstruction as a model.

    Parameters
    ----------
    encoder, decoder : OnnxModel
    loss : {"squared_error", "log_loss"}
    """
    graph = Graph(encoder.n_features)
    decoded = graph.call(decoder, graph.call(encoder, "X")["code"])
    if loss == "log_loss":
        return _finished(graph, _bernoulli_log_prob(graph, "X", decoded["x_logits"]))
    deviation = graph.op("Sub", "X", decoded["x_mean"])
    return _finished(graph, graph.op("Neg", _sum_of_squares(graph, deviation)))


def elbo(
    encoder: OnnxModel, decoder: OnnxModel, noise_variance: np.ndarray | None, draws: np.ndarray
) -> onnx.ModelProto:
    """Return the evidence lower bound of a VAE as a model, its expectation a mean over fixed draws.

    Parameters
    ----------
    encoder, decoder : OnnxModel
    noise_variance : ndarray of shape (n_features,), or None
        Of a Gaussian likelihood; None for Bernoulli.
    draws : ndarray of shape (n_draws, n_components)
        Standard normal.
    """
    graph = Graph(encoder.n_features)
    posterior = graph.call(encoder, "X")
    z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]  # (N, n_components)
    scale = graph.op("Exp", graph.op("Mul", z_log_var, 0.5))
    noise = graph.op("Mul", graph.op("Unsqueeze", scale, [1]), draws)  # (N, n_draws, n_components)
    z = graph.op("Add", graph.op("Unsqueeze", z_mean, [1]), noise)
    decoded = graph.call(decoder, graph.op("Reshape", z, [-1, decoder.n_features]))
    x = graph.op("Unsqueeze", "X", [1])  # (N, 1, n_features)

    def per_draw(name: str) -> str:
        return graph.op("Reshape", decoded[name], [-1, len(draws), encoder.n_features])

    if noise_variance is None:
        log_prob = _bernoulli_log_prob(graph, x, per_draw("x_logits"))
    else:
        log_prob = _gaussian_log_prob(graph, x, per_draw("x_mean"), noise_variance)
    log_prob = graph.op("ReduceMean", log_prob, [1], keepdims=0)  # (N,)
    return _finished(graph, graph.op("Sub", log_prob, _gaussian_kl(graph, z_mean, z_log_var)))


def detector_shapes(operator: Any) -> None:
    """Tell skl2onnx the types and the shapes of a detector's labels and scores, as of its own detectors."""
    n_rows = operator.inputs[0].type.shape[0]
    operator.outputs[0].type = Int64TensorType([n_rows, 1])
    operator.outputs[1].type = FloatTensorType([n_rows, 1])


def convert_detector(scope: Any, operator: Any, container: Any) -> None:
    """Put a detector's graph in the place of its step.

    ::

        X --Cast(float32)--> score --minus offset--> scores --sign--> label
    """
    detector = operator.raw_operator
    score = score_model(detector.estimator_)
    graph = Graph(detector.n_features_in_)
    decision = graph.op("Sub", graph.call(score, "X")["score"], detector.offset_)
    decision = graph.op("Unsqueeze", decision, [1])
    is_inlier = graph.op("GreaterOrEqual", decision, 0.0)
    label = graph.op("Where", is_inlier, np.int64(1), np.int64(-1))
    outputs = Output(LABEL, label, 1, onnx.TensorProto.INT64), Output(SCORES, decision, 1)
    add_step(scope, operator, container, graph.model(*outputs))


def _gaussian_kl(graph: Graph, z_mean: str, z_log_var: str) -> str:
    second_moment = graph.op("Add", graph.op("Exp", z_log_var), graph.op("Mul", z_mean, z_mean))
    per_unit = graph.op("Sub", graph.op("Sub", second_moment, 1.0), z_log_var)
    return graph.op("Mul", graph.op("ReduceSum", per_unit, [-1], keepdims=0), 0.5)


def _bernoulli_log_prob(graph: Graph, x: str, x_logits: str) -> str:
    per_feature = graph.op("Sub", graph.op("Mul", x, x_logits), graph.op("Softplus", x_logits))
    return graph.op("ReduceSum", per_feature, [-1], keepdims=0)


def _gaussian_log_prob(graph: Graph, x: str, x_mean: str, noise_variance: np.ndarray) -> str:
    deviation = graph.op("Div", graph.op("Sub", x, x_mean), np.sqrt(noise_variance))
    normalizer = np.sum(np.log(2 * np.pi * noise_variance), dtype=np.float32)
    return graph.op("Mul", graph.op("Add", _sum_of_squares(graph, deviation), normalizer), -0.5)


def _sum_of_squares(graph: Graph, values: str) -> str:
    return graph.op("ReduceSum", graph.op("Mul", values, values), [-1], keepdims=0)


def _finished(graph: Graph, score: str) -> onnx.ModelProto:
    lowest = np.float32(-np.inf)  # as the estimators score what float32 does not hold
    return graph.model(Output("score", graph.op("Where", graph.op("IsNaN", score), lowest, score)))
