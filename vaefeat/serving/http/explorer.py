"""Serve a folder written by ``vaefeat explore`` at /explore/."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PATH = "/explore"
INDEX = "explorer.json"
HEADERS = {
    # As for the service's own pages, and WebAssembly to run the decoders.
    "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


def check_explorer(folder: Path) -> None:
    """Raise ValueError unless the folder was written by ``vaefeat explore``."""
    if not ((folder / INDEX).is_file() and (folder / "index.html").is_file()):
        raise ValueError(f"{folder} is not an explorer, expected a folder written by vaefeat explore.")


def explorer_routes(folder: Path) -> list[BaseRoute]:
    """Return the routes to the files of an explorer, and the redirect from the address without a slash."""
    return [Route(PATH, _to_folder), Mount(PATH, _Files(directory=folder, html=True))]


def code_paths(folder: Path) -> set[str]:
    """Return the addresses that reveal nothing about models and data: the page and its code."""
    found = [file for file in (*folder.glob("*"), *folder.glob("onnxruntime-web/*")) if file.is_file()]
    names = {file.relative_to(folder).as_posix() for file in found} - {INDEX}
    return {PATH, f"{PATH}/"} | {f"{PATH}/{name}" for name in names}


async def _to_folder(request: Request) -> Response:
    return RedirectResponse(
        f"{PATH.removeprefix('/')}/"
    )  # relative, so that it works behind a proxy with a prefix


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response
