"""The command line. Each command imports what it needs only when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from vaefeat import __version__
from vaefeat.cli._console import console, one_sentence
from vaefeat.cli._learning import compare, fit
from vaefeat.cli._options import Decimal, Encoding, Header, ImageShape, Json, Separator, parse_shape, written

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX file.", show_default=False)]


def _print_version(value: bool) -> None:
    if value:
        console.print(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Put a variational autoencoder in front of your classifier: see if it pays off, and ship it as ONNX."""


app.command()(compare)
app.command()(fit)


@app.command()
def info(model: ModelFile, as_json: Json = False) -> None:
    """Show what a model takes, what it returns and where it comes from."""
    with one_sentence():
        from vaefeat.cli._models import info

        info(model, as_json=as_json)


@app.command()
def verify(model: ModelFile, as_json: Json = False) -> None:
    """Check that a model matches its card, and that it computes the same here as where it was exported.

    Exits with status 1 if a check fails.
    """
    with one_sentence():
        from vaefeat.cli._models import verify

        passed = verify(model, as_json=as_json)
    if not passed:
        raise typer.Exit(1)


@app.command()
def encode(
    model: ModelFile,
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="File of rows.", show_default=False)],
    target: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="File of features to write.", show_default=False)
    ],
    output: Annotated[
        list[str] | None,
        typer.Option(help="An output of the model to write; may be repeated. By default, all."),
    ] = None,
    header: Header = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    n_threads: Annotated[int, typer.Option(min=0, help="Threads; 0 means one per core.")] = 0,
    on_bad_row: Annotated[
        str,
        typer.Option(help="In many files: raise an error, null (empty outputs) or quarantine (leave out)."),
    ] = "raise",
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Of a Dask cluster for many files; local starts processes here."
        ),
    ] = None,
) -> None:
    """Run a model on a file of rows, or on many files, in constant memory.

    INPUT and OUTPUT may be .csv, .csv.gz, .npy, .npz or .parquet. OUTPUT is written completely
    or not at all. A .npy file holds one array: by default the first output. An INPUT of - is the standard
    input, in any of these formats; an OUTPUT of - is the standard output, as .csv.

    An INPUT that is a folder, or a pattern such as "data/*.parquet", stands for many files, and OUTPUT is
    then a folder of .parquet files. The same command goes on where one that was killed has ended.
    """
    with one_sentence():
        from vaefeat.cli._models import encode, encode_files
        from vaefeat.data.files import is_many

        as_written = written(header, separator, decimal, encoding)
        if is_many(source):
            options = {"output_names": output, "on_bad_row": on_bad_row, "n_threads": n_threads, **as_written}
            return encode_files(model, source, target, options, scheduler)
        if on_bad_row != "raise" or scheduler is not None:
            raise ValueError("--on-bad-row and --scheduler are for an INPUT that is a folder or a pattern.")
        encode(model, source, target, output, as_written, n_threads)


@app.command()
def export(
    model: ModelFile,
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="An ONNX file to write, or a repository.", show_default=False),
    ],
    quantize: Annotated[bool, typer.Option("--quantize", help="Store weights as 8-bit integers.")] = False,
    triton: Annotated[
        bool, typer.Option("--triton", help="Write into the Triton model repository OUT.")
    ] = False,
    data: Annotated[
        str, typer.Option(help="Labeled data to measure accuracy on, as for compare.")
    ] = "digits",
    target: Annotated[str | None, typer.Option(help="Column of the classes, if the data is a file.")] = None,
    header: Header = None,
    max_drop: Annotated[float, typer.Option(min=0.0, help="Largest acceptable drop in accuracy.")] = 0.01,
) -> None:
    """Write a model in another form, with its card.

    --quantize stores the weights of matrix products as 8-bit integers, and reports size, accuracy and speed
    before and after. Nothing is written if the accuracy drops too far. The outputs of a row then depend
    slightly on the rows that are run with it.

    --triton writes OUT/NAME/config.pbtxt and OUT/NAME/1/model.onnx for Triton Inference Server, where
    NAME is the name in the model's card.
    """
    with one_sentence():
        if quantize == triton:
            raise ValueError("Expected one form to write the model in: --quantize or --triton.")
        if triton:
            from vaefeat.cli._models import export_triton

            return export_triton(model, out)
        from vaefeat.cli._quantize import quantize as quantize_model

        quantize_model(model, out, data, target, header, max_drop)


@app.command()
def explore(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL_DIR...", help="Folders with model.onnx and decoder.onnx.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)],
    data: Annotated[
        str | None, typer.Option(help="Data to show, as for compare; by default what the card names.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column of the classes, if the data is a file.")] = None,
    header: Header = None,
    image_shape: ImageShape = None,
    onnxruntime_web: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The npm package; by default in node_modules, here or in a parent folder."
        ),
    ] = None,
) -> None:
    """Write a page to explore latent spaces: move a point, and see what it decodes to.

    Everything runs in the browser: any file server can serve OUT, and so can vaefeat serve --explore OUT.
    """
    with one_sentence():
        from vaefeat.cli._explore import explore

        explore(folders, out, data, target, header, parse_shape(image_shape), onnxruntime_web)


@app.command()
def serve(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Holds NAME/model.onnx or NAME/VERSION/model.onnx.", show_default=False
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free port.")] = 8000,
    grpc_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve over gRPC too, at this port.")
    ] = None,
    batch_rows: Annotated[int, typer.Option(min=1, max=256, help="Most rows run together.")] = 32,
    batch_delay: Annotated[float, typer.Option(min=0.0, help="Milliseconds to wait for more rows.")] = 0.0,
    queue_rows: Annotated[int, typer.Option(min=1, help="Most rows waiting for a model.")] = 1024,
    deadline: Annotated[float, typer.Option(min=0.001, help="Most seconds that a request waits.")] = 1.0,
    max_rows: Annotated[int, typer.Option(min=1, help="Most rows in a request.")] = 4096,
    threads: Annotated[int, typer.Option(min=1, help="Parallel runs of a model.")] = 1,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes, one for each core.")] = 1,
    poll: Annotated[
        float, typer.Option(min=0.0, help="Seconds between checks for new versions; 0 for never.")
    ] = 0.0,
    allow_control: Annotated[
        bool, typer.Option("--allow-control", help="Let clients load and unload models.")
    ] = False,
    drain: Annotated[float, typer.Option(min=0.0, help="Seconds to keep serving when told to end.")] = 0.0,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further name in Host on a loopback address; may be repeated."),
    ] = None,
    explore: Annotated[
        Path | None, typer.Option(help="Folder from vaefeat explore, to serve at /explore/.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(exists=True, help="File with the token that clients must send.")
    ] = None,
    certfile: Annotated[Path | None, typer.Option(exists=True, help="Certificate, for TLS.")] = None,
    keyfile: Annotated[Path | None, typer.Option(exists=True, help="Key of the certificate.")] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log one JSON object per line.")] = False,
) -> None:
    """Serve models over HTTP and gRPC, by the Open Inference Protocol (KServe V2).

    Open the address in a browser for a page to try the models.
    """
    with one_sentence():
        from vaefeat.cli._serve import Options, serve

        batches = {
            "max_rows": batch_rows,
            "delay": batch_delay / 1000,
            "queue_rows": queue_rows,
            "deadline": deadline,
            "n_threads": threads,
            "max_request_rows": max_rows,
        }
        service = {"poll_seconds": poll, "drain_seconds": drain, "allow_control": allow_control}
        http = {
            "host": host,
            "port": port,
            "explorer": explore,
            "certfile": certfile,
            "keyfile": keyfile,
            "allowed_hosts": tuple(allow_host or ()),
        }
        options = Options(
            folder=folder,
            batches=batches,
            service=service,
            http=http,
            grpc_port=grpc_port,
            n_workers=workers,
            token_file=token_file,
            json_logs=json_logs,
        )
        if code := serve(options):
            raise typer.Exit(code)
