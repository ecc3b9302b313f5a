"""How errors are reported over gRPC: a status, and a reason by which the metrics count them."""

from typing import NamedTuple

from grpc import StatusCode

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


class SlowRequestError(ServingError):
    """The request did not arrive in time."""


class Outcome(NamedTuple):
    """How an error is reported."""

    status: StatusCode
    reason: str


# Clients repeat what is UNAVAILABLE on their own. Too many requests must not become more, and are therefore
# RESOURCE_EXHAUSTED.
_OUTCOMES: dict[type[BaseException], Outcome] = {
    InvalidRequestError: Outcome(StatusCode.INVALID_ARGUMENT, "invalid"),
    TooLargeError: Outcome(StatusCode.INVALID_ARGUMENT, "too_large"),
    UnauthorizedError: Outcome(StatusCode.UNAUTHENTICATED, "unauthorized"),
    ForbiddenError: Outcome(StatusCode.PERMISSION_DENIED, "forbidden"),
    ModelNotFoundError: Outcome(StatusCode.NOT_FOUND, "not_found"),
    ModelRefusedError: Outcome(StatusCode.FAILED_PRECONDITION, "refused"),
    SlowRequestError: Outcome(StatusCode.DEADLINE_EXCEEDED, "slow"),
    OverloadedError: Outcome(StatusCode.RESOURCE_EXHAUSTED, "queue_full"),
    MemoryFullError: Outcome(StatusCode.RESOURCE_EXHAUSTED, "memory"),
    DeadlineExceededError: Outcome(StatusCode.DEADLINE_EXCEEDED, "deadline"),
    ClosedError: Outcome(StatusCode.UNAVAILABLE, "closing"),
    ModelDeadError: Outcome(StatusCode.UNAVAILABLE, "dead"),
    Exception: Outcome(StatusCode.INTERNAL, "failed"),
}


def outcome_of(error: Exception) -> Outcome:
    """Return the status and reason of an error: those of the closest class in the table."""
    return next(_OUTCOMES[kind] for kind in type(error).__mro__ if kind in _OUTCOMES)
