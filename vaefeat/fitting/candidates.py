"""What may be shipped: Pipelines of label-free features and a predictor, from simple to complex."""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from vaefeat.comparison.defaults import ALPHAS, SMALLEST_PHOTO, batch_size, wide_encoder
from vaefeat.data.samples import Samples
from vaefeat.data.targets import CLASSIFICATION, REGRESSION
from vaefeat.estimators import GraphClassifier
from vaefeat.fitting.logistic import LogisticSearch
from vaefeat.recipes import PixelScaler, photo_encoder

LOGISTIC, RIDGE, FOREST, GRAPH = "logistic-regression", "ridge", "random-forest", "graph"
PREDICTORS = {CLASSIFICATION: (LOGISTIC, FOREST, GRAPH), REGRESSION: (RIDGE, FOREST)}
RAW, UNSCALED = "raw", "raw, unscaled"
VAE, BESIDE, IMAGE, PHOTO = "vae", "raw beside vae", "image vae", "photo vae"
N_TREES = 128  # a power of two: float32 adds up their votes exactly, so that ties break in a file as here
MIN_STEPS = 2_000  # of training an encoder, but
MIN_EPOCHS, MAX_EPOCHS = 8, 500


@dataclass(frozen=True)
class Candidate:
    """Features, learned without labels, and a classifier or regressor on them.

    Attributes
    ----------
    features : str
        Name of the features, by which candidates share them.
    extractor : Pipeline
        Unfitted; fitted to all rows without labels. That of "raw beside vae" is the VAE's, see
        :func:`vaefeat.comparison.beside`.
    kind : {"logistic-regression", "ridge", "random-forest", "graph"}
    predictor : classifier or regressor
        Unfitted; fitted to the labeled rows, "graph" to all.
    """

    features: str
    extractor: Pipeline
    kind: str
    predictor: BaseEstimator

    @property
    def name(self) -> str:
        """Name for tables."""
        features = RAW if self.features == UNSCALED else self.features
        return f"{features}, {self.kind.replace('-', ' ')}"

    @property
    def needs_encoder(self) -> bool:
        """Whether an encoder makes the features, or some of them."""
        return self.features in (VAE, BESIDE, IMAGE, PHOTO)

    @property
    def is_encoder(self) -> bool:
        """Whether an encoder makes all of the features."""
        return self.features in (VAE, IMAGE, PHOTO)


def default_candidates(
    samples: Samples, random_state: int = 0, max_iter: int | None = None
) -> list[Candidate]:
    """Return the candidates for a set of samples, the simplest first.

    Parameters
    ----------
    samples : Samples
    random_state : int, default=0
    max_iter : int, optional
        Epochs of the encoders; by default, as many as add up to 2 000 steps, but at least 8 and at most 500.

    Returns
    -------
    list of Candidate
        Raw features with logistic regression and with a random forest; then the hidden layer of a VAE
        with logistic regression, alone and together with the raw features, or for images that of
        :func:`vaefeat.recipes.image_encoder` and :func:`vaefeat.recipes.photo_encoder`, with logistic
        regression; and, if there are rows without a label, the former with a
        :class:`vaefeat.GraphClassifier`. For quantities, ridge regression takes the place of
        logistic regression.
    """
    if max_iter is None:
        max_iter = min(MAX_EPOCHS, max(MIN_EPOCHS, math.ceil(MIN_STEPS / _steps_per_epoch(len(samples.X)))))
    encoder = wide_encoder(
        len(samples.X), samples.image_shape, output="hidden", max_iter=max_iter, random_state=random_state
    )
    has_gaps = samples.plan is not None or np.isnan(samples.X).any()
    imputers = [SimpleImputer(strategy="median", keep_empty_features=True)] if has_gaps else []
    scaler = StandardScaler() if samples.image_shape is None else PixelScaler()
    linear, forest = _predictors(samples.task, random_state).items()
    candidates = [
        Candidate(RAW, make_pipeline(*imputers, scaler), *linear),
        Candidate(UNSCALED, make_pipeline(*imputers, FunctionTransformer()), *forest),
    ]
    extractor = make_pipeline(*imputers, scaler, encoder)
    if samples.image_shape is None:
        return [*candidates, *(Candidate(features, extractor, *linear) for features in (VAE, BESIDE))]
    candidates.append(Candidate(IMAGE, extractor, *linear))
    if min(samples.image_shape[:2]) >= SMALLEST_PHOTO:
        # Its hidden layer is computed, not trained.
        photo = photo_encoder(samples.image_shape, max_iter=0, random_state=random_state)
        candidates.append(Candidate(PHOTO, make_pipeline(*imputers, scaler, photo), *linear))
    if samples.task == CLASSIFICATION and not samples.is_labeled.all():
        graph = GraphClassifier(random_state=random_state)
        candidates.append(Candidate(IMAGE, extractor, GRAPH, graph))
    return candidates


def _steps_per_epoch(n_samples: int) -> int:
    return math.ceil(n_samples / batch_size(n_samples))


def _predictors(task: str, random_state: int) -> dict[str, BaseEstimator]:
    """Return a predictor that is linear in the features, and a random forest."""
    if task == REGRESSION:
        return {RIDGE: RidgeCV(ALPHAS), FOREST: RandomForestRegressor(N_TREES, random_state=random_state)}
    forest = RandomForestClassifier(N_TREES, min_samples_leaf=1, random_state=random_state)
    return {LOGISTIC: LogisticSearch(random_state), FOREST: forest}
