"""From samples with few labels to a Pipeline that ships."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.pipeline import Pipeline

from vaefeat.comparison import beside
from vaefeat.data import UNLABELED
from vaefeat.data._table import short
from vaefeat.data.samples import Samples, read_samples
from vaefeat.data.targets import check_target
from vaefeat.estimators._diffusion import neighbor_graph
from vaefeat.estimators._few_labels import few_labels
from vaefeat.estimators._progress import Progress, Steps
from vaefeat.fitting import duration
from vaefeat.fitting.candidates import BESIDE, GRAPH, PREDICTORS, VAE, Candidate, default_candidates
from vaefeat.fitting.columns import ColumnEncoder
from vaefeat.fitting.graph import GraphVote
from vaefeat.fitting.logistic import LogisticSearch
from vaefeat.fitting.scores import CrossValidated
from vaefeat.fitting.selection import choose_among, cross_validate, groups_of, rows_to_choose_by

MIN_CURVE = 20  # labels: nothing can be said about fewer


@dataclass(frozen=True)
class Choice:
    """What was chosen among candidates, and why.

    Attributes
    ----------
    pipeline : Pipeline
        Fitted to all rows; takes rows as they were given.
    samples : Samples
    candidates : list of Candidate
        Those that were tried, the simplest first.
    scores : list of Score or RegressionScore
        Of each candidate, by cross-validation.
    chosen : int
        Position of the candidate that the Pipeline is made of.
    skipped : list of str
        Candidates for which there was not enough time.
    curves : dict of int to list of float
        By the number of labels, what each candidate would have scored with that many.
    """

    pipeline: Pipeline
    samples: Samples
    candidates: list[Candidate]
    scores: list[CrossValidated]
    chosen: int
    skipped: list[str]
    curves: dict[int, list[float]]


def fit(data: Any, target: Any = None, **options: Any) -> Pipeline:
    """Fit the Pipeline that suits the data: choose features and classifier or regressor, train on all rows.

    Parameters
    ----------
    data, target, **options
        As for :func:`vaefeat.fitting.choose`.

    Returns
    -------
    Pipeline
        Fitted; takes rows as they are in ``data``, and can be exported by :func:`vaefeat.export_onnx`.

    Examples
    --------
    >>> import pandas as pd
    >>> import vaefeat
    >>> from sklearn.datasets import load_wine
    >>> frame = load_wine(as_frame=True).frame
    >>> pipe = vaefeat.fit(frame, target="target", classifier="random-forest", max_iter=20)
    >>> pipe.predict(frame.head(2)).tolist()
    [0, 0]
    """
    return choose(data, target, **options).pipeline


def choose(
    data: Any,
    target: Any = None,
    *,
    classifier: str | None = None,
    encoder_only: bool = False,
    max_seconds: float | None = None,
    max_iter: int | None = None,
    random_state: int = 0,
    progress: Progress | None = None,
    **read: Any,
) -> Choice:
    """Choose among candidates by cross-validation over the labeled rows, and fit the best to all rows.

    Features are learned from all rows, labeled or not, without the labels. Each labeled row is
    predicted by classifiers that were trained without its label. Of the candidates within one standard
    error of the best balanced accuracy, the one with the lowest log loss is chosen; for quantities, the
    simplest within one standard error of the best R². A :class:`vaefeat.GraphClassifier` is scored by the
    classes that its graph gives to the rows whose labels are left out.

    Parameters
    ----------
    data, target
        As for :func:`vaefeat.data.samples.read_samples`; ``data`` may also be a Samples.
    classifier : {"logistic-regression", "ridge", "random-forest", "graph"}, optional
        The only kind of classifier, or regressor, to consider. "graph" is a
        :class:`vaefeat.GraphClassifier`, for images of which some have no label.
    encoder_only : bool, default=False
        Consider only encoders, and return a Pipeline without the classifier.
    max_seconds : float, optional
        Start no further candidate after this time.
    max_iter : int, optional
        Epochs of the encoders.
    random_state : int, default=0
    progress : callable, optional
        Called with a description of the current step, the number of steps done, which is a fraction during
        training, and their total.
    **read
        Further options of :func:`vaefeat.data.samples.read_samples`, such as ``task``, ``unlabeled``,
        ``image_shape``, ``drop``, ``categorical`` and ``numeric``.

    Returns
    -------
    Choice

    Raises
    ------
    ValueError
        If the data cannot be learned from, or no candidate is left.
    """
    samples = data if isinstance(data, Samples) else read_samples(data, target, **read)
    check_labels(samples)
    candidates = _considered(samples, classifier, encoder_only, max_iter, random_state)
    trial = _Trial(samples, random_state, Steps(progress))
    scores, skipped = trial.score(candidates, max_seconds)
    candidates = candidates[: len(scores)]
    chosen = choose_among(scores)
    curves = trial.curves(candidates, scores)
    pipeline = trial.pipeline(candidates[chosen], encoder_only)
    return Choice(pipeline, samples, candidates, scores, chosen, skipped, curves)


def check_labels(samples: Samples) -> None:
    """Refuse samples that nothing can be learned from.

    Raises
    ------
    ValueError
    """
    if samples.y is None:
        raise ValueError(
            f"{samples.name} has no classes to predict; name their column with target (--target)."
        )
    check_target(samples.y, samples.task, samples.target)


def seconds_to_train(
    samples: Samples,
    *,
    classifier: str | None = None,
    encoder_only: bool = False,
    max_iter: int | None = None,
    random_state: int = 0,
    **others: Any,
) -> float:
    """Return about how many seconds :func:`choose` trains encoders, or 0 if it tries none.

    The parameters are those of that function. A few steps are trained.
    """
    candidates = _considered(samples, classifier, encoder_only, max_iter, random_state)
    extractors = {candidate.extractor for candidate in candidates if candidate.needs_encoder}
    return sum(duration.seconds_to_train(each, samples.X) for each in extractors if each[-1].max_iter)


def _considered(
    samples: Samples,
    classifier: str | None = None,
    encoder_only: bool = False,
    max_iter: int | None = None,
    random_state: int = 0,
) -> list[Candidate]:
    """Return the candidates that :func:`choose` tries, whose parameters these are.

    Raises
    ------
    ValueError
        If none is left.
    """
    known = PREDICTORS[samples.task]
    if classifier not in (None, *known):
        names = ", ".join(known)
        raise ValueError(f"Got the classifier {short(repr(classifier))}, expected one of {names} here.")
    kept = [
        candidate
        for candidate in default_candidates(samples, random_state, max_iter)
        if classifier in (None, candidate.kind) and (candidate.is_encoder or not encoder_only)
    ]
    if not kept:
        raise ValueError(_explain(classifier, encoder_only))
    return kept


def _explain(classifier: str | None, encoder_only: bool) -> str:
    if encoder_only:
        return f"No encoder is followed by {classifier}; leave out one of the two options."
    return f"{classifier} is for images of which some have no label; these rows are others: leave it out."


class _Trial:
    """Features of all rows, computed once for each extractor, and predictors on those of labeled rows."""

    def __init__(self, samples: Samples, random_state: int, steps: Steps) -> None:
        self.samples, self.random_state, self._steps = samples, random_state, steps
        assert samples.y is not None
        self.labeled = np.flatnonzero(samples.is_labeled)
        self.y = np.array(samples.y[self.labeled].tolist())
        self._fitted: dict[str, Pipeline] = {}
        self._features: dict[str, np.ndarray] = {}
        self._votes: dict[str, GraphVote] = {}

    def score(
        self, candidates: Sequence[Candidate], max_seconds: float | None
    ) -> tuple[list[CrossValidated], list[str]]:
        """Return the scores of as many candidates as time allows, and the names of the others."""
        started = time.monotonic()
        scores: list[CrossValidated] = []
        rows = self._rows(candidates[0])
        for i, candidate in enumerate(candidates):
            if scores and max_seconds is not None and time.monotonic() - started > max_seconds:
                break
            self._steps(candidate.name, i, len(candidates))
            predictor, X = self._scored_by(candidate)
            scores.append(cross_validate(predictor, X[rows], self.y[rows], self.random_state))
        self._steps("training on all rows", len(candidates), len(candidates))
        return scores, [candidate.name for candidate in candidates[len(scores) :]]

    def _rows(self, candidate: Candidate) -> np.ndarray:
        return rows_to_choose_by(groups_of(candidate.predictor, self.y), self.random_state)

    def curves(
        self, candidates: Sequence[Candidate], scores: Sequence[CrossValidated]
    ) -> dict[int, list[float]]:
        """Return the value of each candidate with a quarter, a half and all of the labels."""
        rows = self._rows(candidates[0])
        found = {}
        for n in (len(rows) // 4, len(rows) // 2):
            few = rows[np.sort(np.random.default_rng(self.random_state).permutation(len(rows))[:n])]
            counts = np.unique(groups_of(candidates[0].predictor, self.y[few]), return_counts=True)[1]
            if n >= MIN_CURVE and counts.min() > 1:
                found[n] = [self._value(candidate, few) for candidate in candidates]
        return found | {len(rows): [score.value for score in scores]}

    def _value(self, candidate: Candidate, rows: np.ndarray) -> float:
        predictor, X = self._scored_by(candidate)
        return cross_validate(predictor, X[rows], self.y[rows], self.random_state, n_repeats=1).value

    def _scored_by(self, candidate: Candidate) -> tuple[BaseEstimator, np.ndarray]:
        """Return what stands for a candidate's predictor in cross-validation, and what it takes for X."""
        if candidate.kind != GRAPH:
            return candidate.predictor, self.features(candidate)
        if candidate.features not in self._votes:
            classifier = candidate.predictor
            X = self._of_all_rows(candidate)
            graph = neighbor_graph(X, classifier.n_neighbors, classifier.metric)
            self._votes[candidate.features] = GraphVote(classifier, graph)
        return self._votes[candidate.features], self.labeled[:, None]

    def extractor(self, candidate: Candidate) -> Pipeline:
        """Return the extractor of a candidate, fitted to all rows without labels."""
        key = VAE if candidate.features == BESIDE else candidate.features
        if key not in self._fitted:
            self._fitted[key] = self._steps.fit(clone(candidate.extractor), self.samples.X)
        return beside(self._fitted[key]) if candidate.features == BESIDE else self._fitted[key]

    def features(self, candidate: Candidate) -> np.ndarray:
        """Return the features of the labeled rows."""
        if candidate.features not in self._features:
            X = self.samples.X[self.labeled]
            self._features[candidate.features] = self.extractor(candidate).transform(X)
        return self._features[candidate.features]

    def _of_all_rows(self, candidate: Candidate) -> np.ndarray:
        return self.extractor(candidate).transform(self.samples.X)

    def _fit_predictor(self, candidate: Candidate) -> BaseEstimator:
        """Return the predictor of a candidate, fitted to all rows that it learns from."""
        predictor = clone(candidate.predictor)
        if candidate.kind != GRAPH:
            with few_labels():
                return predictor.fit(self.features(candidate), self.y)
        labels = np.full(len(self.samples.X), UNLABELED, object)
        labels[self.labeled] = self.y.tolist()
        return self._steps.fit(predictor, self._of_all_rows(candidate), labels)

    def pipeline(self, candidate: Candidate, encoder_only: bool) -> Pipeline:
        """Return the candidate as one fitted Pipeline, from the rows as they were given."""
        steps = self.extractor(candidate).steps
        columns = [("columns", ColumnEncoder(self.samples.plan).fit(None))] if self.samples.plan else []
        if encoder_only:
            return Pipeline([*columns, *steps])
        predictor = self._fit_predictor(candidate)
        name = "regressor" if is_regressor(predictor) else "classifier"
        return Pipeline([*columns, *steps, (name, _best(predictor))])


def _best(predictor: BaseEstimator) -> BaseEstimator:
    return predictor.best_estimator_ if isinstance(predictor, LogisticSearch) else predictor
