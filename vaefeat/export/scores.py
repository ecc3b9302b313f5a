"""The scores of fitted estimators as ONNX graphs: ``X`` -> ``score``, what ``score_samples`` gives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from sklearn.pipeline import Pipeline

from vaefeat.exceptions import ExportError
from vaefeat.export.composition import Graph, Output
from vaefeat.export.pipeline import convert_estimator
from vaefeat.export.steps import without_passthrough
from vaefeat.protocols import LatentModel, ScoredModel
from vaefeat.runtime import OnnxModel
from vaefeat.values.likelihoods import Likelihood
from vaefeat.values.neighbors import Neighbors, Scale, double


def score_model(estimator: Any) -> onnx.ModelProto:
    """Return the scores of an estimator, or of a Pipeline that ends in one, as a model.

    Raises
    ------
    ExportError
        If the scores are those of an estimator that is not vaefeat's.
    """
    if isinstance(estimator, Pipeline):
        estimator = without_passthrough(estimator)
        if len(estimator) == 1:
            return score_model(estimator[0])
        graph = Graph(estimator.n_features_in_)
        (features,) = graph.call(convert_estimator(estimator[:-1]), "X").values()
        return _finished(graph, graph.call(score_model(estimator[-1]), features)["score"])
    if not isinstance(estimator, ScoredModel):
        raise ExportError(
            f"The scores of {type(estimator).__name__} cannot be exported, expected an "
            "AutoencoderTransformer, a VAEEncoderTransformer, or a Pipeline that ends in one."
        )
    return estimator.onnx_score_graph()


def reconstruction_score(
    encoder: OnnxModel, decoder: OnnxModel, likelihood: Likelihood, dispersion: np.ndarray | None
) -> onnx.ModelProto:
    """Return the log-likelihood of a sample given its code as a model: the score of an autoencoder.

    Parameters
    ----------
    encoder, decoder : OnnxModel
    likelihood : Likelihood
    dispersion : ndarray of shape (n_features,), or None
        Of the likelihood, if it has one.
    """
    graph = Graph(encoder.n_features)
    decoded = graph.call(decoder, graph.call(encoder, "X")["code"])
    location = decoded[likelihood.location_output]
    return _finished(graph, likelihood.log_prob_nodes(graph, "X", location, dispersion))


def elbo(
    encoder: OnnxModel,
    decoder: OnnxModel,
    likelihood: Likelihood,
    dispersion: np.ndarray | None,
    draws: np.ndarray,
) -> onnx.ModelProto:
    """Return the evidence lower bound of a VAE as a model, its expectation a mean over fixed draws.

    Parameters
    ----------
    encoder, decoder : OnnxModel
    likelihood : Likelihood
    dispersion : ndarray of shape (n_features,), or None
        Of the likelihood, if it has one.
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
    shape = [-1, len(draws), encoder.n_features]
    location = graph.op("Reshape", decoded[likelihood.location_output], shape)
    log_prob = likelihood.log_prob_nodes(graph, x, location, dispersion)
    log_prob = graph.op("ReduceMean", log_prob, [1], keepdims=0)  # (N,)
    return _finished(graph, graph.op("Sub", log_prob, _gaussian_kl(graph, z_mean, z_log_var)))


def typicality(
    autoencoder: LatentModel,
    *,
    center: np.ndarray,
    scale: np.ndarray,
    error_scale: Scale,
    neighbors: Sequence[Neighbors],
) -> onnx.ModelProto:
    """Return minus the mean of an autoencoder's error and of distances to neighbors, in their scales.

    Parameters
    ----------
    autoencoder : LatentModel
        Of standardized features.
    center, scale : ndarray of shape (n_features,)
        What standardizes the features.
    error_scale : Scale
    neighbors : two of Neighbors
        In the standardized features, and in the code.
    """
    encoder = autoencoder.networks()["encoder"]
    graph = Graph(encoder.n_features)
    z = graph.op("Div", graph.op("Sub", "X", center), scale)
    error = graph.op("Neg", graph.call(autoencoder.onnx_score_graph(), z)["score"])
    parts = [error_scale.nodes(graph, double(graph, graph.op("Unsqueeze", error, [1])))]
    for each, rows in zip(neighbors, (z, graph.call(encoder, z)[autoencoder.code_name]), strict=True):
        parts.append(each.nodes(graph, rows))
    total = graph.op("Cast", graph.op("Sum", *parts), to=onnx.TensorProto.FLOAT)
    return _finished(graph, graph.op("Div", graph.op("Neg", total), float(len(parts))))


def _gaussian_kl(graph: Graph, z_mean: str, z_log_var: str) -> str:
    second_moment = graph.op("Add", graph.op("Exp", z_log_var), graph.op("Mul", z_mean, z_mean))
    per_unit = graph.op("Sub", graph.op("Sub", second_moment, 1.0), z_log_var)
    return graph.op("Mul", graph.op("ReduceSum", per_unit, [-1], keepdims=0), 0.5)


def _finished(graph: Graph, score: str) -> onnx.ModelProto:
    lowest = np.float32(-np.inf)  # as the estimators score what float32 cannot hold
    return graph.model(Output("score", graph.op("Where", graph.op("IsNaN", score), lowest, score)))
