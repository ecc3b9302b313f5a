"""What a comparison measures: extractors x numbers of labels x draws of the labels x classifiers."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from vaefeat.comparison.derived import HiddenLayer
from vaefeat.comparison.rows import Row
from vaefeat.data import UNLABELED, Dataset
from vaefeat.data.targets import draw

ALL = "all"
TRAINING_SHARE = 0.75  # of the labels, where a draw is tested on those that it leaves out
RAW = "raw"
N_LABELED = (100, 600, 3000, ALL)


class Cell(NamedTuple):
    """One measurement: a classifier on the features of an extractor, with one draw of the labels."""

    extractor: str
    n_labeled: int | str
    draw: int
    classifier: str


@dataclass(frozen=True)
class Grid:
    """All measurements of a comparison.

    Attributes
    ----------
    dataset : Dataset
        With labels ``y``: classes, or quantities.
    extractors, classifiers, semi_supervised : mapping of str to estimator
        Unfitted; for quantities, the classifiers are regressors. Those of ``semi_supervised`` are classifiers
        that also learn from unlabeled samples. An extractor may be a :class:`HiddenLayer` of another one.
    n_labeled : sequence of int or "all"
    baselines : mapping of str to classifier
        Unfitted; each has its own line, and learns from the raw features.
    stratify : bool
        Whether the draws have equally many labels of each class, or labels as they come.
    n_draws : int
        Draws of the labels for each number of labels; there is one draw of "all".
    """

    dataset: Dataset
    extractors: Mapping[str, BaseEstimator]
    classifiers: Mapping[str, BaseEstimator]
    semi_supervised: Mapping[str, BaseEstimator]
    n_labeled: Sequence[int | str]
    n_draws: int
    baselines: Mapping[str, BaseEstimator] = field(default_factory=dict)
    stratify: bool = True

    def cells(self) -> Iterator[Cell]:
        """Yield the cells in an order in which those that share features are neighbors."""
        for extractor in self.extractors:
            for n_labeled in self.n_labeled:
                for number in range(1 if n_labeled == ALL else self.n_draws):
                    for classifier in [*self.classifiers, *self.semi_supervised]:
                        yield Cell(extractor, n_labeled, number, classifier)
                    for name in self.baselines if extractor == RAW else ():
                        yield Cell(name, n_labeled, number, type(self.baselines[name]).__name__)

    def extractor_of(self, cell: Cell) -> str:
        """Return the name of the extractor whose features a cell's classifier learns from."""
        return RAW if cell.extractor in self.baselines else cell.extractor

    def classifier_of(self, cell: Cell) -> BaseEstimator:
        """Return the unfitted classifier of a cell."""
        if cell.extractor in self.baselines:
            return self.baselines[cell.extractor]
        return {**self.classifiers, **self.semi_supervised}[cell.classifier]

    def config(self, cell: Cell) -> Row:
        """Return what identifies a cell's row: data, estimators, labels, and their hash as ``key``."""
        config = {
            "dataset": self.dataset.name,
            "dataset_sha256": self.dataset.sha256,
            "n_train": len(self.dataset.X),
            **cell._asdict(),
            "extractor_params": self._describe(self.extractor_of(cell)),
            "classifier_params": describe(self.classifier_of(cell)),
        }
        if not self.stratify:
            config["draws"] = "as they come"
        if self.dataset.target is not None:
            config["target"] = f"{self.dataset.target}: {self.dataset.task}"
        if self.dataset.plan is not None:
            config["columns"] = hash_of({"plan": self.dataset.plan.to_json()})
        return {"key": hash_of(config)} | config

    def _describe(self, extractor: str) -> str:
        estimator = self.extractors[extractor]
        if isinstance(estimator, HiddenLayer):
            return f"{estimator} = {describe(self.extractors[estimator.of])}"
        return describe(estimator)

    def is_drawn(self, n_labeled: int | str, number: int) -> np.ndarray:
        """Return for each training sample whether a draw keeps its label; "all" keeps every one."""
        if n_labeled == ALL:
            return self.dataset.is_labeled
        return draw(self._y, self.dataset.task, int(n_labeled), number, stratify=self.stratify)

    def labels(self, n_labeled: int | str, number: int) -> np.ndarray:
        """Return the classes of all training samples, -1 for those without one or left out by the draw."""
        is_drawn = self.is_drawn(n_labeled, number)
        if is_drawn.all():
            return self._y
        is_integer = self._y.dtype.kind in "iu"
        y = np.full(len(self._y), UNLABELED, dtype=np.int64 if is_integer else object)
        y[is_drawn] = self._y[is_drawn]
        return y

    def labeled(self, X: np.ndarray, n_labeled: int | str, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the labeled ones among ``X``, which has a row per training sample, and their labels."""
        is_drawn = self.is_drawn(n_labeled, number)
        y = self._y[is_drawn]
        return X[is_drawn], np.array(y.tolist()) if y.dtype == object else y

    @property
    def _y(self) -> np.ndarray:
        assert self.dataset.y is not None  # compare() has refused such data
        return self.dataset.y

    @property
    def tests_on_rest(self) -> bool:
        """Whether each draw is tested on the labels that it leaves out, as there are no test samples."""
        return not len(self.dataset.X_test)

    def rest(self, n_labeled: int | str, number: int) -> np.ndarray:
        """Return for each training sample whether it has a label that a draw leaves out."""
        return self.dataset.is_labeled & ~self.is_drawn(n_labeled, number)

    def needs_labels(self, extractor: str) -> bool:
        """Return whether an extractor must be fitted again for each draw of the labels."""
        last = last_step(self.extractors[extractor])
        return not isinstance(last, HiddenLayer) and get_tags(last).target_tags.required


def numbers_of_labels(dataset: Dataset, wanted: Sequence[int | str] | None) -> list[int | str]:
    """Return the numbers of labels to draw: those requested, as far as there are enough.

    Raises
    ------
    ValueError
        If there are enough for none of them, or if the data have no classes.
    """
    if dataset.y is None:
        raise ValueError(
            f"{dataset.name} has no classes to predict; name their column with target (--target)."
        )
    n_known = int(dataset.is_labeled.sum())
    tests_on_rest = not len(dataset.X_test)
    largest = int(TRAINING_SHARE * n_known) if tests_on_rest else n_known - 1
    counts = [n for n in wanted or N_LABELED if as_number(n) <= largest or (n == ALL and not tests_on_rest)]
    if counts or (wanted is None and largest > 0):
        return counts or [largest]
    raise ValueError(
        f"Got n_labeled={list(wanted or N_LABELED)}, expected numbers up to {largest}: of {n_known} labels "
        f"{'the others serve for testing' if tests_on_rest else 'some are left out'}."
    )


def hash_of(config: Row) -> str:
    """Return a short hash of a value that JSON can hold, for the key of a row."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


def last_step(estimator: BaseEstimator) -> BaseEstimator:
    """Return the last step of a Pipeline, and any other estimator itself."""
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator


def describe(estimator: BaseEstimator) -> str:
    """Return an estimator's repr on one line; scikit-learn's is not abbreviated."""
    is_sklearns = isinstance(estimator, BaseEstimator)
    return " ".join((estimator.__repr__(N_CHAR_MAX=math.inf) if is_sklearns else repr(estimator)).split())


def as_number(n_labeled: int | str) -> float:
    """Return a number of labels as a number: infinity for "all"."""
    return math.inf if n_labeled == ALL else float(n_labeled)
