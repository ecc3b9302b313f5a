"""How errors are reported over HTTP: a status, and a reason by which the metrics count them."""

from typing import NamedTuple

from vaefeat.serving.errors import (
    ClosedError,
    DeadlineExceededError,
    ForbiddenError,
    InvalidRequestError,
    MemoryFullError,
    ModelDeadError,
    ModelNotFoundError,
    ModelRefusedError,
    OverloadedError,
    ServingError,
    TooLargeError,
    UnauthorizedError,
)


class UnsupportedEncodingError(InvalidRequestError):
    """The body is encoded in a way that the service does not know."""


class SlowBodyError(ServingError):
    """The body did not arrive in time."""


class WrongHostError(ServingError):
    """The client addresses another host than this one."""


class ClientGoneError(Exception):
    """The client has closed the connection, so that there is nobody to answer."""


class Outcome(NamedTuple):
    """How an error is reported."""

    status: int
    reason: str


_OUTCOMES: dict[type[BaseException], Outcome] = {
    InvalidRequestError: Outcome(400, "invalid"),
    ModelRefusedError: Outcome(400, "refused"),
    UnauthorizedError: Outcome(401, "unauthorized"),
    ForbiddenError: Outcome(403, "forbidden"),
    ModelNotFoundError: Outcome(404, "not_found"),
    SlowBodyError: Outcome(408, "slow"),
    TooLargeError: Outcome(413, "too_large"),
    UnsupportedEncodingError: Outcome(415, "invalid"),
    WrongHostError: Outcome(421, "host"),
    OverloadedError: Outcome(429, "queue_full"),
    MemoryFullError: Outcome(429, "memory"),
    ClientGoneError: Outcome(499, "client_gone"),
    Exception: Outcome(500, "failed"),
    ClosedError: Outcome(503, "closing"),
    ModelDeadError: Outcome(503, "dead"),
    DeadlineExceededError: Outcome(504, "deadline"),
}


def outcome_of(error: Exception) -> Outcome:
    """Return the status and reason of an error: those of the closest class in the table."""
    return next(_OUTCOMES[kind] for kind in type(error).__mro__ if kind in _OUTCOMES)
