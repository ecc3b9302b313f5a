"""The extractors and classifiers that are compared by default."""

import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from vaefeat.comparison.derived import HiddenLayer
from vaefeat.comparison.grid import RAW
from vaefeat.data import Dataset
from vaefeat.data.targets import CLASSIFICATION, REGRESSION
from vaefeat.estimators import SupervisedEncoderTransformer, VAEEncoderTransformer
from vaefeat.recipes import PixelScaler, image_encoder, photo_encoder, table_encoder

VAE, IMAGE, HIDDEN, BESIDE = "vae", "image vae", "hidden", "raw beside hidden"
PHOTO = "photo hidden"
UNTRAINED_HIDDEN = "untrained hidden"
MAJORITY, MEAN, FOREST = "majority", "mean", "random forest"
MAX_SUPERVISED_STEPS = 2_750
SMALLEST_PHOTO = 16  # pixels along each side: smaller images are hardly photographs
CS = (0.01, 0.1, 1.0, 10.0)
ALPHAS = tuple(10.0**power for power in range(-3, 6))


def default_extractors(
    dataset: Dataset, n_components: int = 10, max_iter: int | None = None, random_state: int = 0
) -> dict[str, BaseEstimator | HiddenLayer]:
    """Return the unfitted VAE and the feature extractors to compare it with.

    Parameters
    ----------
    dataset : Dataset
        Images are used as they are, with a Bernoulli likelihood; tables are standardized first and
        use a Gaussian likelihood.
    n_components : int, default=10
        Number of features of PCA and of all encoders except the wide one, which has 50.
    max_iter : int, optional
        Number of epochs of the VAEs. By default, as many as add up to their ``n_steps``.
    random_state : int, default=0

    Returns
    -------
    dict of str to (transformer or HiddenLayer)
        "raw", "pca", "untrained" (the VAE's encoder with its initial weights), "vae" (latent means
        of a VAE trained without labels), for images "image vae" (those of
        :func:`vaefeat.recipes.image_encoder`), and "hidden": the last hidden layer of the latter, or for
        tables of the VAE that ``vaefeat fit`` tries, and there also "raw beside hidden". For images also
        "photo hidden": the hidden layer of :func:`vaefeat.recipes.photo_encoder`. Controls are
        "untrained hidden" (with its initial weights) and for classes "supervised" (an encoder trained with
        the labels, as in Annex F of the 2018 thesis).
    """
    n_components = min(n_components, *dataset.X.shape)
    vae = _vae(dataset, n_components, random_state)
    wide = wide_encoder(len(dataset.X), dataset.image_shape, max_iter=max_iter, random_state=random_state)
    extractors: dict[str, BaseEstimator | HiddenLayer] = {
        RAW: FunctionTransformer(),
        "pca": PCA(n_components, random_state=random_state),
        "untrained": clone(vae).set_params(max_iter=0),
        VAE: _with_epochs(vae, max_iter),
        UNTRAINED_HIDDEN: clone(wide).set_params(max_iter=0, output="hidden"),
    }
    if dataset.image_shape is None:
        extractors |= {HIDDEN: wide.set_params(output="hidden"), BESIDE: HiddenLayer(HIDDEN, with_input=True)}
    else:
        extractors |= {IMAGE: wide, HIDDEN: HiddenLayer(IMAGE)}
        if min(dataset.image_shape[:2]) >= SMALLEST_PHOTO:
            # Its hidden layer is computed, not trained.
            extractors[PHOTO] = photo_encoder(dataset.image_shape, max_iter=0, random_state=random_state)
    if dataset.task == CLASSIFICATION:
        n_steps = min(MAX_SUPERVISED_STEPS, 50 * _steps_per_epoch(vae, dataset))
        extractors["supervised"] = SupervisedEncoderTransformer(
            n_components, n_steps=n_steps, random_state=random_state
        )
    steps = _first_steps(dataset)
    return {
        name: each if isinstance(each, HiddenLayer) else make_pipeline(*map(clone, steps), each)
        for name, each in extractors.items()
    }


def wide_encoder(
    n_samples: int,
    image_shape: tuple[int, ...] | None,
    *,
    max_iter: int | None = None,
    random_state: int = 0,
    **params: Any,
) -> VAEEncoderTransformer:
    """Return the encoder of 50 units whose last hidden layer serves few labels best.

    Parameters
    ----------
    n_samples : int
        To train on.
    image_shape : (rows, columns) or (rows, columns, channels), or None
        The encoder is that of :func:`vaefeat.recipes.image_encoder` for images, else one for tables.
    max_iter : int, optional
        Epochs; by default, as many as add up to 2 000 steps.
    random_state : int, default=0
    **params
        Further parameters of :class:`vaefeat.VAEEncoderTransformer`.
    """
    settings: dict[str, Any] = {
        "batch_size": batch_size(n_samples),
        "max_iter": "auto" if max_iter is None else max_iter,
        "random_state": random_state,
        **params,
    }
    return table_encoder(**settings) if image_shape is None else image_encoder(image_shape, **settings)


def batch_size(n_samples: int) -> int:
    """Return the batch size of the wide encoder."""
    return min(256, max(1, n_samples // 10))


def _first_steps(dataset: Dataset) -> list[BaseEstimator]:
    """Return the steps that fill gaps and scale a table, or the pixels of a file."""
    imputers = (
        [SimpleImputer(strategy="median", keep_empty_features=True)]
        if dataset.plan or np.isnan(dataset.X).any()
        else []
    )
    if dataset.image_shape is None:
        return [*imputers, StandardScaler()]
    return [] if dataset.X.max() <= 1 else [PixelScaler()]


def default_classifiers(task: str = CLASSIFICATION) -> dict[str, BaseEstimator]:
    """Return logistic regression, as in the thesis, with C selected on the labeled samples.

    For quantities, it is ridge regression, with the strength of the penalty selected in the same way.
    """
    if task == REGRESSION:
        return {"Ridge": RidgeCV(ALPHAS)}
    return {"LogisticRegression": GridSearchCV(LogisticRegression(max_iter=5_000), {"C": CS})}


def default_baselines(task: str = CLASSIFICATION, random_state: int = 0) -> dict[str, BaseEstimator]:
    """Return one answer for all rows, and a random forest: the usual bounds on what raw features give."""
    if task == REGRESSION:
        return {MEAN: DummyRegressor(), FOREST: RandomForestRegressor(200, random_state=random_state)}
    return {
        MAJORITY: DummyClassifier(strategy="most_frequent"),
        FOREST: RandomForestClassifier(200, random_state=random_state),
    }


def _vae(dataset: Dataset, n_components: int, random_state: int) -> VAEEncoderTransformer:
    likelihood = "gaussian" if dataset.image_shape is None else "bernoulli"
    return VAEEncoderTransformer(n_components, likelihood=likelihood, random_state=random_state)


def _with_epochs(vae: VAEEncoderTransformer, max_iter: int | None) -> VAEEncoderTransformer:
    return vae if max_iter is None else vae.set_params(max_iter=max_iter)


def _steps_per_epoch(vae: VAEEncoderTransformer, dataset: Dataset) -> int:
    return math.ceil(len(dataset.X) / vae.batch_size)
