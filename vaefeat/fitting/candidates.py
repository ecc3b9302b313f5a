"""What may be shipped: Pipelines of label-free features and a classifier, from simple to complex."""

import math
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from vaefeat.data.samples import Samples
from vaefeat.estimators import VAEEncoderTransformer
from vaefeat.fitting.logistic import LogisticSearch
from vaefeat.recipes import PixelScaler, image_encoder
from vaefeat.values.likelihoods import Gaussian

LOGISTIC, FOREST = "logistic-regression", "random-forest"
CLASSIFIERS = (LOGISTIC, FOREST)
RAW, UNSCALED = "raw", "raw, unscaled"
VAE, BESIDE, IMAGE = "vae", "raw beside vae", "image vae"
N_TREES = 128  # a power of two: float32 adds up their votes exactly, so that ties break in a file as here
MIN_STEPS = 2_000  # of training an encoder, and
MAX_EPOCHS = 500


@dataclass(frozen=True)
class Candidate:
    """Features, learned without labels, and a classifier on them.

    Attributes
    ----------
    features : str
        Name of the features, by which candidates share them.
    extractor : Pipeline
        Unfitted; fitted to all rows without labels. That of "raw beside vae" is the VAE's, see
        :func:`beside`.
    kind : {"logistic-regression", "random-forest"}
    classifier : classifier
        Unfitted; fitted to the labeled rows.
    """

    features: str
    extractor: Pipeline
    kind: str
    classifier: BaseEstimator

    @property
    def name(self) -> str:
        """Name for tables."""
        features = RAW if self.features == UNSCALED else self.features
        return f"{features}, {self.kind.replace('-', ' ')}"

    @property
    def needs_encoder(self) -> bool:
        """Whether an encoder makes the features, or some of them."""
        return self.features in (VAE, BESIDE, IMAGE)

    @property
    def is_encoder(self) -> bool:
        """Whether an encoder makes all of the features."""
        return self.features in (VAE, IMAGE)


def default_candidates(
    samples: Samples, random_state: int = 0, max_iter: int | None = None
) -> list[Candidate]:
    """Return the candidates for a set of samples, the simplest first.

    Parameters
    ----------
    samples : Samples
    random_state : int, default=0
    max_iter : int, optional
        Epochs of the encoders; by default as many as make 2 000 steps, but at least 8 and at most 500.

    Returns
    -------
    list of Candidate
        Raw features with logistic regression and with a random forest; then the hidden layer of a VAE
        with logistic regression, alone and beside the raw features, or for images that of
        :func:`vaefeat.recipes.image_encoder`.
    """
    batch_size = min(256, max(1, len(samples.X) // 10))
    epochs = math.ceil(MIN_STEPS / math.ceil(len(samples.X) / batch_size))
    options: dict[str, Any] = {
        "output": "hidden",
        "batch_size": batch_size,
        "learning_rate": "cosine",
        "max_iter": min(MAX_EPOCHS, max(8, epochs)) if max_iter is None else max_iter,
        "random_state": random_state,
    }
    imputers = [SimpleImputer(strategy="median", keep_empty_features=True)] if samples.plan else []
    scaler = StandardScaler() if samples.image_shape is None else PixelScaler()
    logistic = LogisticSearch(random_state)
    forest = RandomForestClassifier(N_TREES, min_samples_leaf=1, random_state=random_state)
    candidates = [
        Candidate(RAW, make_pipeline(*imputers, scaler), LOGISTIC, logistic),
        Candidate(UNSCALED, make_pipeline(*imputers, FunctionTransformer()), FOREST, forest),
    ]
    if samples.image_shape is not None:
        encoder = image_encoder(samples.image_shape, **options)
        return [*candidates, Candidate(IMAGE, make_pipeline(*imputers, scaler, encoder), LOGISTIC, logistic)]
    vae = VAEEncoderTransformer(50, hidden_layer_sizes=(256,), likelihood=Gaussian(0.1), **options)
    extractor = make_pipeline(*imputers, scaler, vae)
    return [*candidates, *(Candidate(features, extractor, LOGISTIC, logistic) for features in (VAE, BESIDE))]


def beside(fitted: Pipeline) -> Pipeline:
    """Return a fitted Pipeline that ends in an encoder, with the input of the encoder beside its features."""
    *steps, (name, encoder) = fitted.steps
    union = FeatureUnion([("raw", FunctionTransformer()), (name, encoder)])
    return Pipeline([*steps, ("union", union)])
