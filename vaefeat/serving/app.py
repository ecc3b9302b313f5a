"""The service as an ASGI application: which address answers what."""

import hmac
import mimetypes
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaefeat import __version__
from vaefeat.serving.explorer import code_paths, explorer_routes
from vaefeat.serving.inference import Infer
from vaefeat.serving.protocol import model_metadata
from vaefeat.serving.refusals import Refusal
from vaefeat.serving.responses import Answer, as_json, refused
from vaefeat.serving.service import Service

Endpoint = Callable[[Request], Awaitable[Any]]

MODEL = "/v2/models/{name}"
PAGES = {"/": "index.html", "/docs": "docs.html"}
PAGES |= {
    f"/{name}": name
    for name in ("openapi.json", "base.css", "style.css", "index.js", "numbers.js", "docs.js", "icon.svg")
}
SHARED = ("base.css", "icon.svg")  # with the explorer
# They say nothing of the models, or have to be there for who has no token: probes, and a person's browser.
OPEN_TO_ALL = {*PAGES, "/v2/health/live", "/v2/health/ready"}
# The pages load nothing from elsewhere, and send nothing elsewhere: they could not if they tried.
POLICY = b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def make_app(service: Service) -> Starlette:
    """Return the ASGI application of a service."""
    infer = Infer(service)
    open_to_all = OPEN_TO_ALL
    routes: list[BaseRoute] = [
        Route(f"{MODEL}/infer", infer, methods=["POST"]),
        Route(f"{MODEL}/versions/{{version}}/infer", infer, methods=["POST"]),
        Route(f"{MODEL}", _model),
        Route(f"{MODEL}/versions/{{version}}", _model),
        Route(f"{MODEL}/ready", _model_ready),
        Route(f"{MODEL}/versions/{{version}}/ready", _model_ready),
        Route("/v2/health/live", _live),
        Route("/v2/health/ready", _ready),
        Route("/v2", _server),
        Route("/v2/repository/index", _index, methods=["POST"]),
        Route("/metrics", _metrics),
        *(Route(path, _page(name)) for path, name in PAGES.items()),
    ]
    if service.explorer is not None:
        routes += explorer_routes(service.explorer)
        open_to_all = OPEN_TO_ALL | code_paths(service.explorer)
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Gate, service=service, open_to_all=open_to_all)],
        exception_handlers={HTTPException: _http_error, Refusal: _refusal},
    )
    app.state.service = service
    app.router.redirect_slashes = False  # an address has one form
    return app


class Gate:
    """Lets in who shows the token, and lets nobody stay who comes while the service shuts down.

    Parameters
    ----------
    app : ASGI application
    service : Service
    open_to_all : set of str
        Addresses that ask for no token.
    """

    def __init__(self, app: ASGIApp, service: Service, open_to_all: set[str]) -> None:
        self._app = app
        self._service = service
        self._open_to_all = open_to_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        app = self._app if self._may_pass(scope) else _unauthorized()
        await app(scope, receive, _closing(send) if self._service.is_draining else send)

    def _may_pass(self, scope: Scope) -> bool:
        token = self._service.token
        if token is None or scope["type"] != "http" or scope["path"] in self._open_to_all:
            return True
        shown = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(shown, b"Bearer " + token.encode())


def _unauthorized() -> Answer:
    answer = refused(Refusal(401, "unauthorized", "Send the header Authorization: Bearer, and the token."))
    answer.headers.append((b"www-authenticate", b"Bearer"))
    return answer


def _closing(send: Send) -> Send:
    """Tell the client to connect anew, which then leads it elsewhere."""

    async def send_and_close(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return send_and_close


# --- what is known of the service and its models ---


def _service(request: Request) -> Service:
    return request.app.state.service


async def _live(request: Request) -> Answer:
    return _health("live", _service(request).is_live)


async def _ready(request: Request) -> Answer:
    return _health("ready", _service(request).is_ready)


def _health(name: str, is_well: bool) -> Answer:
    return as_json({name: is_well}, 200 if is_well else 503)


async def _server(request: Request) -> Answer:
    extensions = ["binary_tensor_data", "model_repository"]
    if _service(request).explorer is not None:
        extensions.append("explorer")  # one of our own: the page then shows the way to it
    return as_json({"name": "vaefeat", "version": __version__, "extensions": extensions})


async def _model(request: Request) -> Answer:
    repository = _service(request).repository
    served = repository.find(**request.path_params)
    versions = repository.versions(served.name)
    return as_json(model_metadata(served.name, versions, served.contract, served.model.card))


async def _model_ready(request: Request) -> Answer:
    service = _service(request)
    served = service.repository.find(**request.path_params)
    return _health("ready", served.batcher.is_alive and not service.is_draining)


async def _index(request: Request) -> Answer:
    repository = _service(request).repository
    ready = [
        {"name": served.name, "version": version, "state": "READY"}
        for served in repository.models
        for version in repository.versions(served.name)
    ]
    refused_ = [
        {"name": name, "version": version, "state": "UNAVAILABLE", "reason": reason}
        for (name, version), reason in sorted(repository.refusals.items())
    ]
    return as_json(ready + refused_)


async def _metrics(request: Request) -> Answer:
    headers = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]
    return Answer(200, headers, _service(request).metrics.exposition())


def _page(name: str) -> Endpoint:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-security-policy", POLICY),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-cache"),
    ]
    pages = files("vaefeat" if name in SHARED else "vaefeat.serving").joinpath("pages")
    answer = Answer(200, headers, pages.joinpath(name).read_bytes())

    async def page(request: Request) -> Answer:
        return answer

    return page


# --- errors ---


async def _http_error(request: Request, exc: Exception) -> Any:
    assert isinstance(exc, HTTPException)
    answer = as_json(
        {"error": f"{exc.detail}: {request.method} is not answered at this address."}, exc.status_code
    )
    answer.headers += [(name.lower().encode(), value.encode()) for name, value in (exc.headers or {}).items()]
    return answer


async def _refusal(request: Request, exc: Exception) -> Any:
    assert isinstance(exc, Refusal)
    return refused(exc)
