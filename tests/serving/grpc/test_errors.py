import inspect

import pytest
from grpc import StatusCode

from vaefeat.serving import errors
from vaefeat.serving.grpc import errors as grpc_errors
from vaefeat.serving.grpc.errors import outcome_of

EXPECTED = {
    "InvalidRequestError": ("INVALID_ARGUMENT", "invalid"),
    "TooLargeError": ("INVALID_ARGUMENT", "too_large"),
    "TooManyRowsError": ("INVALID_ARGUMENT", "too_large"),
    "UnauthorizedError": ("UNAUTHENTICATED", "unauthorized"),
    "ForbiddenError": ("PERMISSION_DENIED", "forbidden"),
    "ModelNotFoundError": ("NOT_FOUND", "not_found"),
    "ModelRefusedError": ("FAILED_PRECONDITION", "refused"),
    "SlowRequestError": ("DEADLINE_EXCEEDED", "slow"),
    "DeadlineExceededError": ("DEADLINE_EXCEEDED", "deadline"),
    "OverloadedError": ("RESOURCE_EXHAUSTED", "queue_full"),
    "MemoryFullError": ("RESOURCE_EXHAUSTED", "memory"),
    "ClosedError": ("UNAVAILABLE", "closing"),
    "ModelDeadError": ("UNAVAILABLE", "dead"),
    "ModelFailedError": ("INTERNAL", "failed"),
    "ServingError": ("INTERNAL", "failed"),
}
KINDS = {
    name: kind
    for module in (errors, grpc_errors)
    for name, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__.startswith("vaefeat.serving")
}


def test_every_error_has_a_status_and_a_reason():
    outcomes = {name: outcome_of(kind("message")) for name, kind in KINDS.items()}
    assert {name: (each.status.name, each.reason) for name, each in outcomes.items()} == EXPECTED


@pytest.mark.parametrize("error", [RuntimeError(), KeyError(), MemoryError()])
def test_any_other_error_is_a_failure_of_the_service(error):
    assert outcome_of(error) == (StatusCode.INTERNAL, "failed")
