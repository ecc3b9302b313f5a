"""What autoencoders are used for besides features, each use beside what people would use instead.

Removing noise from MNIST, outliers and missing values in the digits and in satimage, and looking up
similar images by 32 bits. The settings were not tuned: all that learns, learns on the training samples,
and the test samples are read once. Rows go to ``pipelines/results/autoencoder-family.jsonl``; those that
are there are not computed again.

    python -m pipelines.experiments.autoencoder_family [--only USE] [--smoke]
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import median_filter
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.random_projection import GaussianRandomProjection

from pipelines.experiments.publish import RESULTS
from pipelines.ready import make_hashing_pipeline
from vaefeat import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    MaskingNoise,
    SaltAndPepperNoise,
    VAEEncoderTransformer,
    load_dataset,
)
from vaefeat.datasets import Dataset
from vaefeat.rows import append_row, provenance, read_rows

NOISE = 0.25  # share of the pixels
MISSING = 0.3  # share of the values
N_BITS = 32
N_FOUND = 100
N_QUERIES = 1_000
Method = Callable[[], object]


def salt_and_pepper(X: np.ndarray, seed: int) -> np.ndarray:
    """Return the images with ``NOISE`` of their pixels black or white."""
    u = np.random.default_rng(seed).uniform(size=X.shape)
    return np.where(u < NOISE, u < NOISE / 2, X).astype(np.float32)


def psnr(X: np.ndarray, cleaned: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB, a mean over the images."""
    error = np.mean(np.square(X - np.clip(cleaned, 0, 1)), axis=1, dtype=np.float64)
    return float(np.mean(-10 * np.log10(error)))


def denoising(dataset: Dataset, max_iter: int) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Yield for each method what measures it: PSNR of the test images, from noisy ones."""
    noisy, test = salt_and_pepper(dataset.X, 0), salt_and_pepper(dataset.X_test, 1)

    def measure(clean: Callable[[np.ndarray], np.ndarray]) -> dict:
        return {"psnr_db": psnr(dataset.X_test, clean(test))}

    def best_pca() -> dict:
        components = PCA(min(200, len(noisy)), random_state=0).fit(noisy)

        def clean(rows: np.ndarray, k: int) -> np.ndarray:
            axes = components.components_[:k]
            return (rows - components.mean_) @ axes.T @ axes + components.mean_

        # As many components as suit the clean training images best.
        k = max((10, 20, 30, 50, 75, 100, 150, 200), key=lambda k: psnr(dataset.X, clean(noisy, k)))
        return measure(lambda rows: clean(rows, k)) | {"n_components": k}

    def median() -> dict:
        size = (1, 3, 3)
        return measure(
            lambda rows: median_filter(rows.reshape(-1, *dataset.image_shape), size).reshape(len(rows), -1)
        )

    def autoencoder() -> dict:
        denoiser = AutoencoderTransformer(
            100,
            hidden_layer_sizes=(500,),
            loss="log_loss",
            corruption=SaltAndPepperNoise(NOISE),
            output="reconstruction",
            learning_rate="cosine",
            max_iter=max_iter,
            random_state=0,
        ).fit(dataset.X)
        return measure(denoiser.transform)

    yield "noisy", lambda: measure(lambda rows: rows)
    yield "median filter, 3x3", median
    yield "PCA, best k", best_pca
    yield "autoencoder", autoencoder


def outliers(dataset: Dataset, max_iter: int) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Yield for each method its ROC-AUC, a class of the test samples being unknown in training."""
    small = {"hidden_layer_sizes": (128,), "max_iter": max_iter, "random_state": 0}
    detectors: dict[str, Method] = {
        "IsolationForest": lambda: IsolationForest(random_state=0),
        "LocalOutlierFactor": lambda: LocalOutlierFactor(novelty=True),
        "autoencoder": lambda: AutoencoderOutlierDetector(AutoencoderTransformer(8, **small)),
        "VAE": lambda: AutoencoderOutlierDetector(VAEEncoderTransformer(8, **small)),
    }

    def auc(make: Method, unknown: int) -> float:
        pipe = make_pipeline(StandardScaler(), make()).fit(dataset.X[dataset.y != unknown])
        return float(roc_auc_score(dataset.y_test != unknown, pipe.decision_function(dataset.X_test)))

    def measure(make: Method) -> dict:
        aucs = {str(c): auc(make, c) for c in np.unique(dataset.y)}
        return {"roc_auc": float(np.mean(list(aucs.values()))), "roc_auc_by_class": aucs}

    for name, make in detectors.items():
        yield name, lambda make=make: measure(make)


def imputation(dataset: Dataset, max_iter: int) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Yield for each method the error of test values that were taken away.

    In grey values of images, which have one scale; of tables in standard deviations.
    """
    rng = np.random.default_rng(0)
    incomplete, test = (
        np.where(rng.uniform(size=X.shape) < MISSING, np.nan, X) for X in (dataset.X, dataset.X_test)
    )
    scaler = (FunctionTransformer() if dataset.image_shape else StandardScaler()).fit(incomplete)
    missing = np.isnan(test)
    expected = scaler.transform(dataset.X_test)[missing]
    masked = AutoencoderTransformer(corruption=MaskingNoise(0.2), max_iter=max_iter, random_state=0)
    vae = VAEEncoderTransformer(20, corruption=MaskingNoise(0.2), max_iter=max_iter, random_state=0)
    imputers: dict[str, Method] = {
        "mean": SimpleImputer,
        "KNNImputer": KNNImputer,
        "autoencoder": lambda: AutoencoderImputer(masked),
        "VAE": lambda: AutoencoderImputer(vae),
        "IterativeImputer": lambda: IterativeImputer(random_state=0),
    }

    def measure(make: Method) -> dict:
        imputed = make().fit(scaler.transform(incomplete)).transform(scaler.transform(test))
        return {"rmse": float(np.sqrt(np.mean(np.square(imputed[missing] - expected))))}

    for name, make in imputers.items():
        yield name, lambda make=make: measure(make)


def hashing(dataset: Dataset, max_iter: int) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Yield for each method the share of the query's class among the nearest by Hamming distance."""
    n_bits = min(N_BITS, len(dataset.X))
    to_bits = FunctionTransformer(lambda Z: np.packbits(Z > 0, axis=1))
    centred = StandardScaler(with_std=False)
    pipelines: dict[str, Callable[[], Pipeline]] = {
        "random hyperplanes": lambda: make_pipeline(
            centred, GaussianRandomProjection(n_bits, random_state=0), to_bits
        ),
        "PCA, signs": lambda: make_pipeline(PCA(n_bits, random_state=0), to_bits),
        "semantic hashing": lambda: make_hashing_pipeline(n_bits, random_state=0, max_iter=max_iter),
    }

    def measure(make: Callable[[], Pipeline]) -> dict:
        pipe = make().fit(dataset.X)
        found, queries = pipe.transform(dataset.X), pipe.transform(dataset.X_test[:N_QUERIES])
        precisions = []
        for query, label in zip(queries, dataset.y_test, strict=False):
            distances = np.bitwise_count(found ^ query).sum(axis=1)
            nearest = np.argsort(distances, kind="stable")[:N_FOUND]
            precisions.append(np.mean(dataset.y[nearest] == label))
        return {f"precision_at_{N_FOUND}": float(np.mean(precisions)), "n_bits": n_bits}

    for name, make in pipelines.items():
        yield name, lambda make=make: measure(make)


USES = {
    "denoising": (denoising, ("mnist",), 10),
    "outliers": (outliers, ("digits", "satimage"), 50),
    "imputation": (imputation, ("digits", "satimage"), 50),
    "hashing": (hashing, ("mnist",), 10),
}


def run(out: Path, only: str | None, n_samples: int | None, max_iter: int | None) -> None:
    """Compute the rows that are missing; of the first samples, with other epochs, if these are given."""
    known = read_rows(out)
    for use, (methods, names, epochs) in USES.items():
        for name in names if only in (None, use) else ():
            dataset = load_dataset(name) if n_samples is None else load_dataset(name).head(n_samples)
            for method, measure in methods(dataset, max_iter or epochs):
                key = f"{use} | {name} | {method}"
                if key in known:
                    continue
                start = time.perf_counter()
                row = {"key": key, "use": use, "dataset": name, "sha256": dataset.sha256, "method": method}
                row |= {"max_iter": max_iter or epochs, "seed": 0, **measure()}
                row["seconds"] = round(time.perf_counter() - start, 1)
                append_row(out, row | provenance())
                print(key, {name: value for name, value in row.items() if isinstance(value, float)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=USES, help="one use")
    parser.add_argument("--smoke", action="store_true", help="300 samples and one epoch")
    parser.add_argument("--out", type=Path, default=RESULTS / "autoencoder-family.jsonl")
    arguments = parser.parse_args()
    run(arguments.out, arguments.only, *((300, 1) if arguments.smoke else (None, None)))


if __name__ == "__main__":
    main()
