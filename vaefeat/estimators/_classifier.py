"""The common part of all classifiers that are one network from features to probabilities."""

import warnings
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from vaefeat.data import UNLABELED
from vaefeat.data.labels import is_unlabeled
from vaefeat.estimators._training import TrainedEstimator
from vaefeat.runtime import OnnxModel


class NetworkClassifier(ClassifierMixin, TrainedEstimator):
    """A classifier whose network is ``classifier_``, from ``X`` to ``probabilities``."""

    classes_: np.ndarray
    classifier_: OnnxModel

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.classes_[self._predict_codes(self._validated(X, reset=False))]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, q(y|x).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float32
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        return self._probabilities(self._validated(X, reset=False))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return log q(y|x), in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes), float32
            In the order of ``classes_``; -inf where the probability is 0.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _probabilities(self, X: np.ndarray) -> np.ndarray:
        return self.classifier_.run(X, ["probabilities"])["probabilities"]

    def _predict_codes(self, X: np.ndarray) -> np.ndarray:
        return self._probabilities(X).argmax(axis=1)

    def onnx_shape_calculator(self) -> Any:
        """Return the shape calculator by which skl2onnx converts the estimator, within a Pipeline too."""
        from vaefeat.export.hooks import classifier_shapes

        return classifier_shapes

    def onnx_converter(self) -> Any:
        """Return the converter by which skl2onnx converts the estimator, within a Pipeline too."""
        from vaefeat.export.hooks import classifier_converter

        return classifier_converter(type(self))

    def __sklearn_is_fitted__(self) -> bool:
        return "classifier_" in vars(self)


def marked(y: Any) -> Any:
    """Return labels with -1 where another mark, such as NaN or None, says that there is none."""
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.dtype.kind not in "fO":
        return y
    missing = is_unlabeled(labels)
    return np.where(missing, UNLABELED, labels) if missing.any() else y


def encode_labels(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, and each sample's index among them, or -1 if it has no label.

    Raises
    ------
    ValueError
        If no sample has a label, if all labels are of one class, or if some are strings and others not.

    Warns
    -----
    UserWarning
        If all samples have a label.
    """
    labeled = ~is_unlabeled(y)
    if not labeled.any():
        raise ValueError("No sample has a label, all are -1: expected some with each class.")
    if labeled.all():
        warnings.warn("y contains no unlabeled samples.", UserWarning, stacklevel=4)
    codes = np.full(len(y), UNLABELED, np.int32)
    classes, codes[labeled] = _classes_of(y[labeled])
    return classes, codes


def _classes_of(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes that occur, and each label's index among them."""
    if len({isinstance(label, str) for label in labels.tolist()}) > 1:
        raise ValueError("y mixes labels that are strings with others, expected labels of one type.")
    labels = np.array(labels.tolist())  # no longer of dtype object
    check_classification_targets(labels)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) == 1:
        raise ValueError(
            f"All labeled samples are of one class, {classes.tolist()}, expected two at least. "
            "-1 marks samples without a label: if it is one of your classes, rename it."
        )
    return classes, codes


def checked_prior(class_prior: Any, classes: np.ndarray) -> np.ndarray:
    """Return the probability of each class, (n_classes,), float64: as given, or uniform if that is None.

    Raises
    ------
    ValueError
        If there is not a positive probability for each class, or if their sum is not 1.
    """
    if class_prior is None:
        return np.full(len(classes), 1 / len(classes))
    prior = np.asarray(class_prior, dtype=np.float64)
    if prior.shape != (len(classes),) or not (prior > 0).all() or not np.isclose(prior.sum(), 1):
        raise ValueError(
            f"class_prior must hold a positive probability for each of the {len(classes)} classes "
            f"{classes.tolist()}, with sum 1, got {class_prior}."
        )
    return prior
