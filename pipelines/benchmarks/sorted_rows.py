"""What it costs to train on a stream of images that are sorted by class, in nats."""

from multiprocessing.connection import Connection

import numpy as np

from pipelines.benchmarks.common import N_COMPONENTS, Progress, Row, Worker

N_EPOCHS = 3
SEEDS = (0, 1, 2)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Train on MNIST in memory, and on its images in the order of their classes, with the same seeds."""
    seeds = SEEDS[:1] if smoke else SEEDS
    rows = []
    with Worker(_fit) as worker:
        for done, seed in enumerate(seeds):
            progress(f"seed {seed}", done, len(seeds))
            rows.append(worker.ask((seed, smoke)))
    return rows


def _fit(connection: Connection) -> None:
    from vaefeat import RowStream, VAEEncoderTransformer, load_dataset

    while True:
        seed, smoke = connection.recv()
        data = load_dataset("digits" if smoke else "mnist")
        by_class = data.X[np.argsort(data.y, kind="stable")]
        elbos = {}
        for name, source in (("in_memory", data.X), ("sorted_stream", RowStream(by_class))):
            vae = VAEEncoderTransformer(
                N_COMPONENTS, likelihood="bernoulli", max_iter=N_EPOCHS, random_state=seed
            )
            elbos[f"{name}_nats"] = vae.fit(source).score(data.X_test)
        row = {"benchmark": "sorted_rows", "name": f"seed {seed}", "n_samples": len(data.X)}
        connection.send(row | elbos)
