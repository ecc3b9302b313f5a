"""What rows are compared by: accuracy of classes, R² of quantities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import r2_score, root_mean_squared_error

from vaefeat.data.targets import REGRESSION


@dataclass(frozen=True)
class Metric:
    """What rows are compared by, and how it is written.

    Attributes
    ----------
    name, second : str
        Entries of a row; gains are of the first.
    title, heading, second_heading : str
        Of tables; ``{}`` in the title stands for the data.
    scale : int
    digits : int
        Of values times the scale.
    unit, points : str
        Written after values, and after differences.
    guess : str
        Why not to bother if one answer for all rows is best.
    """

    name: str
    second: str
    title: str
    heading: str
    second_heading: str
    scale: int
    digits: int
    unit: str
    points: str
    guess: str

    def text(self, value: float) -> str:
        """Return a value, or a standard deviation, without its unit."""
        return f"{self.scale * value:.{self.digits}f}"

    def signed(self, value: float) -> str:
        """Return a difference without its unit."""
        return f"{self.scale * value:+.{self.digits}f}"

    def second_text(self, value: float) -> str:
        """Return a value of the second entry."""
        return self.text(value) if self is ACCURACY else f"{value:.4g}"


ACCURACY = Metric(
    "accuracy",
    "balanced_accuracy",
    title="Test accuracy on {} (%)",
    heading="accuracy",
    second_heading="balanced",
    scale=100,
    digits=1,
    unit=" %",
    points=" points",
    guess="Always guessing the most frequent class is right more often: do not bother.",
)
R2 = Metric(
    "r2",
    "rmse",
    title="Test R² on {}",
    heading="R²",
    second_heading="RMSE",
    scale=1,
    digits=3,
    unit=" R²",
    points=" R²",
    guess="The mean for all rows is nearer: do not bother.",
)


def metric_of(row: Mapping[str, Any]) -> Metric:
    """Return what a row, or a summary of rows, is compared by."""
    return R2 if R2.name in row or f"{R2.name}_mean" in row else ACCURACY


def scores_on(task: str, y: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return what a row says about predictions on test samples."""
    if task == REGRESSION:
        return {"r2": float(r2_score(y, predicted)), "rmse": float(root_mean_squared_error(y, predicted))}
    is_right = predicted == y
    return {"accuracy": float(np.mean(is_right)), "balanced_accuracy": mean_over_classes(is_right, y)}


def mean_over_classes(values: np.ndarray, y: Any) -> float:
    """Return the mean over the classes of the mean of the values within each."""
    return float(np.mean([np.mean(values[y == label]) for label in np.unique(y)]))
