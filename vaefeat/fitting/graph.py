"""What the labels of some rows say about others, along a graph of all rows."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from vaefeat.estimators import GraphClassifier
from vaefeat.estimators._diffusion import Graph, spread_labels


class GraphVote(ClassifierMixin, BaseEstimator):
    """The classes that a :class:`vaefeat.GraphClassifier` gives to its own training samples.

    Its network, which would predict them for new samples, is not trained, so that cross-validation takes
    seconds. Samples are given by their positions.

    Parameters
    ----------
    classifier : GraphClassifier
        The settings.
    graph : Graph
        Of all samples.

    Attributes
    ----------
    label_distributions_ : ndarray of shape (n_samples, n_classes)
        Of all samples.
    classes_ : ndarray of shape (n_classes,)
    """

    def __init__(self, classifier: GraphClassifier, graph: Graph) -> None:
        self.classifier = classifier
        self.graph = graph

    def fit(self, positions: np.ndarray, y: np.ndarray) -> Self:
        """Spread the labels of the samples at some positions, of shape (n_labels, 1)."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        labels = np.zeros((len(self.graph.degrees), len(self.classes_)), np.float32)
        labels[positions[:, 0], codes] = 1
        self.label_distributions_ = spread_labels(
            self.graph, labels, self.classifier.method, self.classifier.alpha
        )
        return self

    def predict_proba(self, positions: np.ndarray) -> np.ndarray:
        """Return the probabilities of the samples at some positions, of shape (n, 1)."""
        return self.label_distributions_[positions[:, 0]]

    def predict(self, positions: np.ndarray) -> Any:
        """Return the most probable classes of the samples at some positions."""
        return self.classes_[self.predict_proba(positions).argmax(axis=1)]
