"""The one address that does the work: rows in, outputs out."""

import asyncio
import gzip
import logging
import time
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from vaefeat.serving.clients import ClientGone, unless_gone
from vaefeat.serving.protocol import HEADER_LENGTH, format_response
from vaefeat.serving.refusals import Refusal, invalid
from vaefeat.serving.repository import ServedModel
from vaefeat.serving.requests import MAX_HEADER_BYTES, parse_request
from vaefeat.serving.responses import JSON, Answer, refused
from vaefeat.serving.service import Service

log = logging.getLogger("vaefeat.serving")

MAX_BODY_BYTES = 64 * 2**20  # with binary tensors; what is JSON has a limit of its own
LARGE_BYTES = 64 * 2**10  # what is larger is not parsed, or formatted, between other requests
GZIP_FROM_BYTES = 4096  # of JSON; smaller answers fit into a few packets as they are

Headers = dict[bytes, bytes]


class Infer:
    """Answers inference requests: an ASGI application.

    Parameters
    ----------
    service : Service
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._unknown = service.metrics.of("")  # for requests that name no model there is

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it among the open ones until that is done."""
        self._service.n_open += 1
        try:
            answer = await self._answer(scope, receive)
            if answer is not None:
                await answer(scope, receive, send)
        finally:
            self._service.n_open -= 1

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | None:
        start = time.perf_counter()
        metrics = self._unknown
        try:
            # What can be said without the body is said before it is read.
            self._service.refuse_if_closed()
            model = self._find(scope)
            metrics = model.metrics
            model.batcher.refuse_if_full()
            answer = await self._infer(model, scope, receive)
        except ClientGone:
            metrics.observe_refusal(499, "client_gone")
            return None
        except Refusal as refusal:
            metrics.observe_refusal(refusal.status, refusal.reason)
            return refused(refusal)
        except Exception:
            log.exception("A request to %s failed.", scope["path_params"]["name"])
            metrics.observe_refusal(500, "failed")
            return refused(Refusal(500, "failed", "The model fails on this request."))
        metrics.observe_answer(time.perf_counter() - start)
        return answer

    def _find(self, scope: Scope) -> ServedModel:
        parameters = scope["path_params"]
        return self._service.repository.find(parameters["name"], parameters.get("version"))

    async def _infer(self, model: ServedModel, scope: Scope, receive: Receive) -> Answer:
        headers: Headers = dict(scope["headers"])
        header_length = _header_length(headers)
        limit = MAX_HEADER_BYTES if header_length is None else MAX_BODY_BYTES
        async with self._service.bodies.reading(receive, headers, limit) as body:
            request = await _aside(
                len(body), parse_request, body, header_length, model.contract, self._service.max_rows
            )
            try:
                X = model.model.check_rows(request.X)
            except ValueError as exc:
                raise invalid(str(exc)) from exc
            async with unless_gone(receive):
                outputs = await model.batcher.run(X, list(request.outputs))
        size = sum(values.nbytes for values in outputs.values())
        content, header_length = await _aside(
            size, format_response, model.name, model.version, request, outputs
        )
        return await _respond(content, header_length, headers)


async def _aside(size: int, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function: here if there is little to do, else in a thread."""
    return function(*args) if size <= LARGE_BYTES else await asyncio.to_thread(function, *args)


def _header_length(headers: Headers) -> int | None:
    text = headers.get(HEADER_LENGTH)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 18:
        raise invalid("Expected a number of bytes in the header Inference-Header-Content-Length.")
    return int(text)


async def _respond(content: bytes, header_length: int | None, asked: Headers) -> Answer:
    if header_length is not None:
        headers = [(b"content-type", b"application/octet-stream"), (HEADER_LENGTH, b"%d" % header_length)]
        return Answer(200, headers, content)
    encodings = asked.get(b"accept-encoding", b"").split(b",")
    if len(content) < GZIP_FROM_BYTES or b"gzip" not in map(bytes.strip, encodings):
        return Answer(200, [JSON], content)
    content = await _aside(len(content), gzip.compress, content, 1)  # level 1: the digits are mostly noise
    return Answer(200, [JSON, (b"content-encoding", b"gzip")], content)
