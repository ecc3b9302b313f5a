"""Is it worth it? Feature extractors x classifiers x numbers of labels x draws of the labels.

Every extractor sees all training samples; every classifier sees the features of the labelled ones
alone, or, if it is semi-supervised, of all, chooses its regularisation among the labelled, and reads
the test set once. Each outcome is a row, a flat dict that says all that is needed to obtain it again.
"""

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, StratifiedShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import get_tags
from threadpoolctl import threadpool_limits

from vaefeat.data import UNLABELED, Dataset, load_dataset, mask_labels
from vaefeat.estimators import SupervisedEncoderTransformer, VAEEncoderTransformer
from vaefeat.recipes import image_encoder
from vaefeat.rows import Row, append_row, provenance, read_rows

ALL = "all"
N_LABELED = (100, 600, 3000, ALL)
RAW, VAE, IMAGE = "raw", "vae", "image vae"
MIN_STEPS = 5_000  # of the VAE's training: small data are passed over more often
MIN_IMAGE_STEPS = 2_000  # of the image encoder's
CS = (0.01, 0.1, 1.0, 10.0)

Progress = Callable[[str, int, int], None]


def default_extractors(
    dataset: Dataset, n_components: int = 10, max_iter: int | None = None, random_state: int = 0
) -> dict[str, BaseEstimator]:
    """Return the feature extractors that a VAE is to be compared with, and the VAE, unfitted.

    Parameters
    ----------
    dataset : Dataset
        Images enter as they are, with a Bernoulli likelihood; tables are standardised first, with a
        Gaussian one.
    n_components : int, default=10
        Features of PCA and of all encoders but the one for images, which has 50.
    max_iter : int, optional
        Epochs of the VAEs; by default 50 or as many as make 5 000 steps, of the one for images 8 or
        2 000 steps.
    random_state : int, default=0

    Returns
    -------
    dict of str to transformer
        "raw", "pca", "untrained" (the VAE's encoder with its initial weights), "vae" (the frozen
        means, no labels), "image vae" (the same of :func:`vaefeat.recipes.image_encoder`, with 50
        features, for images), and "supervised" (an encoder trained with the labels, as in Annex F
        of the 2018 thesis).
    """
    image_shape = dataset.image_shape
    is_image = image_shape is not None
    n_components = min(n_components, *dataset.X.shape)
    vae = VAEEncoderTransformer(
        n_components, likelihood="bernoulli" if is_image else "gaussian", random_state=random_state
    )
    extractors = {
        RAW: FunctionTransformer(),
        "pca": PCA(n_components, random_state=random_state),
        "untrained": clone(vae).set_params(max_iter=0),
        VAE: vae.set_params(max_iter=_n_epochs(vae, dataset, MIN_STEPS) if max_iter is None else max_iter),
    }
    if image_shape is not None:
        batch_size = min(256, max(1, len(dataset.X) // 10))
        image_vae = image_encoder(image_shape, batch_size=batch_size, random_state=random_state)
        n_epochs = _n_epochs(image_vae, dataset, MIN_IMAGE_STEPS) if max_iter is None else max_iter
        extractors[IMAGE] = image_vae.set_params(max_iter=n_epochs)
    extractors["supervised"] = SupervisedEncoderTransformer(
        n_components, n_steps=min(2_750, 50 * _n_steps(vae, dataset)), random_state=random_state
    )
    scalers = [] if is_image else [StandardScaler()]
    return {name: make_pipeline(*scalers, extractor) for name, extractor in extractors.items()}


def _n_steps(vae: VAEEncoderTransformer, dataset: Dataset) -> int:
    """Return the steps of an epoch."""
    return math.ceil(len(dataset.X) / vae.batch_size)


def _n_epochs(vae: VAEEncoderTransformer, dataset: Dataset, min_steps: int) -> int:
    return max(vae.max_iter, math.ceil(min_steps / _n_steps(vae, dataset)))


def default_classifiers() -> dict[str, BaseEstimator]:
    """Return the classifier of the thesis: logistic regression, its C chosen among the labelled."""
    return {"LogisticRegression": GridSearchCV(LogisticRegression(max_iter=5_000), {"C": CS})}


@dataclass
class Comparison:
    """The rows of a comparison, and what they say.

    Attributes
    ----------
    rows : list of dict
        One for each extractor, classifier, number of labels and draw.
    extractors : dict of str to transformer
        The fitted ones that need no labels, by name; those that were fitted in this run.
    """

    rows: list[Row]
    extractors: dict[str, BaseEstimator] = field(default_factory=dict)

    def summary(self) -> list[Row]:
        """Return mean and standard deviation over the draws, and the paired gain over raw features.

        Returns
        -------
        list of dict
            ``extractor``, ``classifier``, ``n_labeled``, ``n_draws``, ``accuracy_mean``,
            ``accuracy_sd``, ``fit_seconds`` (median), ``rows_per_second`` (median), and, where there
            are raw rows of the same draws, ``gain`` with ``gain_low`` and ``gain_high``: the mean
            difference from raw and its 95 % interval by Student's t over the draws.
        """
        groups: dict[tuple, dict[int, Row]] = {}
        for row in self.rows:
            key = (row["extractor"], row["classifier"], row["n_labeled"])
            groups.setdefault(key, {})[row["draw"]] = row
        return [_summarize(key, rows, groups.get((RAW, *key[1:]), {})) for key, rows in groups.items()]

    def to_markdown(self) -> str:
        """Return the summary as a table in Markdown: an extractor a line, a number of labels a column."""
        summary = self.summary()
        counts = sorted({row["n_labeled"] for row in summary}, key=_as_number)
        lines = [
            "| features | " + " | ".join(f"{n} labels" for n in counts) + " |",
            "| --- |" + " --- |" * len(counts),
        ]
        for extractor, classifier in dict.fromkeys((r["extractor"], r["classifier"]) for r in summary):
            cells = {
                r["n_labeled"]: _cell(r)
                for r in summary
                if (r["extractor"], r["classifier"]) == (extractor, classifier)
            }
            label = (
                extractor if len({r["classifier"] for r in summary}) == 1 else f"{extractor}, {classifier}"
            )
            lines.append(f"| {label} | " + " | ".join(cells.get(n, "") for n in counts) + " |")
        return "\n".join(lines)


def compare(
    data: str | os.PathLike[str] | Dataset = "digits",
    *,
    target: str | None = None,
    extractors: Mapping[str, BaseEstimator] | None = None,
    classifiers: Mapping[str, BaseEstimator] | None = None,
    semi_supervised: Mapping[str, BaseEstimator] | None = None,
    n_labeled: Sequence[int | str] = N_LABELED,
    n_draws: int = 10,
    out: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare feature extractors by the accuracy of classifiers trained on few labels.

    Parameters
    ----------
    data : str, path or Dataset, default="digits"
        As for :func:`vaefeat.data.load_dataset`.
    target : str, optional
        Column of the classes, if ``data`` is a file.
    extractors : mapping of str to transformer, optional
        By default :func:`default_extractors`. One whose tags say that it requires ``y`` is fitted to
        the labelled samples of each draw, the others once to all training samples. The intervals
        are taken against the one named "raw".
    classifiers : mapping of str to classifier, optional
        By default :func:`default_classifiers`.
    semi_supervised : mapping of str to classifier, optional
        Further classifiers, which are fitted to all training samples; -1 is the label of those whose
        label is not to be known. By default there are none.
    n_labeled : sequence of int or "all", default=(100, 600, 3000, "all")
        Numbers of labels; those above the number of training samples are left out.
    n_draws : int, default=10
        Draws of the labels, class by class alike; the same draws for all extractors. Of "all" there
        is one.
    out : path, optional
        A file of rows, one JSON object a line. Rows that it holds are not computed again; new ones
        are appended as they come, so that an interrupted comparison goes on where it stopped.
    progress : callable, optional
        Called with what is being done, the number of rows done, and their total.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the data have no classes, or two classifiers one name.

    Examples
    --------
    >>> from vaefeat import compare
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> comparison = compare(
    ...     "digits", extractors={"raw": FunctionTransformer(), "pca": PCA(8)}, n_labeled=[50], n_draws=3
    ... )
    >>> len(comparison.rows)
    6
    """
    dataset = data if isinstance(data, Dataset) else load_dataset(data, target=target)
    if dataset.y is None:
        raise ValueError(
            f"{dataset.name} has no classes to predict; for a file, name their column with target."
        )
    classifiers = default_classifiers() if classifiers is None else classifiers
    semi_supervised = semi_supervised or {}
    if both := set(classifiers) & set(semi_supervised):
        raise ValueError(f"{sorted(both)} are among classifiers and semi_supervised; give them other names.")
    experiment = _Experiment(
        dataset,
        default_extractors(dataset) if extractors is None else extractors,
        classifiers,
        semi_supervised,
        [n for n in n_labeled if _as_number(n) < len(dataset.X) or n == ALL],
        n_draws,
    )
    known = read_rows(Path(out)) if out else {}
    rows: dict[str, Row] = {}
    total = len(experiment.keys())
    for row in experiment.run(known, lambda what: progress and progress(what, len(rows), total)):
        rows[row["key"]] = row
        if out and row["key"] not in known:
            append_row(Path(out), row)
    if progress:
        progress("done", total, total)
    return Comparison(list(rows.values()), experiment.fitted)


@dataclass
class _Experiment:
    """The grid, in the order in which it is worked through."""

    dataset: Dataset
    extractors: Mapping[str, BaseEstimator]
    classifiers: Mapping[str, BaseEstimator]
    semi_supervised: Mapping[str, BaseEstimator]
    n_labeled: Sequence[int | str]
    n_draws: int
    fitted: dict[str, BaseEstimator] = field(default_factory=dict)
    _last: tuple[tuple, Any] = ((), None)

    def cells(self) -> Iterator[tuple[str, int | str, int, str]]:
        for extractor in self.extractors:
            for n_labeled in self.n_labeled:
                for draw in range(1 if n_labeled == ALL else self.n_draws):
                    for classifier in [*self.classifiers, *self.semi_supervised]:
                        yield extractor, n_labeled, draw, classifier

    def keys(self) -> list[str]:
        return [self._key(*cell) for cell in self.cells()]

    def run(self, known: Mapping[str, Row], announce: Callable[[str], Any]) -> Iterator[Row]:
        for cell in self.cells():
            key = self._key(*cell)
            announce(f"{cell[0]}, {cell[1]} labels")
            yield known[key] if key in known else {"key": key, **self._row(*cell)}

    def _config(self, extractor: str, n_labeled: int | str, draw: int, classifier: str) -> Row:
        return {
            "dataset": self.dataset.name,
            "dataset_sha256": self.dataset.sha256,
            "n_train": len(self.dataset.X),
            "extractor": extractor,
            "classifier": classifier,
            "n_labeled": n_labeled,
            "draw": draw,
            "extractor_params": _describe(self.extractors[extractor]),
            "classifier_params": _describe(({**self.classifiers, **self.semi_supervised})[classifier]),
        }

    def _key(self, *cell: Any) -> str:
        config = json.dumps(self._config(*cell), sort_keys=True)
        return hashlib.sha256(config.encode()).hexdigest()[:16]

    def _row(self, extractor: str, n_labeled: int | str, draw: int, classifier: str) -> Row:
        features = self._features(extractor, n_labeled, draw)
        started = time.perf_counter()
        # On one thread: sums in one order on every machine, and no cores that wait for each other
        # over the small products of few labels.
        with threadpool_limits(1):
            fitted = self._fit(classifier, features.X, n_labeled, draw)
        classifier_seconds = time.perf_counter() - started
        return self._config(extractor, n_labeled, draw, classifier) | {
            "accuracy": float(np.mean(fitted.predict(features.X_test) == self.dataset.y_test)),
            "n_features": features.X.shape[1],
            "fit_seconds": round(features.fit_seconds, 3),
            "classifier_seconds": round(classifier_seconds, 3),
            "rows_per_second": round(features.rows_per_second),
            "final_loss": features.final_loss,
            "best_params": getattr(fitted, "best_params_", {}),
            **provenance(),
        }

    def _fit(self, classifier: str, X: np.ndarray, n_labeled: int | str, draw: int) -> BaseEstimator:
        if classifier in self.semi_supervised:
            return clone(self.semi_supervised[classifier]).fit(X, self._masked(n_labeled, draw))
        labeled = self._labeled(n_labeled, draw)
        y = self._y[labeled]
        return with_folds(clone(self.classifiers[classifier]), y).fit(X[labeled], y)

    def _labeled(self, n_labeled: int | str, draw: int) -> np.ndarray:
        if n_labeled == ALL:
            return np.arange(len(self._y))
        return np.flatnonzero(self._masked(n_labeled, draw) != UNLABELED)

    def _masked(self, n_labeled: int | str, draw: int) -> np.ndarray:
        return self._y if n_labeled == ALL else mask_labels(self._y, int(n_labeled), draw)

    def _features(self, extractor: str, n_labeled: int | str, draw: int) -> "_Features":
        """Return the features; the last ones are kept, since cells that share them are neighbours."""
        needs_labels = get_tags(_last_step(self.extractors[extractor])).target_tags.required
        key = (extractor, n_labeled, draw) if needs_labels else (extractor,)
        if self._last[0] != key:
            labeled = self._labeled(n_labeled, draw) if needs_labels else slice(None)
            fitted = clone(self.extractors[extractor])
            started = time.perf_counter()
            fitted.fit(self.dataset.X[labeled], self._y[labeled] if needs_labels else None)
            fit_seconds = time.perf_counter() - started
            if not needs_labels:
                self.fitted[extractor] = fitted
            self._last = key, _Features.of(fitted, self.dataset, fit_seconds)
        return self._last[1]

    @property
    def _y(self) -> np.ndarray:
        assert self.dataset.y is not None  # compare() has refused such data
        return self.dataset.y


@dataclass(frozen=True)
class _Features:
    X: np.ndarray
    X_test: np.ndarray
    fit_seconds: float
    rows_per_second: float
    final_loss: float | None

    @classmethod
    def of(cls, fitted: BaseEstimator, dataset: Dataset, fit_seconds: float) -> "_Features":
        X_test = fitted.transform(dataset.X_test)
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            fitted.transform(dataset.X_test)
            seconds.append(time.perf_counter() - started)
        loss_curve = getattr(_last_step(fitted), "loss_curve_", None)
        final_loss = round(loss_curve[-1], 4) if loss_curve else None
        rows_per_second = len(X_test) / float(np.median(seconds))
        return cls(fitted.transform(dataset.X), X_test, fit_seconds, rows_per_second, final_loss)


def _last_step(estimator: BaseEstimator) -> BaseEstimator:
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator


def with_folds(classifier: BaseEstimator, y: np.ndarray) -> BaseEstimator:
    """Give a search without folds of its own such that ``y`` allows: five, fewer, or one hold-out."""
    if not (isinstance(classifier, GridSearchCV) and classifier.cv is None):
        return classifier
    smallest_class = int(np.unique(y, return_counts=True)[1].min())
    if smallest_class < 2:
        return clone(classifier.estimator)
    if len(y) > 10_000:
        folds: Any = StratifiedShuffleSplit(1, test_size=0.1, random_state=0)
    else:
        folds = StratifiedKFold(min(5, smallest_class), shuffle=True, random_state=0)
    return classifier.set_params(cv=folds)


def _describe(estimator: BaseEstimator) -> str:
    is_sklearns = isinstance(estimator, BaseEstimator)  # whose repr would be cut where it is long
    return " ".join((estimator.__repr__(N_CHAR_MAX=math.inf) if is_sklearns else repr(estimator)).split())


def _as_number(n_labeled: int | str) -> float:
    return math.inf if n_labeled == ALL else float(n_labeled)


def _cell(row: Row) -> str:
    mean = f"{100 * row['accuracy_mean']:.1f}"
    return mean if row["n_draws"] == 1 else f"{mean} ± {100 * row['accuracy_sd']:.1f}"


def _summarize(key: tuple, rows: Mapping[int, Row], raw: Mapping[int, Row]) -> Row:
    accuracies = np.array([row["accuracy"] for row in rows.values()])
    summary = {
        "extractor": key[0],
        "classifier": key[1],
        "n_labeled": key[2],
        "n_draws": len(rows),
        "accuracy_mean": float(accuracies.mean()),
        "accuracy_sd": float(accuracies.std(ddof=1)) if len(rows) > 1 else 0.0,
        "fit_seconds": float(np.median([row["fit_seconds"] for row in rows.values()])),
        "rows_per_second": float(np.median([row["rows_per_second"] for row in rows.values()])),
    }
    gains = [row["accuracy"] - raw[draw]["accuracy"] for draw, row in rows.items() if draw in raw]
    if key[0] == RAW or not gains:
        return summary
    low, high = paired_interval(gains)
    return summary | {"gain": float(np.mean(gains)), "gain_low": low, "gain_high": high}


def paired_interval(differences: Iterable[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a mean difference, by Student's t; infinite for a single difference.

    Parameters
    ----------
    differences : iterable of float
        One for each pair.
    confidence : float, default=0.95

    Returns
    -------
    low, high : float
    """
    from scipy.stats import t

    differences = np.asarray(list(differences))
    n = len(differences)
    if n < 2:
        return -math.inf, math.inf
    half = t.ppf((1 + confidence) / 2, n - 1) * differences.std(ddof=1) / math.sqrt(n)
    return float(differences.mean() - half), float(differences.mean() + half)
