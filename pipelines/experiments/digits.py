"""The comparison of ``make compare``, on the embedded digits, for the record.

Rows go to ``pipelines/results/digits.jsonl``, the encoders to ``exported/digits-vae`` and
``exported/digits-image-vae``.

    python -m pipelines.experiments.digits
"""

from rich.progress import Progress

from pipelines.experiments.progress import line_of
from pipelines.experiments.publish import EXPORTED, RESULTS, publish
from vaefeat import compare, load_dataset

N_LABELED = (50, 100, 600, "all")
DESCRIPTIONS = {
    "vae": "10 latent means of a VAE",
    "image vae": "50 latent means of a convolutional VAE trained on randomly warped images",
}
DESCRIPTION = (
    "{}: 1 347 images of scikit-learn's digits, without labels. "
    "Input: 8x8 pixels, divided by 16 to lie in [0, 1], row by row."
)


def main() -> None:
    dataset = load_dataset("digits")
    with Progress() as bar:
        comparison = compare(
            dataset,
            n_labeled=N_LABELED,
            out=RESULTS / "digits.jsonl",
            progress=line_of(bar, dataset.name),
        )
    for name, what in DESCRIPTIONS.items():
        if name in comparison.extractors:
            folder = EXPORTED / f"digits-{name.replace(' ', '-')}"
            encoder = comparison.extractors[name][-1]
            publish(encoder, comparison, name, dataset, folder, DESCRIPTION.format(what))


if __name__ == "__main__":
    main()
