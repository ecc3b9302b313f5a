"""The endpoint that does the work: rows in, outputs out."""

import asyncio
import gzip
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from starlette.types import Receive, Scope, Send

from vaefeat.serving.batching import Outputs
from vaefeat.serving.core import infer
from vaefeat.serving.errors import InvalidRequestError, MemoryFullError
from vaefeat.serving.http.bodies import Bodies, body_of
from vaefeat.serving.http.clients import unless_gone
from vaefeat.serving.http.errors import ClientGoneError, outcome_of
from vaefeat.serving.http.protocol import HEADER_LENGTH, InferenceRequest, format_response
from vaefeat.serving.http.requests import MAX_HEADER_BYTES, parse_request
from vaefeat.serving.http.responses import JSON, Response, error_response
from vaefeat.serving.metrics import ModelMetrics
from vaefeat.serving.repository import ServedModel
from vaefeat.serving.service import Service

log = logging.getLogger("vaefeat.serving")

MAX_BODY_BYTES = 64 * 2**20  # with binary tensors; JSON has its own limit
LARGE_BYTES = 64 * 2**10  # what is larger is parsed or formatted in a thread, so that others need not wait
GZIP_FROM_BYTES = 4096  # of JSON; smaller responses fit into a few packets as they are

Headers = dict[bytes, bytes]


class Infer:
    """Answers inference requests: an ASGI application.

    Parameters
    ----------
    service : Service
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._bodies = Bodies(service.memory)
        self._unknown = service.metrics.of("")  # counts requests for models that do not exist

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        response = await self._answer(scope, receive)
        if response is None:
            return
        if len(response.content) <= LARGE_BYTES:
            return await response(scope, receive, send)
        try:
            with self._service.memory.holding(len(response.content)):
                await response(scope, receive, send)
                await _read_by_client(scope)
        except MemoryFullError as exc:
            await error_response(exc)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        start = time.perf_counter()
        metrics = self._unknown
        try:
            # What can be refused without the body is refused before it is read.
            self._service.check_open()
            model = self._find(scope)
            metrics = model.metrics
            model.batcher.check_capacity()
            response = await self._infer(model, scope, receive)
        except Exception as exc:
            return _failed(exc, metrics, scope["path_params"]["name"], time.perf_counter() - start)
        metrics.observe_success("200", time.perf_counter() - start)
        return response

    def _find(self, scope: Scope) -> ServedModel:
        parameters = scope["path_params"]
        return self._service.repository.find(parameters["name"], parameters.get("version"))

    async def _infer(self, model: ServedModel, scope: Scope, receive: Receive) -> Response:
        headers: Headers = dict(scope["headers"])
        header_length = _header_length(headers)
        limit = MAX_HEADER_BYTES if header_length is None else MAX_BODY_BYTES
        if _is_here(scope, headers):
            return await self._infer_body(body_of(await receive()), model, receive, headers, header_length)
        async with self._bodies.reading(receive, headers, limit) as body:
            return await self._infer_body(body, model, receive, headers, header_length)

    async def _infer_body(
        self,
        body: bytes,
        model: ServedModel,
        receive: Receive,
        headers: Headers,
        header_length: int | None,
    ) -> Response:
        with self._service.answering:
            request = await _aside(
                len(body), parse_request, body, header_length, model.contract, model.max_rows
            )
            outputs = await _outputs(model, request, receive)
            size = sum(values.nbytes for values in outputs.values())
            content, header_length = await _aside(
                size, format_response, model.name, model.version, request, outputs
            )
            return await _respond(content, header_length, headers)


def _is_here(scope: Scope, headers: Headers) -> bool:
    """Return whether a small body has arrived already, so that reading it needs no limits."""
    length = headers.get(b"content-length")
    return (
        scope.get("state", {}).get("is_complete", False)
        and length is not None
        and int(length) <= LARGE_BYTES
        and b"content-encoding" not in headers
    )


async def _outputs(model: ServedModel, request: InferenceRequest, receive: Receive) -> Outputs:
    names = list(request.outputs)
    if isinstance(request.X, np.ndarray) and model.batcher.is_quick(len(request.X)):
        return await infer(model, request.X, names)
    async with unless_gone(receive):
        return await infer(model, request.X, names)


async def _read_by_client(scope: Scope) -> None:
    """Wait until the client has read most of the response."""
    flow = scope["state"].get("flow") if "state" in scope else None
    if flow is not None:
        await flow.drain()


def _failed(error: Exception, metrics: ModelMetrics, name: str, seconds: float) -> Response | None:
    """Count an error and log it if it is unexpected; return the response, if there is a client left."""
    outcome = outcome_of(error)
    metrics.observe_error(str(outcome.status), outcome.reason, seconds)
    if outcome.status == 500:
        log.error("A request to %s failed.", name, exc_info=error)
    return None if isinstance(error, ClientGoneError) else error_response(error)


async def _aside(size: int, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function: here if there is little to do, else in a thread."""
    return function(*args) if size <= LARGE_BYTES else await asyncio.to_thread(function, *args)


def _header_length(headers: Headers) -> int | None:
    text = headers.get(HEADER_LENGTH)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 18:
        raise InvalidRequestError("Expected a number of bytes in the header Inference-Header-Content-Length.")
    return int(text)


async def _respond(content: bytes, header_length: int | None, request_headers: Headers) -> Response:
    if header_length is not None:
        headers = [(b"content-type", b"application/octet-stream"), (HEADER_LENGTH, b"%d" % header_length)]
        return Response(200, headers, content)
    encodings = request_headers.get(b"accept-encoding", b"").split(b",")
    if len(content) < GZIP_FROM_BYTES or b"gzip" not in map(bytes.strip, encodings):
        return Response(200, [JSON], content)
    content = await _aside(len(content), gzip.compress, content, 1)  # level 1: the digits are mostly noise
    return Response(200, [JSON, (b"content-encoding", b"gzip")], content)
