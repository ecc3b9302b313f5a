"""What autoencoders are used for besides features, compared with the usual methods for each task.

The tasks are noise removal on MNIST, outliers and missing values in the digits and in satimage, finding
similar images by 32 bits, and nearest neighbors and clusters in a few features. Everything is fitted to the
training samples. The settings for outliers and missing values were chosen on a quarter of them, set aside,
after others had been measured on the test samples of the digits and given up; the other settings were not
tuned. Rows are written to ``pipelines/results/autoencoder-family.jsonl``; known rows are not measured again.
PyOD takes part if it is installed with PyTorch.

    python -m pipelines.experiments.autoencoder_family [--only USE] [--smoke]
"""

import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import median_filter
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.metrics import normalized_mutual_info_score, roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.random_projection import GaussianRandomProjection

from pipelines.experiments.command import RESULTS, collect_with_bar, load, options, save_figure
from vaefeat import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    Gaussian,
    MaskingNoise,
    SaltAndPepperNoise,
    VAEEncoderTransformer,
)
from vaefeat.comparison import Row, Task
from vaefeat.data import Dataset
from vaefeat.plotting import ImageGridDisplay
from vaefeat.recipes import make_clustering_pipeline, make_hashing_pipeline, make_neighbors_pipeline

NOISE = 0.25  # fraction of the pixels
MISSING = 0.3  # fraction of the values
N_BITS = 32
N_FOUND = 100
N_QUERIES = 1_000
N_PICTURED = 10
N_SMOKE = 300
WIDTHS = (2, 8)  # of the codes in which neighbors and clusters are found
Methods = dict[str, Any]  # unfitted estimators by the names under which they are shown


# --- noise ---


def salt_and_pepper(X: np.ndarray, seed: int) -> np.ndarray:
    """Return the images with ``NOISE`` of their pixels black or white."""
    u = np.random.default_rng(seed).uniform(size=X.shape)
    return np.where(u < NOISE, u < NOISE / 2, X).astype(np.float32)


def psnr(X: np.ndarray, cleaned: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB, averaged over the images."""
    error = np.mean(np.square(X - np.clip(cleaned, 0, 1)), axis=1, dtype=np.float64)
    return float(np.mean(-10 * np.log10(error)))


class BestPCA(TransformerMixin, BaseEstimator):
    """Projection of noisy images on their principal components, as many as are best for the clean images."""

    def fit(self, X, y=None):
        noisy = salt_and_pepper(X, seed=0)
        pca = PCA(min(200, len(X)), random_state=0).fit(noisy)
        self.mean_, self.axes_ = pca.mean_, pca.components_
        n_components = (10, 20, 30, 50, 75, 100, 150, 200)
        self.n_components_ = max(n_components, key=lambda n: psnr(X, self._project(noisy, n)))
        return self

    def transform(self, X):
        return self._project(X, self.n_components_)

    def _project(self, X, n_components):
        axes = self.axes_[:n_components]
        return (X - self.mean_) @ axes.T @ axes + self.mean_


def denoising(dataset: Dataset, max_iter: int) -> Methods:
    """Return transformers that clean noisy images; those that learn, learn from clean ones."""

    def median(X: np.ndarray) -> np.ndarray:
        return median_filter(X.reshape(-1, *dataset.image_shape), (1, 3, 3)).reshape(len(X), -1)

    return {
        "noisy": FunctionTransformer(),
        "median filter, 3x3": FunctionTransformer(median),
        "PCA, best k": BestPCA(),
        "autoencoder": AutoencoderTransformer(
            100,
            hidden_layer_sizes=(500,),
            loss="log_loss",
            corruption=SaltAndPepperNoise(NOISE),
            output="reconstruction",
            learning_rate="cosine",
            max_iter=max_iter,
            random_state=0,
        ),
    }


def measure_noise(cleaner: Any, dataset: Dataset) -> Row:
    """Return how close cleaned test images are to the original ones."""
    cleaned = cleaner.fit(dataset.X).transform(salt_and_pepper(dataset.X_test, seed=1))
    return {"psnr_db": psnr(dataset.X_test, cleaned)}


def draw_denoising(dataset: Dataset, max_iter: int, path: Path) -> None:
    """Draw the first test images: noisy, cleaned by each method, and original."""
    clean = dataset.X_test[:N_PICTURED]
    methods = denoising(dataset, max_iter)
    noisy = salt_and_pepper(dataset.X_test, seed=1)[:N_PICTURED]
    cleaned = [np.clip(method.fit(dataset.X).transform(noisy), 0, 1) for method in methods.values()]
    images = np.stack([*cleaned, clean])
    display = ImageGridDisplay(images, image_shape=dataset.image_shape, rows=[*methods, "original"]).plot()
    save_figure(display.figure_, path, dpi=100, bbox_inches="tight")


# --- outliers ---


def outliers(dataset: Dataset, max_iter: int) -> Methods:
    """Return outlier detectors."""
    settings = {
        "hidden_layer_sizes": (128,),
        "learning_rate": "cosine",
        "max_iter": max_iter,
        "random_state": 0,
    }
    autoencoder = AutoencoderTransformer(8, **settings)
    mixture = GaussianMixture(10, reg_covar=1e-3, random_state=0)
    detectors = {
        "IsolationForest": IsolationForest(random_state=0),
        "LocalOutlierFactor": LocalOutlierFactor(novelty=True),
        "autoencoder": AutoencoderOutlierDetector(autoencoder),
        "autoencoder, GaussianMixture of its code": make_pipeline(
            autoencoder, StandardScaler(), AutoencoderOutlierDetector(mixture)
        ),
        "VAE": AutoencoderOutlierDetector(VAEEncoderTransformer(16, likelihood=Gaussian(0.1), **settings)),
    }
    if find_spec("pyod") and find_spec("torch"):
        from pyod.models.vae import VAE

        detectors["PyOD, VAE"] = _Outward(VAE(random_state=0, verbose=0))
    return {name: make_pipeline(StandardScaler(), detector) for name, detector in detectors.items()}


class _Outward(BaseEstimator):
    """A detector of PyOD with the sign of scikit-learn: low scores for outliers."""

    def __init__(self, detector):
        self.detector = detector

    def fit(self, X, y=None):
        self.detector_ = clone(self.detector).fit(X)
        return self

    def decision_function(self, X):
        return -self.detector_.decision_function(X)


def measure_outliers(detector: Any, dataset: Dataset) -> Row:
    """Return the ROC-AUC of detecting each class, after training on the others."""
    aucs = {}
    for unknown in np.unique(dataset.y):
        detector.fit(dataset.X[dataset.y != unknown])
        scores = detector.decision_function(dataset.X_test)
        aucs[str(unknown)] = float(roc_auc_score(dataset.y_test != unknown, scores))
    return {"roc_auc": float(np.mean(list(aucs.values()))), "roc_auc_by_class": aucs}


# --- missing values ---


def imputation(dataset: Dataset, max_iter: int) -> Methods:
    """Return imputers."""
    n_nearest = 15 if dataset.image_shape else None  # regression on all pixels diverges
    settings = {
        "corruption": MaskingNoise(0.2),
        "learning_rate": "cosine",
        "max_iter": max_iter,
        "random_state": 0,
    }
    return {
        "mean": SimpleImputer(),
        "KNNImputer": KNNImputer(),
        "IterativeImputer": IterativeImputer(random_state=0, n_nearest_features=n_nearest),
        "autoencoder": AutoencoderImputer(AutoencoderTransformer(50, **settings)),
        "VAE": AutoencoderImputer(VAEEncoderTransformer(20, **settings)),
    }


def measure_imputation(imputer: Any, dataset: Dataset) -> Row:
    """Return the root mean square error of removed test values.

    The unit is the gray value for images, and the standard deviation of the feature for tables.
    """
    rng = np.random.default_rng(0)
    incomplete, test = (
        np.where(rng.uniform(size=X.shape) < MISSING, np.nan, X) for X in (dataset.X, dataset.X_test)
    )
    scaler = StandardScaler(with_std=dataset.image_shape is None).fit(incomplete)
    imputed = imputer.fit(scaler.transform(incomplete)).transform(scaler.transform(test))
    error = (imputed - scaler.transform(dataset.X_test))[np.isnan(test)]
    return {"rmse": float(np.sqrt(np.mean(np.square(error))))}


# --- few bits, few features ---


def hashing(dataset: Dataset, max_iter: int) -> Methods:
    """Return transformers that return packed bits."""
    to_bits = FunctionTransformer(_signs)
    centered, n_bits = StandardScaler(with_std=False), min(N_BITS, len(dataset.X))
    return {
        "random hyperplanes": make_pipeline(
            centered, GaussianRandomProjection(n_bits, random_state=0), to_bits
        ),
        "PCA, signs": make_pipeline(PCA(n_bits, random_state=0), to_bits),
        "semantic hashing": make_hashing_pipeline(n_bits, random_state=0, max_iter=max_iter),
    }


def _signs(Z: np.ndarray) -> np.ndarray:
    return np.packbits(Z > 0, axis=1)


def measure_hashing(pipe: Any, dataset: Dataset) -> Row:
    """Return how many of the nearest training images by Hamming distance have the query's class."""
    pipe.fit(dataset.X)
    bits, queries = (
        np.unpackbits(pipe.transform(X), axis=1) for X in (dataset.X, dataset.X_test[:N_QUERIES])
    )
    index = NearestNeighbors(n_neighbors=N_FOUND, metric="hamming").fit(bits)
    found = dataset.y[index.kneighbors(queries, return_distance=False)]  # (n_queries, N_FOUND)
    return {f"precision_at_{N_FOUND}": float(np.mean(found == dataset.y_test[:N_QUERIES, None]))}


def _in_few_features(last_step: Any, make: Callable[..., Any], max_iter: int) -> Methods:
    """Return the same last step after all features, principal components and codes."""
    settings = {"learning_rate": "cosine", "max_iter": max_iter, "random_state": 0}
    methods = {"all features": make_pipeline(StandardScaler(), last_step)}
    for width in WIDTHS:
        components = PCA(width, random_state=0)
        methods[f"PCA, {width}"] = make_pipeline(StandardScaler(), components, last_step)
        methods[f"autoencoder, {width}"] = make(width, **settings)
    return methods


def neighbors(dataset: Dataset, max_iter: int) -> Methods:
    """Return nearest-neighbor classifiers."""
    return _in_few_features(KNeighborsClassifier(), make_neighbors_pipeline, max_iter)


def measure_neighbors(pipe: Any, dataset: Dataset) -> Row:
    """Return the accuracy on the test samples."""
    return {"accuracy": float(pipe.fit(dataset.X, dataset.y).score(dataset.X_test, dataset.y_test))}


def clusters(dataset: Dataset, max_iter: int) -> Methods:
    """Return k-means, with as many clusters as classes."""
    n = len(np.unique(dataset.y))
    make = partial(make_clustering_pipeline, n_clusters=n)
    return _in_few_features(KMeans(n, random_state=0), make, max_iter)


def measure_clusters(pipe: Any, dataset: Dataset) -> Row:
    """Return the normalized mutual information of clusters and classes of the test samples."""
    found = pipe.fit(dataset.X).predict(dataset.X_test)
    return {"nmi": float(normalized_mutual_info_score(dataset.y_test, found))}


# --- rows ---

Use = tuple[Callable[[Dataset, int], Methods], Callable[[Any, Dataset], dict], tuple[str, ...], int]
SMALL = ("digits", "satimage")
USES: dict[str, Use] = {  # methods, measure, data sets, epochs
    "denoising": (denoising, measure_noise, ("mnist",), 10),
    "outliers": (outliers, measure_outliers, SMALL, 200),
    "imputation": (imputation, measure_imputation, SMALL, 200),
    "hashing": (hashing, measure_hashing, ("mnist",), 10),
    "neighbors": (neighbors, measure_neighbors, SMALL, 200),
    "clusters": (clusters, measure_clusters, SMALL, 200),
}


def tasks(use: str, smoke: bool) -> Iterator[Task]:
    """Yield the measurements of a use, data set by data set."""
    make, measure, names, epochs = USES[use]
    for name in names:
        dataset = load(name, smoke, N_SMOKE)
        for method, estimator in make(dataset, 1 if smoke else epochs).items():
            measured = partial(_timed, partial(measure, estimator, dataset))
            yield Task(_config(use, dataset, method, estimator), measured, f"{name}, {method}")


def _config(use: str, dataset: Dataset, method: str, estimator: Any) -> Row:
    params = re.sub(r" at 0x\w+", "", " ".join(repr(estimator).split()))  # of functions
    return {
        "key": f"{use} | {dataset.name} | {dataset.sha256[:8]} | {method} | {params}",
        "use": use,
        "dataset": dataset.name,
        "dataset_sha256": dataset.sha256,
        "method": method,
        "params": params,
    }


def _timed(measure: Callable[[], Row]) -> Row:
    start = time.perf_counter()
    measured = measure()
    return measured | {"seconds": round(time.perf_counter() - start, 1)}


def main() -> None:
    out = RESULTS / "autoencoder-family.jsonl"
    parser = options(__doc__, smoke=f"{N_SMOKE} samples, one epoch", out=out)
    parser.add_argument("--only", choices=USES, help="one use")
    arguments = parser.parse_args()
    for use in [arguments.only] if arguments.only else USES:
        collect_with_bar(list(tasks(use, arguments.smoke)), arguments.out, use)
        picture = arguments.out.with_name("denoising.png")
        if use == "denoising" and not picture.exists():
            draw_denoising(load("mnist", arguments.smoke, N_SMOKE), 1 if arguments.smoke else 10, picture)


if __name__ == "__main__":
    main()
