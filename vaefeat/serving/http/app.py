"""The ASGI application: which address answers what."""

import mimetypes
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaefeat import __version__
from vaefeat.serving.errors import ServingError, UnauthorizedError
from vaefeat.serving.http.explorer import code_paths, explorer_routes
from vaefeat.serving.http.heads import Head, simple_head, target_of
from vaefeat.serving.http.hosts import Hosts
from vaefeat.serving.http.inference import Infer
from vaefeat.serving.http.protocol import model_metadata
from vaefeat.serving.http.repository import repository_routes
from vaefeat.serving.http.responses import Response, error_response, json_response
from vaefeat.serving.service import Service

Endpoint = Callable[[Request], Awaitable[Any]]
Headers = list[tuple[bytes, bytes]]

MODEL = "/v2/models/{name}"
PAGES = {"/": "index.html", "/docs": "docs.html"}
PAGES |= {
    f"/{name}": name
    for name in (
        "openapi.json",
        "base.css",
        "style.css",
        "index.js",
        "numbers.js",
        "row.js",
        "docs.js",
        "icon.svg",
    )
}
SHARED = ("base.css", "icon.svg")  # with the explorer
# These reveal nothing about the models, or must work without a token, for probes and for browsers.
OPEN_TO_ALL = {*PAGES, "/v2/health/live", "/v2/health/ready"}
# The pages load nothing from other hosts and send nothing to them; browsers enforce it.
POLICY = b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def make_app(service: Service, explorer: Path | None = None, hosts: Hosts | None = None) -> Starlette:
    """Return the ASGI application of a service.

    Parameters
    ----------
    service : Service
    explorer : Path, optional
        A folder written by ``vaefeat explore``, to be served, too.
    hosts : Hosts, optional
        By which clients may address the service; by default any.

    Returns
    -------
    Starlette
    """
    infer = Infer(service)
    open_to_all = OPEN_TO_ALL
    routes: list[BaseRoute] = [
        *repository_routes(service),
        Route(f"{MODEL}/infer", infer, methods=["POST"]),
        Route(f"{MODEL}/versions/{{version}}/infer", infer, methods=["POST"]),
        Route(f"{MODEL}", _model),
        Route(f"{MODEL}/versions/{{version}}", _model),
        Route(f"{MODEL}/ready", _model_ready),
        Route(f"{MODEL}/versions/{{version}}/ready", _model_ready),
        Route("/v2/health/live", _live),
        Route("/v2/health/ready", _ready),
        Route("/v2", _server),
        Route("/metrics", _metrics),
        *(Route(path, _page(name)) for path, name in PAGES.items()),
    ]
    if explorer is not None:
        routes += explorer_routes(explorer)
        open_to_all = OPEN_TO_ALL | code_paths(explorer)
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_error, ServingError: _serving_error},
    )
    app.state.service = service
    app.state.has_explorer = explorer is not None
    app.router.redirect_slashes = False  # each address has one form
    app.state.gate = Gate(app.build_middleware_stack(), service, infer, open_to_all, hosts)
    app.middleware_stack = app.state.gate
    return app


class Gate:
    """Lets in clients that address this host and send the token, and closes their connections at the end.

    Parameters
    ----------
    app : ASGI application
    service : Service
    infer : Infer
    open_to_all : set of str
        Addresses that need no token.
    hosts : Hosts or None
    """

    def __init__(
        self, app: ASGIApp, service: Service, infer: Infer, open_to_all: set[str], hosts: Hosts | None
    ) -> None:
        self._app = app
        self._infer = infer
        self._service = service
        self._open_to_all = open_to_all
        self._hosts = hosts

    def head_of(self, url: bytes, headers: Headers) -> Head | None:
        """Return the head of a request that may be passed on to :meth:`Infer.start`; None for any other."""
        head = simple_head(url, headers)
        if head is not None:
            try:
                self._check(url.decode("latin-1"), headers)
            except ServingError:
                return None
        return head

    def start(self, head: Head, body: bytes, send: Callable[[Response], None]) -> bool:
        """Answer such a request; return whether there will be a response, see :meth:`Infer.start`."""
        return not self._service.is_draining and self._infer.start(head, body, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        app = self._app
        try:
            if scope["type"] == "http":
                self._check(scope["path"], scope["headers"])
                if scope["method"] == "POST" and (target := target_of(scope["path"])):
                    scope["path_params"] = dict(zip(("name", "version"), target, strict=True))
                    app = self._infer  # past the routes, which take longer than a small model
        except ServingError as exc:
            app = error_response(exc)
        if self._service.is_draining:
            send = _closing(send)
        await app(scope, receive, send)

    def _check(self, path: str, headers: Headers) -> None:
        if self._hosts is not None:
            self._hosts.check(headers)
        if path in self._open_to_all or self._service.settings.token is None:
            return
        if not self._service.is_authorized(dict(headers).get(b"authorization", b"")):
            raise UnauthorizedError("Send the header Authorization: Bearer, and the token.")


def _closing(send: Send) -> Send:
    """Ask the client to connect again, which leads it to another instance."""

    async def send_and_close(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return send_and_close


# --- metadata and health ---


def _service(request: Request) -> Service:
    return request.app.state.service


async def _live(request: Request) -> Response:
    return _health("live", _service(request).is_live)


async def _ready(request: Request) -> Response:
    return _health("ready", _service(request).is_ready)


def _health(name: str, is_healthy: bool) -> Response:
    return json_response({name: is_healthy}, 200 if is_healthy else 503)


async def _server(request: Request) -> Response:
    extensions = ["binary_tensor_data", "model_repository", "statistics"]
    if request.app.state.has_explorer:
        extensions.append("explorer")  # our own: the page then links to it
    return json_response({"name": "vaefeat", "version": __version__, "extensions": extensions})


async def _model(request: Request) -> Response:
    repository = _service(request).repository
    served = repository.find(**request.path_params)
    versions = repository.versions(served.name)
    return json_response(model_metadata(served.name, versions, served.contract, served.model.card))


async def _model_ready(request: Request) -> Response:
    service = _service(request)
    served = service.repository.find(**request.path_params)
    return _health("ready", served.batcher.is_alive and not service.is_draining)


async def _metrics(request: Request) -> Response:
    headers = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]
    return Response(200, headers, _service(request).metrics.exposition())


def _page(name: str) -> Endpoint:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-security-policy", POLICY),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-cache"),
    ]
    pages = files("vaefeat" if name in SHARED else "vaefeat.serving.http").joinpath("pages")
    response = Response(200, headers, pages.joinpath(name).read_bytes())

    async def page(request: Request) -> Response:
        return response

    return page


# --- errors ---


async def _http_error(request: Request, exc: Exception) -> Any:
    assert isinstance(exc, HTTPException)
    message = f"{exc.detail}: {request.method} is not supported at this address."
    response = json_response({"error": message}, exc.status_code)
    response.headers += [
        (name.lower().encode(), value.encode()) for name, value in (exc.headers or {}).items()
    ]
    return response


async def _serving_error(request: Request, exc: Exception) -> Any:
    return error_response(exc)
