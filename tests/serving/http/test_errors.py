import inspect

import pytest

from vaefeat.serving import errors
from vaefeat.serving.http import errors as http_errors
from vaefeat.serving.http.errors import outcome_of

EXPECTED = {
    "InvalidRequestError": (400, "invalid"),
    "ModelRefusedError": (400, "refused"),
    "UnauthorizedError": (401, "unauthorized"),
    "ForbiddenError": (403, "forbidden"),
    "ModelNotFoundError": (404, "not_found"),
    "SlowBodyError": (408, "slow"),
    "TooLargeError": (413, "too_large"),
    "TooManyRowsError": (413, "too_large"),
    "UnsupportedEncodingError": (415, "invalid"),
    "WrongHostError": (421, "host"),
    "OverloadedError": (429, "queue_full"),
    "MemoryFullError": (429, "memory"),
    "ClientGoneError": (499, "client_gone"),
    "ModelFailedError": (500, "failed"),
    "ServingError": (500, "failed"),
    "ClosedError": (503, "closing"),
    "ModelDeadError": (503, "dead"),
    "DeadlineExceededError": (504, "deadline"),
}
KINDS = {
    name: kind
    for module in (errors, http_errors)
    for name, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__.startswith("vaefeat.serving")
}


def test_every_error_has_a_status_and_a_reason():
    assert {name: outcome_of(kind("message")) for name, kind in KINDS.items()} == EXPECTED


@pytest.mark.parametrize("error", [RuntimeError(), KeyError(), MemoryError()])
def test_any_other_error_is_a_failure_of_the_service(error):
    assert outcome_of(error) == (500, "failed")
