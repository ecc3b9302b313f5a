"""An application that reads a body and sends as many bytes as a response has, on the same server.

    python -m pipelines.benchmarks.serving.echo N_BYTES PORT

It is what serving costs before anything is served.
"""

import sys
from typing import Any

import uvicorn


def make_echo(n_bytes: int) -> Any:
    """Return an ASGI application that sends ``n_bytes`` for every body."""
    content = bytes(n_bytes)
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % n_bytes)]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != "/v2/health/ready":
            while (await receive()).get("more_body"):
                pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


if __name__ == "__main__":
    uvicorn.run(
        make_echo(int(sys.argv[1])),
        port=int(sys.argv[2]),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
