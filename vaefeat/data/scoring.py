"""Scores of only the labeled samples."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.data.labels import is_unlabeled, labels_of


class LabeledScorer:
    """A scorer that leaves out samples without a label; :func:`labeled_scorer` makes one."""

    def __init__(self, scoring: str | Callable) -> None:
        self._scoring = scoring
        self._scorer = import_optional("sklearn.metrics", "train").get_scorer(scoring)

    def __call__(self, estimator: Any, X: Any, y: Any, **kwargs: Any) -> float:
        """Return the score on the labeled ones among the samples ``X``."""
        labels = labels_of(y)
        labeled = np.flatnonzero(~is_unlabeled(labels))
        if not len(labeled):
            raise ValueError("No sample has a label, expected some to score: use cv=LabeledKFold().")
        rows = import_optional("sklearn.utils", "train")._safe_indexing(X, labeled)
        return self._scorer(estimator, rows, np.array(labels[labeled].tolist()), **kwargs)

    def __repr__(self) -> str:
        return f"labeled_scorer({self._scoring!r})"


def labeled_scorer(scoring: str | Callable = "accuracy") -> LabeledScorer:
    """Return a scorer that leaves out samples without a label: -1, NaN or None.

    scikit-learn's own scorers count them as errors, or refuse labels that are of several types.

    Parameters
    ----------
    scoring : str or callable, default="accuracy"
        A name of :func:`sklearn.metrics.get_scorer_names`, or ``scorer(estimator, X, y)``.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``, for ``scoring`` of scikit-learn's searches and ``cross_val_score``.

    Raises
    ------
    ValueError
        If there is no such scorer; when called, if no sample has a label.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from vaefeat import labeled_scorer
    >>> y = np.array([0, 0, 0, 1])
    >>> always_0 = DummyClassifier().fit(np.zeros((4, 1)), y)
    >>> labeled_scorer("accuracy")(always_0, np.zeros((6, 1)), np.array([0, 0, 0, 1, -1, -1]))
    0.75
    """
    return LabeledScorer(scoring)
