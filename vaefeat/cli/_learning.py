"""``vaefeat compare`` and ``vaefeat fit``: their options. What they need is imported when they are called."""

from pathlib import Path
from typing import Annotated

import typer

from vaefeat.cli._console import one_sentence
from vaefeat.cli._options import (
    Categorical,
    Decimal,
    Drop,
    Encoding,
    Header,
    ImageShape,
    Json,
    Numeric,
    Separator,
    Task,
    reading,
    written,
)


def compare(
    source: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="The same as --data.", show_default=False)
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            help="digits, mnist, fashion-mnist, satimage, a .csv, .tsv, .npy, .npz or .parquet file, or a "
            "folder of images."
        ),
    ] = "digits",
    target: Annotated[
        str | None, typer.Option(help="Column of the classes or quantities, if the data is a file.")
    ] = None,
    task: Task = None,
    n_labeled: Annotated[
        list[str] | None, typer.Option(help="A number of labels, or all; may be repeated.")
    ] = None,
    n_draws: Annotated[int, typer.Option(min=1, help="Random draws of the labels.")] = 10,
    n_components: Annotated[
        int, typer.Option(min=1, help="Number of features from the VAE and from PCA.")
    ] = 10,
    max_iter: Annotated[int | None, typer.Option(min=0, help="Training epochs of the VAE.")] = None,
    header: Header = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    drop: Drop = None,
    categorical: Categorical = None,
    numeric: Numeric = None,
    image_shape: ImageShape = None,
    as_they_come: Annotated[
        bool, typer.Option("--as-they-come", help="Draw labels at random, not equally many of each class.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for results, plot and encoder.")] = Path("comparison"),
    smoke: Annotated[
        bool, typer.Option(help="Use a few rows and one epoch, to see whether it runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare VAE features with raw features on your data, by the number of labels.

    Results already in OUT are not computed again, so an interrupted comparison can be resumed.
    """
    with one_sentence():
        from vaefeat.cli._compare import compare

        as_written = written(header, separator, decimal, encoding)
        compare(
            source or data,
            target,
            reading(as_written, drop, categorical, numeric, image_shape, task),
            n_labeled,
            n_draws,
            n_components,
            max_iter,
            out,
            stratify=not as_they_come,
            smoke=smoke,
            as_json=as_json,
        )


def fit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A .csv, .tsv, .npy, .npz or .parquet file, or a folder of images.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            help="Column of the classes, empty or -1 where a row is unlabeled; or of quantities, empty there."
        ),
    ] = None,
    task: Task = None,
    out: Annotated[Path, typer.Option(help="Folder to write: model, card and report.")] = Path("model"),
    unlabeled: Annotated[
        Path | None, typer.Option(help="Further rows without labels.", show_default=False)
    ] = None,
    drop: Drop = None,
    categorical: Categorical = None,
    numeric: Numeric = None,
    image_shape: ImageShape = None,
    header: Header = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    classifier: Annotated[
        str | None,
        typer.Option(help="Consider only logistic-regression, ridge, random-forest, or graph (for images)."),
    ] = None,
    encoder_only: Annotated[
        bool, typer.Option("--encoder-only", help="Ship the features, without a classifier.")
    ] = False,
    time: Annotated[
        str | None, typer.Option(help="Start no further candidate after this time, such as 10m.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Determines folds, forests and encoders.")] = 0,
    max_iter: Annotated[int | None, typer.Option(min=0, help="Training epochs of the encoders.")] = None,
) -> None:
    """Choose and train a classifier or regressor on a file with few labels, and write it as one ONNX file.

    Raw features with logistic or ridge regression and with a random forest, features of a VAE, and for
    images those of an image encoder are compared by cross-validation over the labeled rows; unlabeled rows
    train the encoders. Of the candidates within one standard error of the best, the one with the lowest log
    loss, or for quantities the simplest, is trained on all rows.
    """
    with one_sentence():
        from vaefeat.cli._fit import fit, seconds_of

        as_written = written(header, separator, decimal, encoding)
        read = reading(as_written, drop, categorical, numeric, image_shape, task) | {"unlabeled": unlabeled}
        choice = {
            "classifier": classifier,
            "encoder_only": encoder_only,
            "max_seconds": None if time is None else seconds_of(time),
            "max_iter": max_iter,
            "random_state": seed,
        }
        fit(data, target, out, read, choice)
