"""The steps of a Pipeline that matter to its export."""

from typing import Any

from sklearn.pipeline import Pipeline

from vaefeat.protocols import FeatureEncoder


def without_passthrough(pipeline: Pipeline) -> Pipeline:
    """Return a Pipeline without the steps that do nothing, and do not know their width."""
    return Pipeline([step for step in pipeline.steps if step[1] not in ("passthrough", None)])


def encoders_of(estimator: Any) -> list[FeatureEncoder]:
    """Return the encoders among the steps, however deep."""
    if isinstance(estimator, FeatureEncoder):
        return [estimator]
    steps = [
        *getattr(estimator, "steps", ()),
        *getattr(estimator, "transformer_list", ()),
        *getattr(estimator, "transformers_", ()),
    ]
    return [encoder for _, step, *_ in steps for encoder in encoders_of(step)]
