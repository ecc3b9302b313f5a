"""The command line. Each verb imports its own room when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from vaefeat import __version__
from vaefeat.cli._console import console, one_sentence

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX file.", show_default=False)]

Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether a .csv begins with the names of its columns; by default this is told from the line.",
        show_default=False,
    ),
]


def _print_version(value: bool) -> None:
    if value:
        console.print(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Put a variational autoencoder in front of your classifier: see if it pays, and ship it as ONNX."""


@app.command()
def compare(
    data: Annotated[
        str,
        typer.Option(
            help="digits, mnist, fashion-mnist, satimage, or a .csv, .csv.gz, .npy, .npz or .parquet file."
        ),
    ] = "digits",
    target: Annotated[str | None, typer.Option(help="Column of the classes, if the data are a file.")] = None,
    n_labeled: Annotated[
        list[str] | None, typer.Option(help="A number of labels, or all; repeat it for more.")
    ] = None,
    n_draws: Annotated[int, typer.Option(min=1, help="Draws of the labels.")] = 10,
    n_components: Annotated[int, typer.Option(min=1, help="Features of the VAE and of PCA.")] = 10,
    max_iter: Annotated[int | None, typer.Option(min=0, help="Epochs of the VAE.")] = None,
    header: Header = None,
    out: Annotated[Path, typer.Option(help="Folder for rows, plot and encoder.")] = Path("comparison"),
    smoke: Annotated[bool, typer.Option(help="A few rows and one epoch: does it run?")] = False,
) -> None:
    """Compare VAE features with raw ones, on your data, over the number of labels.

    Rows that OUT already holds are not computed again, so an interrupted comparison goes on.
    """
    with one_sentence():
        from vaefeat.cli._compare import compare

        compare(data, target, header, n_labeled, n_draws, n_components, max_iter, out, smoke)


@app.command()
def info(model: ModelFile) -> None:
    """Show what a model takes, what it gives, and where it comes from."""
    with one_sentence():
        from vaefeat.cli._models import info

        info(model)


@app.command()
def verify(model: ModelFile) -> None:
    """Check that a model is what its card says, and that it computes here what it computed there.

    Ends with status 1 if a check fails.
    """
    with one_sentence():
        from vaefeat.cli._models import verify

        passed = verify(model)
    if not passed:
        raise typer.Exit(1)


@app.command()
def encode(
    model: ModelFile,
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="Rows.", show_default=False)],
    target: Annotated[Path, typer.Argument(metavar="OUTPUT", help="Features.", show_default=False)],
    output: Annotated[
        list[str] | None,
        typer.Option(help="An output of the model to write; repeat it for more. All by default."),
    ] = None,
    header: Header = None,
    n_threads: Annotated[int, typer.Option(min=0, help="Threads; 0 is one for each core.")] = 0,
) -> None:
    """Run a model on a file of rows, in constant memory.

    INPUT and OUTPUT may be .csv, .csv.gz, .npy, .npz or .parquet. OUTPUT is there whole at the end, or
    not at all. An .npy file holds one array: the first output, if none is named.
    """
    with one_sentence():
        from vaefeat.cli._models import encode

        encode(model, source, target, output, header, n_threads)


@app.command()
def export(
    model: ModelFile,
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="An ONNX file to write, or a repository.", show_default=False),
    ],
    quantize: Annotated[bool, typer.Option("--quantize", help="Weights as 8-bit integers.")] = False,
    triton: Annotated[
        bool, typer.Option("--triton", help="A folder of Triton's model repository OUT.")
    ] = False,
    data: Annotated[str, typer.Option(help="Labelled data to judge by, as for compare.")] = "digits",
    target: Annotated[str | None, typer.Option(help="Column of the classes, if the data are a file.")] = None,
    header: Header = None,
    max_drop: Annotated[float, typer.Option(min=0.0, help="Largest drop of the accuracy to accept.")] = 0.01,
) -> None:
    """Write a model in another form, with its card; nothing is written if its accuracy suffers.

    --quantize makes 8-bit integers of the weights of matrix products, and reports size, accuracy and speed
    before and after. What a row gives then depends a little on the rows that are run with it.

    --triton writes OUT/NAME/config.pbtxt and OUT/NAME/1/model.onnx for Triton Inference Server, NAME as in
    the model's card.
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
        typer.Argument(metavar="MODEL_DIR...", help="Hold model.onnx and decoder.onnx.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)],
    data: Annotated[
        str | None, typer.Option(help="Data to show, as for compare; by default those the card names.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column of the classes, if the data are a file.")] = None,
    header: Header = None,
    image_shape: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="ROWS COLUMNS", help="Of an image, if the data are a file of images."),
    ] = None,
    onnxruntime_web: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The npm package; by default in node_modules, here or above."),
    ] = None,
) -> None:
    """Write a page on which to explore latent spaces: move a point, and see what the decoder makes of it.

    The page needs no other machine: any server of files serves OUT, and vaefeat serve --explore OUT too.
    """
    with one_sentence():
        from vaefeat.cli._explore import explore

        explore(folders, out, data, target, header, image_shape, onnxruntime_web)


@app.command()
def serve(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Holds NAME/model.onnx or NAME/VERSION/model.onnx.", show_default=False
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8000,
    batch_rows: Annotated[int, typer.Option(min=1, max=256, help="Rows that are run together.")] = 32,
    batch_delay: Annotated[float, typer.Option(min=0.0, help="Milliseconds to wait for company.")] = 0.0,
    queue_rows: Annotated[int, typer.Option(min=1, help="Rows that may wait for a model.")] = 1024,
    deadline: Annotated[float, typer.Option(min=0.001, help="Seconds that a request may wait.")] = 1.0,
    max_rows: Annotated[int, typer.Option(min=1, help="Rows of a request.")] = 4096,
    threads: Annotated[int, typer.Option(min=1, help="Runs of a model at a time.")] = 1,
    poll: Annotated[
        float, typer.Option(min=0.0, help="Seconds between looks for new versions; 0: never.")
    ] = 0.0,
    drain: Annotated[float, typer.Option(min=0.0, help="Seconds to serve on when told to end.")] = 0.0,
    explore: Annotated[
        Path | None, typer.Option(help="What vaefeat explore wrote: to be served at /explore/.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(exists=True, help="Holds the token that clients have to show.")
    ] = None,
    certfile: Annotated[Path | None, typer.Option(exists=True, help="Certificate, for TLS.")] = None,
    keyfile: Annotated[Path | None, typer.Option(exists=True, help="Its key.")] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log one JSON object a line.")] = False,
) -> None:
    """Serve models over HTTP, by the Open Inference Protocol (KServe V2).

    The address itself shows a page to try the models.
    """
    with one_sentence():
        from vaefeat.cli._serve import serve

        batches = {
            "max_rows": batch_rows,
            "delay": batch_delay / 1000,
            "queue_rows": queue_rows,
            "deadline": deadline,
            "n_threads": threads,
            "max_request_rows": max_rows,
        }
        service = {"poll_seconds": poll, "drain_seconds": drain}
        http = {
            "host": host,
            "port": port,
            "explorer": explore,
            "certfile": certfile,
            "keyfile": keyfile,
        }
        serve(folder, batches, service, http, token_file=token_file, json_logs=json_logs)
