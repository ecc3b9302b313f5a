"""How well a predictor does on rows that it was not trained on."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

MIN_P = 1e-3  # a forest may give a class no probability at all


class CrossValidated(ABC):
    """What a choice and its report ask of a score, whether of classes or of quantities.

    Attributes
    ----------
    metric, heading : str
        Name of :attr:`value`, in sentences and over the column of a table.
    headings : tuple of str
        Of the columns that :meth:`cells` fills.
    worth : str
        What an encoder is good for that lowers :attr:`loss` and leaves :attr:`value` nearly as it is.
    y : ndarray of shape (n_rows,)
        What was to be predicted.
    """

    metric: ClassVar[str]
    heading: ClassVar[str]
    headings: ClassVar[tuple[str, ...]]
    worth: ClassVar[str]
    y: np.ndarray

    @property
    @abstractmethod
    def value(self) -> float:
        """What is compared; higher is better."""

    @property
    @abstractmethod
    def chance(self) -> float:
        """The value of one answer for all rows."""

    @property
    @abstractmethod
    def standard_error(self) -> float:
        """Standard error of the value."""

    @property
    @abstractmethod
    def loss(self) -> float:
        """What decides between values that cannot be told apart; lower is better."""

    @abstractmethod
    def minus(self, other: Any) -> tuple[float, float]:
        """Return the difference of values and its standard error, paired by rows."""

    @abstractmethod
    def cells(self) -> tuple[str, ...]:
        """Return what a table says about the score."""

    @abstractmethod
    def guess(self) -> tuple[str, tuple[str, ...]]:
        """Return the best answer for all rows, and what a table says about it."""

    @abstractmethod
    def entries(self) -> dict[str, float]:
        """Return what a model's card says about the score."""

    @abstractmethod
    def text(self, value: float) -> str:
        """Return a value, formatted for people."""

    @abstractmethod
    def gain(self, difference: float, error: float) -> str:
        """Return a difference of values with its standard error, formatted for people."""


@dataclass(frozen=True)
class Score(CrossValidated):
    """How a classifier predicts rows that it was not trained on.

    Attributes
    ----------
    y : ndarray of shape (n_rows,)
        Classes of the labeled rows, without those that are the only one of their class.
    right : ndarray of shape (n_repeats, n_rows), bool
        Whether each row was predicted correctly.
    p_true : ndarray of shape (n_rows,)
        The probability that was given to the class of each row: a mean over the repetitions.
    predicted : ndarray of shape (n_rows,)
        The prediction of the first repetition.
    """

    y: np.ndarray
    right: np.ndarray
    p_true: np.ndarray
    predicted: np.ndarray

    metric = "balanced accuracy"
    heading = "balanced"
    headings = ("accuracy", "balanced", "log loss")
    worth = "the encoder makes it surer of the right class, though hardly right more often"

    @property
    def share_right(self) -> np.ndarray:
        """How often each row was predicted correctly."""
        return self.right.mean(axis=0)

    @property
    def accuracy(self) -> float:
        """Mean accuracy over the rows."""
        return float(self.share_right.mean())

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes of the accuracy within each."""
        return float(balanced_mean(self.share_right, self.y)[0])

    @property
    def log_loss(self) -> float:
        """Mean over the classes of the mean log loss within each, in nats."""
        return float(balanced_mean(-np.log(np.maximum(self.p_true, MIN_P)), self.y)[0])

    @property
    def standard_error(self) -> float:
        """Standard error of the balanced accuracy."""
        return balanced_mean(self.share_right, self.y)[1]

    @property
    def value(self) -> float:
        """The balanced accuracy."""
        return self.balanced_accuracy

    @property
    def chance(self) -> float:
        """The balanced accuracy of one class for all rows."""
        return 1 / len(np.unique(self.y))

    @property
    def loss(self) -> float:
        """The log loss."""
        return self.log_loss

    @property
    def majority(self) -> tuple[Any, float]:
        """The most frequent class among the labeled rows, and its share."""
        classes, counts = np.unique(self.y, return_counts=True)
        return classes[counts.argmax()].item(), float(counts.max() / counts.sum())

    def minus(self, other: "Score") -> tuple[float, float]:
        """Return the difference of balanced accuracies and its standard error, paired by rows."""
        return balanced_mean(self.share_right - other.share_right, self.y)

    def cells(self) -> tuple[str, ...]:
        """Return accuracy, balanced accuracy and log loss."""
        return f"{self.accuracy:.1%}", f"{self.balanced_accuracy:.1%}", f"{self.log_loss:.2f}"

    def guess(self) -> tuple[str, tuple[str, ...]]:
        """Return the most frequent class, and how often it is right."""
        majority, share = self.majority
        return f"majority: {majority}", (f"{share:.1%}", f"{self.chance:.1%}", "")

    def entries(self) -> dict[str, float]:
        """Return accuracy and balanced accuracy."""
        return {
            "cross-validated accuracy": round(self.accuracy, 4),
            "cross-validated balanced accuracy": round(self.balanced_accuracy, 4),
        }

    def text(self, value: float) -> str:
        """Return a balanced accuracy in percent."""
        return f"{value:.1%}"

    def gain(self, difference: float, error: float) -> str:
        """Return a difference in percentage points."""
        return f"{100 * difference:+.1f} ± {100 * error:.1f} points"


@dataclass(frozen=True)
class RegressionScore(CrossValidated):
    """How a regressor predicts rows that it was not trained on.

    Attributes
    ----------
    y : ndarray of shape (n_rows,)
        Quantities of the labeled rows.
    predictions : ndarray of shape (n_repeats, n_rows)
    """

    y: np.ndarray
    predictions: np.ndarray

    metric = "R²"
    heading = "R²"
    headings = ("R²", "RMSE", "MAE")
    worth = "the encoder lowers the error a little"

    @property
    def squared_errors(self) -> np.ndarray:
        """Mean squared error of each row over the repetitions."""
        return np.square(self.predictions - self.y).mean(axis=0)

    @property
    def rmse(self) -> float:
        """Root of the mean squared error."""
        return math.sqrt(self.squared_errors.mean())

    @property
    def mae(self) -> float:
        """Mean absolute error."""
        return float(np.abs(self.predictions - self.y).mean())

    @property
    def value(self) -> float:
        """The coefficient of determination, R²."""
        return float(1 - self.squared_errors.mean() / self.y.var())

    @property
    def chance(self) -> float:
        """R² of the mean for all rows."""
        return 0.0

    @property
    def standard_error(self) -> float:
        """Standard error of R², taking the variance of the quantities as given."""
        return _standard_error(self.squared_errors / self.y.var())

    @property
    def loss(self) -> float:
        """The same for all, so that the first, which is the simplest, is taken."""
        return 0.0

    def minus(self, other: "RegressionScore") -> tuple[float, float]:
        """Return the difference of R² and its standard error, paired by rows."""
        differences = (other.squared_errors - self.squared_errors) / self.y.var()
        return float(differences.mean()), _standard_error(differences)

    def cells(self) -> tuple[str, ...]:
        """Return R², root mean squared error and mean absolute error."""
        return f"{self.value:.3f}", f"{self.rmse:.4g}", f"{self.mae:.4g}"

    def guess(self) -> tuple[str, tuple[str, ...]]:
        """Return the mean, and how far it is off."""
        mean = self.y.mean()
        cells = f"{self.chance:.3f}", f"{self.y.std():.4g}", f"{np.abs(self.y - mean).mean():.4g}"
        return f"mean: {mean:.4g}", cells

    def entries(self) -> dict[str, float]:
        """Return R² and root mean squared error."""
        return {
            "cross-validated R²": round(self.value, 4),
            "cross-validated RMSE": float(f"{self.rmse:.4g}"),
        }

    def text(self, value: float) -> str:
        """Return an R²."""
        return f"{value:.3f}"

    def gain(self, difference: float, error: float) -> str:
        """Return a difference of R²."""
        return f"{difference:+.3f} ± {error:.3f}"


def balanced_mean(values: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the mean over the classes of the mean within each, and its standard error."""
    groups = [values[y == label] for label in np.unique(y)]
    variances = [group.var(ddof=1) / len(group) for group in groups]
    return float(np.mean([group.mean() for group in groups])), math.sqrt(sum(variances)) / len(groups)


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values))
