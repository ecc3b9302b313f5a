"""The endpoint that does the work: rows in, outputs out."""

import asyncio
import gzip
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from vaefeat.serving.batching import Outcome, Outputs
from vaefeat.serving.core import check_rows, infer, is_quick, outputs_of
from vaefeat.serving.errors import MemoryFullError, ServingError
from vaefeat.serving.http.bodies import Bodies
from vaefeat.serving.http.clients import unless_gone
from vaefeat.serving.http.errors import ClientGoneError, outcome_of
from vaefeat.serving.http.heads import SMALL_BYTES, Head
from vaefeat.serving.http.protocol import HEADER_LENGTH, InferenceRequest, format_response
from vaefeat.serving.http.requests import MAX_HEADER_BYTES, parse_request
from vaefeat.serving.http.responses import JSON, Response, error_response
from vaefeat.serving.metrics import ModelMetrics
from vaefeat.serving.repository import ServedModel
from vaefeat.serving.service import Service

log = logging.getLogger("vaefeat.serving")

MAX_BODY_BYTES = 64 * 2**20  # with binary tensors; JSON has its own limit
QUICK_BYTES = 32 * 2**10  # of outputs, which are formatted in the event loop; JSON is about twice as large
GZIP_FROM_BYTES = 4096  # of JSON; smaller responses fit into a few packets as they are


class Infer:
    """Answers inference requests: an ASGI application, and :meth:`start` for those that need none of it.

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
        if len(response.content) <= SMALL_BYTES:
            return await response(scope, receive, send)
        try:
            with self._service.memory.holding(len(response.content)):
                await response(scope, receive, send)
                await _read_by_client(scope)
        except MemoryFullError as exc:
            await error_response(exc)(scope, receive, send)

    def start(self, head: Head, body: bytes, send: Callable[[Response], None]) -> bool:
        """Answer a request that is here as a whole, in the next round of the event loop, if it is quick.

        Parameters
        ----------
        head : Head
        body : bytes
        send : callable
            Called with the response.

        Returns
        -------
        bool
            Whether there will be a response. If not, the request has changed nothing, and is left to the ASGI
            application: what is refused, or takes a while.
        """
        start = time.perf_counter()
        try:
            self._service.check_open()
            model = self._service.repository.find(head.name, head.version)
            model.batcher.check_capacity()
            if not model.batcher.is_quick(1):
                return False
            request = parse_request(body, head.header_length, model.contract, model.max_rows)
            if not is_quick(request.X):
                return False
            X = check_rows(model, request.X)
        except ServingError:
            return False
        if not model.batcher.is_quick(len(X)) or len(X) * model.contract.row_bytes > QUICK_BYTES:
            return False
        self._service.n_open += 1
        done = partial(self._finish, model, request, head, start, send)
        model.batcher.start(X, tuple(request.outputs), done)
        return True

    def _finish(
        self,
        model: ServedModel,
        request: InferenceRequest,
        head: Head,
        start: float,
        send: Callable[[Response], None],
        outcome: Outcome,
    ) -> None:
        self._service.n_open -= 1
        try:
            response = _response(model, request, outputs_of(outcome), head)
        except Exception as exc:
            response = _failed(exc, model.metrics, head.name, time.perf_counter() - start)
        else:
            model.metrics.observe_success("200", time.perf_counter() - start)
        send(response)

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
            response = _failed(exc, metrics, scope["path_params"]["name"], time.perf_counter() - start)
            return None if isinstance(exc, ClientGoneError) else response
        metrics.observe_success("200", time.perf_counter() - start)
        return response

    def _find(self, scope: Scope) -> ServedModel:
        parameters = scope["path_params"]
        return self._service.repository.find(parameters["name"], parameters.get("version"))

    async def _infer(self, model: ServedModel, scope: Scope, receive: Receive) -> Response:
        headers = dict(scope["headers"])
        head = Head.of(model.name, model.version, headers)
        limit = MAX_HEADER_BYTES if head.header_length is None else MAX_BODY_BYTES
        async with self._bodies.reading(receive, headers, limit) as body:
            with self._service.answering:
                return await _infer_body(model, head, body, receive)


async def _infer_body(model: ServedModel, head: Head, body: bytes, receive: Receive) -> Response:
    request = await _aside(len(body), parse_request, body, head.header_length, model.contract, model.max_rows)
    async with unless_gone(receive):
        outputs = await infer(model, request.X, list(request.outputs))
    size = sum(values.nbytes for values in outputs.values())
    return await _aside(size, _response, model, request, outputs, head)


async def _read_by_client(scope: Scope) -> None:
    """Wait until the client has read most of the response."""
    flow = scope["state"].get("flow") if "state" in scope else None
    if flow is not None:
        await flow.drain()


def _failed(error: Exception, metrics: ModelMetrics, name: str, seconds: float) -> Response:
    """Count an error, and log it if it is unexpected; return the response."""
    outcome = outcome_of(error)
    metrics.observe_error(str(outcome.status), outcome.reason, seconds)
    if outcome.status == 500:
        log.error("A request to %s failed.", name, exc_info=error)
    return error_response(error)


async def _aside(size: int, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function: here if there is little to do, else in a thread."""
    return function(*args) if size <= SMALL_BYTES else await asyncio.to_thread(function, *args)


def _response(model: ServedModel, request: InferenceRequest, outputs: Outputs, head: Head) -> Response:
    content, header_length = format_response(model.name, model.version, request, outputs)
    if header_length is not None:
        headers = [(b"content-type", b"application/octet-stream"), (HEADER_LENGTH, b"%d" % header_length)]
        return Response(200, headers, content)
    if len(content) < GZIP_FROM_BYTES or not head.accepts_gzip:
        return Response(200, [JSON], content)
    content = gzip.compress(content, 1)  # level 1: the digits are mostly noise
    return Response(200, [JSON, (b"content-encoding", b"gzip")], content)
