"""``vaefeat serve``: the models, and what the terminal shows of them."""

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from vaefeat._optional import import_optional
from vaefeat.cli._console import console, one_sentence, printable
from vaefeat.runtime.sandbox import Sandbox

log = logging.getLogger("vaefeat.serving")


@dataclass(frozen=True)
class Options:
    """What to serve, and how.

    Attributes
    ----------
    folder : Path
    batches, service, http : dict
        Fields of BatchSettings, ServiceSettings and HttpSettings.
    grpc_port : int or None
        None for HTTP only.
    n_workers : int
    token_file : Path or None
    json_logs : bool
    """

    folder: Path
    batches: dict[str, Any]
    service: dict[str, Any]
    http: dict[str, Any]
    grpc_port: int | None
    n_workers: int
    token_file: Path | None
    json_logs: bool

    def check(self) -> None:
        """Raise ValueError if the options contradict each other."""
        if self.n_workers > 1 and self.service["allow_control"]:
            raise ValueError("Clients can load and unload models only where there is one worker.")
        if self.n_workers > 1 and not hasattr(os, "fork"):
            raise ValueError("More than one worker is not possible on this system.")


def serve(options: Options) -> int:
    """Serve the models in a folder until the process is told to end; return its exit code."""
    options.check()
    sandbox = Sandbox()
    if options.n_workers == 1:
        sandbox.start()  # it becomes ready while the service is imported
    settings = _settings(options)
    if options.n_workers > 1:
        return _supervise(options, settings)
    service = _open(options, settings, sandbox)
    _run(options, service, lambda addresses: _announce(options, addresses, service))
    return 0


def _supervise(options: Options, settings: Any) -> int:
    """Serve in several processes, which share what is made here."""
    workers = import_optional("vaefeat.serving.workers", "serve")
    http = import_optional("vaefeat.serving.http.server", "serve")
    board = workers.Board(options.n_workers)
    with ExitStack() as stack:
        listener = stack.enter_context(http.listen(http.HttpSettings(**options.http)))
        shared = options
        if options.grpc_port is not None:
            grpc = import_optional("vaefeat.serving.grpc.server", "serve")
            port = stack.enter_context(grpc.shared_port(options.http["host"], options.grpc_port))
            shared = replace(options, grpc_port=port)

        def work(number: int, say_ready: Callable[[], None]) -> None:
            with one_sentence():
                serve_as(number, say_ready)

        def serve_as(number: int, say_ready: Callable[[], None]) -> None:
            board.slot = number
            is_first = number == 0 and board.read(0) is None
            service = _open(shared, settings, Sandbox())
            service.metrics.share(board)

            def started(addresses: list[str]) -> None:
                if is_first:
                    _announce(shared, addresses, service)
                elif not shared.json_logs:
                    import_optional("vaefeat.serving.logs", "serve").configure(as_json=False)
                say_ready()

            _run(shared, service, started, listener)

        return workers.Supervisor(options.n_workers, work).run()


def _settings(options: Options) -> Any:
    batching = import_optional("vaefeat.serving.batching", "serve")
    services = import_optional("vaefeat.serving.service", "serve")
    logs = import_optional("vaefeat.serving.logs", "serve")
    if options.json_logs:
        logs.configure(as_json=True)
    token = _read_token(options.token_file) if options.token_file is not None else None
    batches = batching.BatchSettings(**options.batches)
    return services.ServiceSettings(batches=batches, token=token, **options.service)


def _open(options: Options, settings: Any, sandbox: Sandbox) -> Any:
    services = import_optional("vaefeat.serving.service", "serve")
    return services.Service.open(options.folder, settings, sandbox)


def _run(options: Options, service: Any, started: Callable[[list[str]], None], listener: Any = None) -> None:
    """Serve over all protocols; ``listener`` is the socket that several processes share."""
    running = import_optional("vaefeat.serving.running", "serve")
    http = import_optional("vaefeat.serving.http.server", "serve")
    servers = [http.HttpServer(service, http.HttpSettings(**options.http), listener)]
    if options.grpc_port is not None:
        grpc = import_optional("vaefeat.serving.grpc.server", "serve")
        same = {name: options.http[name] for name in ("host", "certfile", "keyfile")}
        settings = grpc.GrpcSettings(port=options.grpc_port, shared=listener is not None, **same)
        servers.append(grpc.GrpcServer(service, settings))
    running.run(service, servers, started)


def _announce(options: Options, addresses: list[str], service: Any) -> None:
    logs = import_optional("vaefeat.serving.logs", "serve")
    if options.json_logs:
        for address in addresses:
            log.info("Serving %s at %s.", options.folder, address)
    else:
        _print_page(addresses, service.repository, has_explorer=options.http["explorer"] is not None)
        logs.configure(as_json=False)  # only now: the page shows what was loaded


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
