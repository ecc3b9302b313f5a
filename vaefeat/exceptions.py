"""The exceptions that vaefeat raises.

::

    VaefeatError
    |-- MissingExtraError          (ImportError)   a package of an optional extra is not installed
    |-- DatasetNotFoundError       (FileNotFoundError)  no copy of a data set in any known place
    |-- DatasetCorruptError        (ValueError)    a data file is not what its name says
    |-- TrainingDivergedError      (ArithmeticError)  the loss became NaN or infinite
    |-- ExportError                (RuntimeError)  a model cannot be written as ONNX
    |   `-- ParityError                            an ONNX graph deviates from what it should give
    |-- InvalidModelError          (ValueError)    an ONNX file was refused
    `-- SandboxError               (RuntimeError)  the process that tries models cannot be started

    DataWarning                  (UserWarning)   a file was read by a rule that may be wrong for it

Bad parameters and bad arrays raise ValueError or TypeError, as everywhere in scikit-learn.
"""


class VaefeatError(Exception):
    """Base of all exceptions defined by vaefeat."""


class MissingExtraError(VaefeatError, ImportError):
    """A package of an optional extra is not installed."""


class DatasetNotFoundError(VaefeatError, FileNotFoundError):
    """No copy of a data set was found in any of the places that were searched."""


class DatasetCorruptError(VaefeatError, ValueError):
    """A data file does not hold what its name promises."""


class TrainingDivergedError(VaefeatError, ArithmeticError):
    """The training loss became NaN or infinite; nothing of that training was kept."""


class ExportError(VaefeatError, RuntimeError):
    """A model cannot be written as an ONNX file that keeps the contract."""


class ParityError(ExportError):
    """An ONNX graph answers differently from the estimator, or from the rows in its card."""


class InvalidModelError(VaefeatError, ValueError):
    """An ONNX file was refused before a session was made."""


class SandboxError(VaefeatError, RuntimeError):
    """The process in which models are tried cannot be started."""


class DataWarning(UserWarning):
    """A file was read by a rule that may be wrong for it; the message says how to override it."""
