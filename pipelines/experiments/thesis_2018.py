"""The experiments of the 2018 thesis, chapters 5 and 6: losses and figures 21 to 38, with its numbers.

They use its network (500-500-z, ReLU, Adam, batches of 100) on its data: 55 000 images of MNIST for
50 epochs, and the 1 965 images of Frey Face. The thesis uses a Bernoulli likelihood for both. Frey Face has
gray pixels, for which the cross-entropy of a Bernoulli is not a log-density and cannot fall below their
entropy; therefore there are rows with a Gaussian likelihood too. Others have a cosine learning rate.

Rows are written to ``pipelines/results/thesis-2018.jsonl``, figures and a page with both to
``pipelines/results/thesis-2018``, and models for the latent space explorer to ``exported``. Fitted models
are kept in ``--models`` and not fitted again.

    python -m pipelines.experiments.thesis_2018 [--fit-only] [--smoke]
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from pipelines.experiments.command import EXPORTED, RESULTS, kept, options
from pipelines.experiments.thesis_figures import draw_figures
from pipelines.experiments.thesis_page import write_page
from vaefeat import (
    ReconstructionSnapshots,
    VAEEncoderTransformer,
    export_decoder,
    export_onnx,
    load_dataset,
)
from vaefeat.comparison import Row, RowFile, Task, provenance, read_rows
from vaefeat.data import Dataset

MODELS = Path.home() / ".cache" / "vaefeat" / "thesis-2018"
N_HELD_OUT = {"mnist": 5_000, "frey-face": 0}  # the loader of the thesis sets the first 5 000 aside
PUBLISHED = ("mnist-2", "frey-face-2", "frey-face-20")
DESCRIPTION = (
    "a VAE with {} units, trained without labels on {} images of {}: {}x{} pixels in [0, 1], row by row."
)
# First epochs without the KL term: with it from the start, all units collapse on Frey Face.
N_WITHOUT_KL = {"mnist": 0, "frey-face": 10}
N_SNAPSHOTS = 5  # samples whose reconstruction is recorded


@dataclass(frozen=True)
class Experiment:
    """A model to train, and what the thesis reports of it.

    Attributes
    ----------
    thesis_loss : float or None
        Mean loss of the last epoch, in nats.
    thesis_figures : tuple of int
        Numbers of the figures with its loss curve and with its reconstructions over the epochs.
    """

    dataset: str
    n_components: int
    max_iter: int
    likelihood: str = "bernoulli"
    learning_rate: str = "constant"
    thesis_loss: float | None = None
    thesis_figures: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        others = {self.likelihood, self.learning_rate} - {"bernoulli", "constant"}
        return "-".join([self.dataset, str(self.n_components), *sorted(others)])

    def vae(self, dataset: Dataset) -> VAEEncoderTransformer:
        """Return the unfitted network of the thesis."""
        return VAEEncoderTransformer(
            self.n_components,
            image_shape=dataset.image_shape,
            likelihood=self.likelihood,
            learning_rate=self.learning_rate,
            max_iter=self.max_iter,
            callbacks=[ReconstructionSnapshots(dataset.X[:N_SNAPSHOTS])],
            random_state=0,
        )

    def fit(self, dataset: Dataset) -> VAEEncoderTransformer:
        """Train it, at first without the KL term where all units would collapse under it."""
        vae = self.vae(dataset)
        if n_without_kl := N_WITHOUT_KL[self.dataset]:
            vae.set_params(beta=0.0, max_iter=n_without_kl).fit(dataset.X)
            vae.set_params(beta=1.0, max_iter=self.max_iter, warm_start=True)
        return vae.fit(dataset.X)


EXPERIMENTS = (
    Experiment(dataset="mnist", n_components=2, max_iter=50, thesis_loss=135.98, thesis_figures=(21, 22)),
    Experiment(dataset="mnist", n_components=10, max_iter=50, thesis_loss=97.53, thesis_figures=(23, 24)),
    Experiment(
        dataset="frey-face", n_components=2, max_iter=1000, thesis_loss=347.80, thesis_figures=(27, 28)
    ),
    Experiment(dataset="mnist", n_components=20, max_iter=50, learning_rate="cosine", thesis_loss=95.79),
    Experiment(dataset="mnist", n_components=50, max_iter=50, thesis_loss=97.21, thesis_figures=(25, 26)),
    Experiment(dataset="frey-face", n_components=2, max_iter=1000, likelihood="gaussian"),
    Experiment(
        dataset="frey-face", n_components=20, max_iter=1000, thesis_loss=346.75, thesis_figures=(29, 30)
    ),
    Experiment(dataset="mnist", n_components=20, max_iter=50, thesis_loss=95.79),
)


@dataclass(frozen=True)
class Thesis:
    """Where rows and models are kept, and how many samples and epochs are used."""

    rows: Path
    models: Path
    n_samples: int | None = None
    max_iter: int | None = None

    @cached_property
    def _datasets(self) -> dict[str, Dataset]:
        return {}

    def dataset(self, name: str) -> Dataset:
        """Return the training samples of the thesis."""
        if name not in self._datasets:
            whole = load_dataset(name)
            n, y = N_HELD_OUT[name], whole.y
            dataset = replace(whole, X=whole.X[n:], y=None if y is None else y[n:])
            self._datasets[name] = dataset.head(self.n_samples) if self.n_samples else dataset
        return self._datasets[name]

    def experiments(self) -> list[Experiment]:
        return [replace(each, max_iter=self.max_iter or each.max_iter) for each in EXPERIMENTS]

    def model(self, name: str) -> VAEEncoderTransformer:
        """Return the fitted model of the experiment with this name."""
        (experiment,) = (each for each in self.experiments() if each.name == name)
        return self.fitted(experiment)

    def fitted(self, experiment: Experiment) -> VAEEncoderTransformer:
        """Return the fitted model: the kept one, or a new one; its row is added to the file."""
        path = self.models / f"{experiment.name}-{self._key(experiment)}.joblib"
        vae, row = kept(path, partial(self._fit, experiment))
        with RowFile(self.rows) as file:
            file.get(Task({"key": row["key"]}, lambda: row))
        return vae

    def row(self, experiment: Experiment) -> Row:
        """Return the row of a fitted experiment."""
        return read_rows(self.rows)[self._key(experiment)]

    def _key(self, experiment: Experiment) -> str:
        config = json.dumps(_config(experiment, self.dataset(experiment.dataset)), sort_keys=True)
        return hashlib.sha256(config.encode()).hexdigest()[:16]

    def _fit(self, experiment: Experiment) -> tuple[VAEEncoderTransformer, Row]:
        dataset = self.dataset(experiment.dataset)
        started = time.perf_counter()
        vae = experiment.fit(dataset)
        row = {
            "key": self._key(experiment),
            **_config(experiment, dataset),
            **_outcome(vae, dataset),
            "thesis_loss": experiment.thesis_loss,
            "fit_seconds": round(time.perf_counter() - started, 1),
            **provenance(),
        }
        return vae, row


def _config(experiment: Experiment, dataset: Dataset) -> Row:
    return {
        "dataset_sha256": dataset.sha256,
        "n_train": len(dataset.X),
        "name": experiment.name,
        **{name: value for name, value in asdict(experiment).items() if not name.startswith("thesis")},
    }


def _outcome(vae: VAEEncoderTransformer, dataset: Dataset) -> Row:
    """Return the terms of the loss in the last epoch, and the mean ELBO of the test images, if any."""
    has_test_set = dataset.name == "mnist"
    return {
        **{name: round(values[-1], 3) for name, values in vae.history_.items()},
        "n_without_kl": N_WITHOUT_KL[dataset.name],
        "active_units": int(vae.active_units_.sum()),
        "test_elbo": round(vae.score(dataset.X_test), 3) if has_test_set else None,
    }


def publish_models(thesis: Thesis, folder: Path) -> None:
    """Export the encoders and decoders for the latent space explorer."""
    for name in PUBLISHED:
        vae, dataset = thesis.model(name), thesis.dataset(name.rsplit("-", 1)[0])
        card = {
            "name": f"{dataset.name}-vae-{vae.n_components}",
            "data": {"name": dataset.name, "sha256": dataset.sha256, "samples": len(dataset.X)},
            "metrics": {"loss_nats": round(vae.loss_curve_[-1], 3)},
        }
        where = folder / card["name"]
        what = DESCRIPTION.format(vae.n_components, len(dataset.X), dataset.name, *dataset.image_shape)
        export_onnx(vae, where / "model.onnx", X=dataset.X, card=card | {"description": f"Encoder: {what}"})
        export_decoder(vae, where / "decoder.onnx", card=card | {"description": f"Decoder: {what}"})


def main() -> None:
    parser = options(__doc__, smoke="300 images, two epochs", out=RESULTS, exported=EXPORTED)
    parser.add_argument("--fit-only", action="store_true", help="draw and export nothing")
    parser.add_argument("--models", type=Path, default=MODELS, help="where fitted models are kept")
    arguments = parser.parse_args()
    smoke = {"n_samples": 300, "max_iter": 2} if arguments.smoke else {}
    thesis = Thesis(arguments.out / "thesis-2018.jsonl", arguments.models, **smoke)
    for experiment in thesis.experiments():
        print(experiment.name, flush=True)
        thesis.fitted(experiment)
    if not arguments.fit_only:
        draw_figures(thesis, arguments.out / "thesis-2018")
        write_page(thesis, arguments.out / "thesis-2018")
        publish_models(thesis, arguments.exported)


if __name__ == "__main__":
    main()
