"""Further features of an encoder that is already being compared, so that it is trained only once."""

from copy import deepcopy
from dataclasses import dataclass

from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer


@dataclass(frozen=True)
class HiddenLayer:
    """The last hidden layer of another extractor's encoder.

    Attributes
    ----------
    of : str
        Name of that extractor: a Pipeline that ends in an encoder.
    with_input : bool
        Whether the input of the encoder is returned alongside the layer.
    """

    of: str
    with_input: bool = False

    def from_fitted(self, fitted: Pipeline) -> Pipeline:
        """Return the features as a fitted Pipeline."""
        *steps, (name, encoder) = fitted.steps
        pipeline = Pipeline([*steps, (name, deepcopy(encoder).set_params(output="hidden"))])
        return beside(pipeline) if self.with_input else pipeline


def beside(fitted: Pipeline) -> Pipeline:
    """Return a fitted Pipeline that ends in an encoder, with the encoder's input alongside its features."""
    *steps, (name, encoder) = fitted.steps
    union = FeatureUnion([("raw", FunctionTransformer()), (name, encoder)])
    return Pipeline([*steps, ("union", union)])
