"""The proof that an ONNX model computes what it was made from."""

from collections.abc import Mapping

import numpy as np

from vaefeat.exceptions import ParityError

TOLERANCE = 1e-5  # of the largest value of an output, or of 1 where all are smaller


def check_parity(expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]) -> float:
    r"""Compare the outputs of two computations on the same rows.

    Float32 holds seven digits, so the differences are measured against the size of the output:
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
        If an output deviates by more.
    """
    largest = 0.0
    for name, values in expected.items():
        deviation = float(np.max(np.abs(actual[name] - values), initial=0.0))
        allowed = TOLERANCE * max(1.0, float(np.max(np.abs(values), initial=0.0)))
        if not deviation <= allowed:  # also when it is NaN
            raise ParityError(
                f"Output {name!r} of the ONNX model deviates by {deviation:.3g} from the estimator, "
                f"more than the {allowed:.3g} allowed; nothing was written."
            )
        largest = max(largest, deviation)
    return largest
