"""What a convolutional decoder gains over a dense one: reconstruction error and training time.

Autoencoders of equal encoders and codes reconstruct images that they were not trained on: faces in gray, and
photographs in color. Writes rows to ``pipelines/results/conv-decoder.jsonl``; an interrupted run continues.

    python -m pipelines.experiments.conv_decoder [--smoke]
"""

import time
import warnings
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from pipelines.experiments.command import RESULTS, collect_with_bar, load, options
from vaefeat import AutoencoderTransformer
from vaefeat.comparison import Row, Task, markdown_table, read_rows

N_SEEDS = 2
DECODERS = ("dense", "convolutional")


class Setting(NamedTuple):
    """How many images are taken, and how long a code of them is trained."""

    n_images: int
    n_test: int
    n_components: int
    n_epochs: int


SETTINGS = {"frey-face": Setting(1_965, 365, 20, 40), "cifar-10": Setting(6_000, 1_000, 64, 12)}


class Clock(keras.callbacks.Callback):
    """Notes the processor's time at the end of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.process_time())


def measure(name: str, decoder: str, seed: int, smoke: bool) -> Row:
    """Return the root of the mean squared error on new images, in gray levels, and the time of an epoch."""
    setting = SETTINGS[name]
    dataset = load(name, smoke)
    order = np.random.default_rng(seed).permutation(min(setting.n_images, len(dataset.X)))
    n_test = 100 if smoke else setting.n_test
    test, train = order[:n_test], order[n_test:]
    clock = Clock()
    autoencoder = AutoencoderTransformer(
        setting.n_components,
        hidden_layer_sizes=(256,),
        filters=(32, 64),
        decoder=decoder,
        image_shape=dataset.image_shape,
        learning_rate="cosine",
        learning_rate_init=2e-3,
        max_iter=3 if smoke else setting.n_epochs,
        callbacks=[clock],
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        autoencoder.fit(dataset.X[train])
    error = autoencoder.reconstruct(dataset.X[test]) - dataset.X[test]
    return {
        "rmse_gray_levels": 255 * float(np.sqrt(np.mean(np.square(error)))),
        "cpu_seconds_per_epoch": float(np.median(np.diff(clock.seconds))),
    }


def tasks(smoke: bool) -> list[Task]:
    return [
        Task(
            {"key": f"{name}, {decoder}, {seed}", "dataset": name, "decoder": decoder, "seed": seed}
            | SETTINGS[name]._asdict(),
            partial(measure, name, decoder, seed, smoke),
            f"{name}: {decoder}",
        )
        for seed, name, decoder in product(
            range(1 if smoke else N_SEEDS), ["frey-face"] if smoke else SETTINGS, DECODERS
        )
    ]


def table(rows: list[Row]) -> str:
    """Return the error and the time of an epoch with each decoder, for each data set."""

    def cells(name: str, decoder: str) -> tuple[str, ...]:
        chosen = [row for row in rows if (row["dataset"], row["decoder"]) == (name, decoder)]
        errors = [row["rmse_gray_levels"] for row in chosen]
        seconds = np.median([row["cpu_seconds_per_epoch"] for row in chosen])
        return name, decoder, str(len(errors)), f"{np.mean(errors):.2f}", f"{seconds:.2f}"

    return markdown_table(
        ("images", "decoder", "trainings", "error (gray levels)", "CPU seconds per epoch"),
        [cells(*pair) for pair in dict.fromkeys((row["dataset"], row["decoder"]) for row in rows)],
    )


def tables_of_docs(results: Path) -> dict[str, str]:
    """Return the table of ``docs/autoencoders.md``, by name."""
    return {"conv-decoder": table(list(read_rows(results / "conv-decoder.jsonl").values()))}


def main() -> None:
    arguments = options(__doc__, smoke="one data set, one seed, three epochs", out=RESULTS).parse_args()
    rows = collect_with_bar(tasks(arguments.smoke), arguments.out / "conv-decoder.jsonl", "decoders")
    print(table(rows))


if __name__ == "__main__":
    main()
