"""The extractors and classifiers that are compared by default."""

import math

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from vaefeat.comparison.grid import RAW
from vaefeat.data import Dataset
from vaefeat.estimators import SupervisedEncoderTransformer, VAEEncoderTransformer
from vaefeat.recipes import PixelScaler, image_encoder

VAE, IMAGE = "vae", "image vae"
MAJORITY, FOREST = "majority", "random forest"
MAX_SUPERVISED_STEPS = 2_750
CS = (0.01, 0.1, 1.0, 10.0)


def default_extractors(
    dataset: Dataset, n_components: int = 10, max_iter: int | None = None, random_state: int = 0
) -> dict[str, BaseEstimator]:
    """Return the unfitted VAE and the feature extractors to compare it with.

    Parameters
    ----------
    dataset : Dataset
        Images are used as they are, with a Bernoulli likelihood; tables are standardized first and
        use a Gaussian likelihood.
    n_components : int, default=10
        Number of features of PCA and of all encoders except the image encoder, which has 50.
    max_iter : int, optional
        Number of epochs of the VAEs. By default as many as make their ``n_steps``.
    random_state : int, default=0

    Returns
    -------
    dict of str to transformer
        "raw", "pca", "untrained" (the VAE's encoder with its initial weights), "vae" (latent means
        of a VAE trained without labels), "image vae" (for images: the same with
        :func:`vaefeat.recipes.image_encoder`), and "supervised" (an encoder trained with the
        labels, as in Annex F of the 2018 thesis).
    """
    n_components = min(n_components, *dataset.X.shape)
    vae = _vae(dataset, n_components, random_state)
    extractors = {
        RAW: FunctionTransformer(),
        "pca": PCA(n_components, random_state=random_state),
        "untrained": clone(vae).set_params(max_iter=0),
        VAE: _with_epochs(vae, max_iter),
    }
    if dataset.image_shape is not None:
        batch_size = min(256, max(1, len(dataset.X) // 10))
        image_vae = image_encoder(dataset.image_shape, batch_size=batch_size, random_state=random_state)
        extractors[IMAGE] = _with_epochs(image_vae, max_iter)
    n_steps = min(MAX_SUPERVISED_STEPS, 50 * _steps_per_epoch(vae, dataset))
    extractors["supervised"] = SupervisedEncoderTransformer(
        n_components, n_steps=n_steps, random_state=random_state
    )
    steps = _first_steps(dataset)
    return {name: make_pipeline(*map(clone, steps), extractor) for name, extractor in extractors.items()}


def _first_steps(dataset: Dataset) -> list[BaseEstimator]:
    """Return what fills gaps, and what scales a table, or the pixels of a file."""
    imputers = (
        [SimpleImputer(strategy="median", keep_empty_features=True)]
        if dataset.plan or np.isnan(dataset.X).any()
        else []
    )
    if dataset.image_shape is None:
        return [*imputers, StandardScaler()]
    return [] if dataset.X.max() <= 1 else [PixelScaler()]


def default_classifiers() -> dict[str, BaseEstimator]:
    """Return logistic regression, as in the thesis, with C selected on the labeled samples."""
    return {"LogisticRegression": GridSearchCV(LogisticRegression(max_iter=5_000), {"C": CS})}


def default_baselines(random_state: int = 0) -> dict[str, BaseEstimator]:
    """Return the most frequent class, and a random forest: the usual bounds of what raw features give."""
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
