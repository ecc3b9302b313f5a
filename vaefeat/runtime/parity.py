"""Prove that an ONNX model computes what it should."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vaefeat.exceptions import ParityError

TOLERANCE = 1e-5  # of the largest value of an output, or of 1 where all are smaller
MAX_TOLERANCE = 1e-3  # where rounding costs more, nothing is proven
N_LAST_DIGITS = 8  # by as much as the order of a sum may change its result

Outputs = Mapping[str, np.ndarray]


def check_run(expected: Outputs, run: Callable[[Any], Outputs], rows: Any) -> dict[str, float]:
    r"""Compare a computation on rows with its expected outputs, as :func:`check_outputs` does.

    From features far from zero, a network computes differences of large numbers, so that even another
    order of the same sum changes some digits. The tolerance then grows to what the last digit of the features
    is worth, :math:`8 \max |f(x (1 \pm 2^{-23})) - f(x)|`, but to no more than 1e-3.

    Parameters
    ----------
    expected : mapping of str to ndarray
    run : callable
        From rows to outputs by name.
    rows : array-like of shape (n_samples, n_features)

    Returns
    -------
    found : dict
        As returned by :func:`check_outputs`.

    Raises
    ------
    ParityError
        If an output deviates by more.
    """
    actual = run(rows)
    try:
        return check_outputs(expected, actual)
    except ParityError:
        tolerance = _worth_of_last_digit(run, rows, actual)
        if tolerance <= TOLERANCE:
            raise
    return check_outputs(expected, actual, tolerance=min(tolerance, MAX_TOLERANCE))


def _worth_of_last_digit(run: Callable[[Any], Outputs], rows: Any, outputs: Outputs) -> float:
    """Return by how much outputs change, relative to their size, where features change in the last digit."""
    rows = np.asarray(rows, np.float32)
    away = np.random.default_rng(0).choice(np.array([-np.inf, np.inf], np.float32), rows.shape)
    moved = run(np.nextafter(rows, away))
    numbers = {name: values for name, values in outputs.items() if values.dtype.kind == "f"}
    changes = [
        np.max(np.abs(moved[name] - values), initial=0.0) / max(1.0, np.max(np.abs(values), initial=0.0))
        for name, values in numbers.items()
    ]
    return N_LAST_DIGITS * float(max(changes, default=0.0))


def check_outputs(expected: Outputs, actual: Outputs, *, tolerance: float = TOLERANCE) -> dict[str, float]:
    """Compare all outputs of two computations: numbers relative to their size, labels except at ties.

    Parameters
    ----------
    expected, actual : mappings of str to ndarray
        Outputs by name; those of ``expected`` are compared. An output that is not floating-point in
        ``actual`` holds labels. Their ties are found from the output "probabilities", or, for an outlier
        detector, from the sign of the output "scores"; without either, nothing ties.
    tolerance : float, default=1e-5
        Relative to the largest value of an output.

    Returns
    -------
    found : dict
        ``largest_deviation`` and, if there are labels, ``labels_that_differ_at_ties``.

    Raises
    ------
    ParityError
        If they differ by more than allowed.
    """
    labels = [name for name in expected if actual[name].dtype.kind != "f"]
    numbers = {name: values for name, values in expected.items() if name not in labels}
    found: dict[str, float] = {"largest_deviation": check_parity(numbers, actual, tolerance)}
    for name in labels:
        n_ties = check_labels(expected[name], actual[name], margins(expected), tolerance)
        found["labels_that_differ_at_ties"] = n_ties
    return found


def margins(expected: Outputs) -> np.ndarray | None:
    """Return the scores of the classes, (n_samples, n_classes); an outlier's is 0, an inlier's its score."""
    if "scores" not in expected:
        return expected.get("probabilities")
    scores = expected["scores"].reshape(-1, 1)
    return np.hstack([scores, np.zeros_like(scores)]) / max(1.0, np.max(np.abs(scores), initial=0.0))


def check_parity(expected: Outputs, actual: Outputs, tolerance: float = TOLERANCE) -> float:
    r"""Compare the outputs of two computations on the same rows.

    Float32 has seven digits, so differences are relative to the size of the output:
    :math:`\max |a - e| \le t \max(1, \max |e|)`.

    Parameters
    ----------
    expected, actual : mappings of str to ndarray
        Outputs by name; those of ``expected`` are compared.
    tolerance : float, default=1e-5
        t.

    Returns
    -------
    deviation : float
        The largest absolute difference.

    Raises
    ------
    ParityError
        If an output deviates by more, or has a different shape.
    """
    largest = 0.0
    for name, values in expected.items():
        if actual[name].shape != values.shape:
            raise ParityError(
                f"Output {name!r} of the ONNX model has shape {actual[name].shape}, expected {values.shape}."
            )
        if not np.isfinite(values).all():
            raise ParityError(f"The expected values of output {name!r} are not finite.")
        deviation = float(np.max(np.abs(actual[name] - values), initial=0.0))
        allowed = tolerance * max(1.0, float(np.max(np.abs(values), initial=0.0)))
        if not deviation <= allowed:  # also when it is NaN
            raise ParityError(
                f"Output {name!r} of the ONNX model deviates by {deviation:.3g}, more than the "
                f"{allowed:.3g} allowed."
            )
        largest = max(largest, deviation)
    return largest


def check_labels(
    expected: np.ndarray,
    actual: np.ndarray,
    probabilities: np.ndarray | None,
    tolerance: float = TOLERANCE,
) -> int:
    """Compare predicted classes, which may differ only where two classes tie.

    Parameters
    ----------
    expected, actual : ndarrays of shape (n_samples,) or (n_samples, 1)
    probabilities : ndarray of shape (n_samples, n_classes), or None
        Of the expected labels. Classes tie where the two largest are within the tolerance; without
        probabilities, nothing ties.
    tolerance : float, default=1e-5

    Returns
    -------
    n_ties : int
        Labels that differ at ties.

    Raises
    ------
    ParityError
        If labels differ elsewhere.
    """
    if np.shape(actual) != np.shape(expected):
        raise ParityError(
            f"The labels of the ONNX model have shape {np.shape(actual)}, expected {np.shape(expected)}."
        )
    differ = np.asarray(actual, object) != np.asarray(expected, object)  # text of any width
    differ = differ.reshape(len(expected), -1).any(axis=1)
    tied = np.zeros(len(expected), bool)
    if probabilities is not None:
        largest_two = np.sort(probabilities, axis=1)[:, -2:]
        tied = largest_two[:, 1] - largest_two[:, 0] <= tolerance
    n_wrong = int(np.sum(differ & ~tied))
    if n_wrong:
        raise ParityError(
            f"{n_wrong} of {len(expected)} labels of the ONNX model differ from the expected ones."
        )
    return int(np.sum(differ))
