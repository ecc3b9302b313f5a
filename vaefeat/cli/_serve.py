"""``vaefeat serve``: the models, and what the terminal shows of them."""

from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from vaefeat._optional import import_optional
from vaefeat.cli._console import console, printable
from vaefeat.runtime.sandbox import Sandbox


def serve(
    folder: Path,
    batches: dict[str, Any],
    service: dict[str, Any],
    http: dict[str, Any],
    *,
    grpc_port: int | None,
    token_file: Path | None,
    json_logs: bool,
) -> None:
    """Serve the models in a folder until the process is told to end.

    Parameters
    ----------
    folder : Path
    batches, service, http : dict
        Fields of BatchSettings, ServiceSettings and HttpSettings.
    grpc_port : int or None
        None for HTTP alone.
    token_file : Path or None
    json_logs : bool
    """
    sandbox = Sandbox()
    sandbox.start()  # it becomes ready while the service is imported
    running = import_optional("vaefeat.serving.running", "serve")
    http_server = import_optional("vaefeat.serving.http.server", "serve")
    batching = import_optional("vaefeat.serving.batching", "serve")
    services = import_optional("vaefeat.serving.service", "serve")
    logs = import_optional("vaefeat.serving.logs", "serve")
    if json_logs:
        logs.configure(as_json=True)
    token = _read_token(token_file) if token_file is not None else None
    settings = services.ServiceSettings(batches=batching.BatchSettings(**batches), token=token, **service)
    opened = services.Service.open(folder, settings, sandbox)
    servers = [http_server.HttpServer(opened, http_server.HttpSettings(**http))]
    if grpc_port is not None:
        servers.append(_grpc_server(opened, http, grpc_port))

    def started(addresses: list[str], service: Any) -> None:
        if json_logs:
            for address in addresses:
                services.log.info("Serving %s at %s.", folder, address)
        else:
            _print_page(addresses, service.repository, has_explorer=http["explorer"] is not None)
            logs.configure(as_json=False)  # only now: the page shows what was loaded

    running.run(opened, servers, started)


def _grpc_server(service: Any, http: dict[str, Any], port: int) -> Any:
    """Return a server at the same host and with the same certificate as over HTTP."""
    grpc = import_optional("vaefeat.serving.grpc.server", "serve")
    shared = {name: http[name] for name in ("host", "certfile", "keyfile")}
    return grpc.GrpcServer(service, grpc.GrpcSettings(port=port, **shared))


def _read_token(path: Path) -> str:
    token = path.read_text().strip()
    if not (token.isascii() and token.isprintable()) or len(token.split()) != 1:
        raise ValueError(f"Expected one word of ASCII characters as the token in {path}.")
    return token


def _print_page(addresses: list[str], repository: Any, *, has_explorer: bool) -> None:
    table = Table(box=None, show_header=False, padding=(0, 3, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    for served in repository.models:
        outputs = ", ".join(output.name for output in served.contract.outputs)
        table.add_row(
            printable(served.name),
            f"version {served.version}",
            f"{served.model.n_features} features → {printable(outputs)}",
        )
    for (name, version), reason in repository.refusals.items():
        table.add_row(
            Text(name, style="bold red"),
            Text(f"version {version}", style="red"),
            Text(printable(reason), style="red"),
        )
    address, *others = addresses
    console.print()
    console.print(table)
    console.print(Text.assemble("\n  try it   ", (address, "bold cyan")))
    if has_explorer:
        console.print(Text.assemble("  explore  ", (f"{address}/explore/", "cyan")))
    console.print(Text.assemble("  docs     ", (f"{address}/docs", "cyan")))
    console.print(Text.assemble("  metrics  ", (f"{address}/metrics", "cyan")))
    for other in others:
        console.print(Text.assemble("  and at   ", (other, "cyan")))
    console.print("\n  Ctrl+C ends the service as soon as all requests are answered.\n", style="dim")
