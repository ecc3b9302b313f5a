"""Triton's extensions for the repository of models and for statistics."""

from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from vaefeat.serving.errors import InvalidRequestError
from vaefeat.serving.http.bodies import Bodies
from vaefeat.serving.http.errors import ClientGoneError
from vaefeat.serving.http.requests import parse_object
from vaefeat.serving.http.responses import Response, json_response
from vaefeat.serving.service import Service

MAX_BODY_BYTES = 64 * 2**10
_IGNORED = {"unload_dependents"}  # no model depends on another


def repository_routes(service: Service) -> list[BaseRoute]:
    """Return the routes of both extensions."""
    endpoints = _Endpoints(service)
    model = "/v2/repository/models/{name}"
    return [
        Route("/v2/repository/index", endpoints.index, methods=["POST"]),
        Route(f"{model}/load", endpoints.load, methods=["POST"]),
        Route(f"{model}/unload", endpoints.unload, methods=["POST"]),
        Route("/v2/models/stats", endpoints.statistics),
        Route("/v2/models/{name}/stats", endpoints.statistics),
        Route("/v2/models/{name}/versions/{version}/stats", endpoints.statistics),
    ]


class _Endpoints:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._bodies = Bodies(service.memory)

    async def index(self, request: Request) -> Response:
        body = await self._body(request)
        is_ready = body.get("ready", False)
        if not isinstance(is_ready, bool):
            raise InvalidRequestError('Expected true or false as "ready".')
        entries = self._service.repository.index(ready=is_ready)
        return json_response(
            [
                {name: text for name, text in each._asdict().items() if text or name != "reason"}
                for each in entries
            ]
        )

    async def load(self, request: Request) -> Response:
        await self._check_parameters(request)
        await self._service.load(request.path_params["name"])
        return json_response({})

    async def unload(self, request: Request) -> Response:
        await self._check_parameters(request)
        await self._service.unload(request.path_params["name"])
        return json_response({})

    async def statistics(self, request: Request) -> Response:
        found = self._service.repository.find_all(**request.path_params)
        return json_response({"model_stats": [served.statistics() for served in found]})

    async def _check_parameters(self, request: Request) -> None:
        parameters = (await self._body(request)).get("parameters", {})
        if not isinstance(parameters, dict) or not set(parameters) <= _IGNORED:
            raise InvalidRequestError("Models are loaded as they are in the folder: expected no parameters.")

    async def _body(self, request: Request) -> dict[str, Any]:
        headers = dict(request.scope["headers"])
        try:
            async with self._bodies.reading(request.receive, headers, MAX_BODY_BYTES) as body:
                return parse_object(body) if body else {}
        except ClientGoneError as exc:
            raise InvalidRequestError("The body did not arrive.") from exc
