"""Prove that an ONNX model computes what it should."""

from collections.abc import Mapping

import numpy as np

from vaefeat.exceptions import ParityError

TOLERANCE = 1e-5  # of the largest value of an output, or of 1 where all are smaller


def check_outputs(expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Compare all outputs of two computations: numbers relative to their size, labels except at ties.

    Parameters
    ----------
    expected, actual : mappings of str to ndarray
        Outputs by name; those of ``expected`` are compared. An output that is not floating-point in
        ``actual`` holds labels. Their ties are found from the output "probabilities", or, for an outlier
        detector, from the sign of the output "scores"; without either, nothing ties.

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
    found: dict[str, float] = {"largest_deviation": check_parity(numbers, actual)}
    for name in labels:
        n_ties = check_labels(expected[name], actual[name], margins(expected))
        found["labels_that_differ_at_ties"] = n_ties
    return found


def margins(expected: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the scores of the classes, (n_samples, n_classes); an outlier's is 0, an inlier's its score."""
    if "scores" not in expected:
        return expected.get("probabilities")
    scores = expected["scores"].reshape(-1, 1)
    return np.hstack([scores, np.zeros_like(scores)]) / max(1.0, np.max(np.abs(scores), initial=0.0))


def check_parity(expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]) -> float:
    r"""Compare the outputs of two computations on the same rows.

    Float32 has seven digits, so differences are relative to the size of the output:
    :math:`\max |a - e| \le 10^{-5} \max(1, \max |e|)`.

    Parameters
    ----------
    expected, actual : mappings of str to ndarray
        Outputs by name; those of ``expected`` are compared.

    Returns
    -------
    deviation : float
        The largest absolute difference.

    Raises
    ------
    ParityError
        If an output deviates by more, or has another shape.
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
        allowed = TOLERANCE * max(1.0, float(np.max(np.abs(values), initial=0.0)))
        if not deviation <= allowed:  # also when it is NaN
            raise ParityError(
                f"Output {name!r} of the ONNX model deviates by {deviation:.3g}, more than the "
                f"{allowed:.3g} allowed."
            )
        largest = max(largest, deviation)
    return largest


def check_labels(expected: np.ndarray, actual: np.ndarray, probabilities: np.ndarray | None) -> int:
    """Compare predicted classes, which may differ only where two classes tie.

    Parameters
    ----------
    expected, actual : ndarrays of shape (n_samples,) or (n_samples, 1)
    probabilities : ndarray of shape (n_samples, n_classes), or None
        Of the expected labels. Classes tie where the two largest are within 1e-5; without probabilities,
        nothing ties.

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
        tied = largest_two[:, 1] - largest_two[:, 0] <= TOLERANCE
    n_wrong = int(np.sum(differ & ~tied))
    if n_wrong:
        raise ParityError(
            f"{n_wrong} of {len(expected)} labels of the ONNX model differ from the expected ones."
        )
    return int(np.sum(differ))
