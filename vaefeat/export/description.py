"""What the card of a new file says about the graph, the estimator and its training."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from sklearn.base import is_classifier

from vaefeat import __version__
from vaefeat.export.steps import encoders_of
from vaefeat.protocols import FeatureEncoder, NetworkEstimator
from vaefeat.runtime import card as cards
from vaefeat.runtime.inspection import sha256_of_weights


def describe_estimator(estimator: Any, path: Path, proto: onnx.ModelProto, *, allow_nan: bool) -> cards.Card:
    """Return the card of an estimator's file: name, inputs, outputs, classes, and training."""
    names = getattr(estimator, "feature_names_in_", None)
    encoders = encoders_of(estimator)
    is_encoder = isinstance(estimator, FeatureEncoder)
    input_range = estimator.input_range if is_encoder else None
    card = {
        "name": path.stem,
        "description": _describe(estimator) if is_encoder else _describe_whole(estimator),
        "classes": _classes_of(estimator) if is_classifier(estimator) else None,
        "training": {
            "estimator": _representation(estimator),
            **(encoders[0].training_summary() if len(encoders) == 1 else {}),
        },
        **_describe_graph(proto),
    }
    card["inputs"] |= {
        "feature_names": None if names is None else [str(name) for name in names],
        "range": None if input_range is None else list(input_range),
    }
    if allow_nan:
        card["inputs"]["allow_nan"] = True
    return card


def describe_decoder(estimator: NetworkEstimator, path: Path, proto: onnx.ModelProto) -> cards.Card:
    """Return the card of a decoder's file."""
    kl, shape = (getattr(estimator, name, None) for name in ("kl_per_unit_", "image_shape"))
    training = {
        "estimator": _representation(estimator),
        **estimator.training_summary(),
        "kl_per_unit_nats": None if kl is None else [float(value) for value in kl],
    }
    return {
        "name": path.stem,
        "description": f"The decoder of a {type(estimator).__name__}.",
        "image_shape": None if shape is None else [int(n) for n in shape],
        "training": training,
        **_describe_graph(proto),
    }


def _classes_of(classifier: Any) -> list:
    classes = classifier.classes_
    return [np.asarray(each).tolist() for each in classes] if isinstance(classes, list) else classes.tolist()


def _representation(estimator: Any) -> str:
    return " ".join(repr(estimator).split())


def _describe_whole(estimator: Any) -> str:
    return f"A scikit-learn {type(estimator).__name__}, whole."


def _describe(encoder: FeatureEncoder) -> str:
    kind = type(encoder).__name__
    has_features = encoder.feature_name in encoder.networks()["encoder"].output_names
    parts = "encoder" if has_features else "encoder and decoder"
    return f"The {parts} of {'an' if kind[0] in 'AEIOU' else 'a'} {kind}."


def _describe_graph(proto: onnx.ModelProto) -> cards.Card:
    tensor = proto.graph.input[0]
    return {
        "vaefeat_version": __version__,
        "inputs": {
            "name": tensor.name,
            "dtype": "float32",
            "n_features": tensor.type.tensor_type.shape.dim[1].dim_value,
            "feature_names": None,
            "range": None,
        },
        "outputs": {output.name: _describe_output(output) for output in proto.graph.output},
        "weights_sha256": sha256_of_weights(proto.SerializeToString(deterministic=True)),
    }


def _describe_output(output: onnx.ValueInfoProto) -> str:
    tensor = output.type.tensor_type
    dtype = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    dims = [str(dim.dim_value) for dim in tensor.shape.dim[1:]]
    return f"{'float32' if dtype == 'float' else dtype}, ({', '.join(['n_samples', *dims])})"
