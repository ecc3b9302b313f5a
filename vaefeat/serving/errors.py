"""Why a request for inference fails, whatever the protocol.

::

    ServingError
    |-- InvalidRequestError     the request is not what the protocol or the model expects
    |-- TooLargeError           the request exceeds a limit on its own size
    |   `-- TooManyRowsError
    |-- UnauthorizedError       the client does not show the token
    |-- ForbiddenError          the service does not do this for any client
    |-- ModelNotFoundError      there is no such model or version
    |-- ModelRefusedError       the model is not fit to be served
    |-- OverloadedError         too much is waiting already
    |   `-- MemoryFullError     large requests take all the memory that they may
    |-- DeadlineExceededError   the request waited too long for its turn
    |-- ModelFailedError        the model fails on these rows
    |-- ModelDeadError          a thread of the model has died
    `-- ClosedError             the service is shutting down

The message is one sentence for the person who wrote the client. How an error is reported, such as an HTTP
status, is decided by the package of each protocol.
"""

from vaefeat.exceptions import VaefeatError


class ServingError(VaefeatError):
    """Base of the errors with which a request is answered."""


class InvalidRequestError(ServingError):
    """The request is not what the protocol or the model expects."""


class TooLargeError(ServingError):
    """The request exceeds a limit on its own size."""


class TooManyRowsError(TooLargeError):
    """The request has more rows than allowed."""


class UnauthorizedError(ServingError):
    """The client does not show the token."""


class ForbiddenError(ServingError):
    """The service does not do this for any client, as its settings say."""


class ModelRefusedError(ServingError):
    """The model that the client wants to be loaded is not fit to be served."""


class ModelNotFoundError(ServingError):
    """There is no such model, or no such version of it."""


class OverloadedError(ServingError):
    """Too much is waiting already; the client may try again later."""


class MemoryFullError(OverloadedError):
    """The requests and responses that are being held leave no memory for another."""


class DeadlineExceededError(ServingError):
    """The request waited for its turn longer than allowed."""


class ModelFailedError(ServingError):
    """The model fails on these rows."""


class ModelDeadError(ServingError):
    """A thread of the model has died; the service must be restarted."""


class ClosedError(ServingError):
    """The service is shutting down and accepts no further requests."""
