"""From a call as gRPC passes it on to its answer: the token, the request, the response or the error."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from vaefeat.serving.errors import ServingError, UnauthorizedError
from vaefeat.serving.grpc.calls import Calls
from vaefeat.serving.grpc.errors import outcome_of
from vaefeat.serving.grpc.inference_pb2 import DESCRIPTOR
from vaefeat.serving.grpc.reading import Reader
from vaefeat.serving.grpc.requests import parse_message
from vaefeat.serving.service import Service

log = logging.getLogger("vaefeat.serving")

PROTOCOL = DESCRIPTOR.services_by_name["GRPCInferenceService"]
OPEN_TO_ALL = {"ServerLive", "ServerReady"}  # probes show no token


def make_handler(service: Service) -> grpc.GenericRpcHandler:
    """Return what answers all calls of the protocol."""
    calls, reader = Calls(service), Reader(service.memory)
    # On the wire, a call of one message is what a stream of one message is. As a stream, reading is up to us.
    handlers = {
        method.name: grpc.stream_unary_rpc_method_handler(
            Handler(service, reader, getattr(calls, method.name), GetMessageClass(method.input_type)).answer
        )
        for method in PROTOCOL.methods
    }
    return grpc.method_handlers_generic_handler(PROTOCOL.full_name, handlers)


class Handler:
    """Answers one kind of call.

    Parameters
    ----------
    service : Service
    reader : Reader
    call : callable
        Of :class:`Calls`.
    kind : type of Message
        The type of the request.
    """

    def __init__(
        self,
        service: Service,
        reader: Reader,
        call: Callable[[Any], Awaitable[Message]],
        kind: type[Message],
    ) -> None:
        self._service = service
        self._reader = reader
        self._call = call
        self._kind = kind
        self._needs_token = call.__name__ not in OPEN_TO_ALL and service.settings.token is not None

    async def answer(self, requests: Any, context: Any) -> bytes:
        """Answer a call."""
        try:
            if self._needs_token:
                self._check_token(context)
            async with self._reader.reading(context) as content:
                with self._service.answering:
                    response = await self._call(parse_message(self._kind, content))
                    return response.SerializeToString()
        except Exception as exc:
            await context.abort(outcome_of(exc).status, _message(exc))
            raise  # abort() has raised already

    def _check_token(self, context: Any) -> None:
        shown = dict(context.invocation_metadata() or ()).get("authorization", "")
        if not self._service.is_authorized(shown.encode()):
            raise UnauthorizedError("Send authorization: Bearer, and the token, as metadata.")


def _message(error: Exception) -> str:
    """Return what the client may know of an error; log what it may not."""
    if isinstance(error, ServingError):
        return str(error)
    log.error("A call failed.", exc_info=error)
    return "The request failed."
