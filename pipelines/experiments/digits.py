"""The comparison of ``make compare`` on the embedded digits with more draws, for the record.

Writes rows to ``pipelines/results/digits.jsonl`` and the encoders to ``exported/digits-vae`` and
``exported/digits-image-vae``.

    python -m pipelines.experiments.digits
"""

from pipelines.experiments.command import EXPORTED, RESULTS, compare_with_bar
from pipelines.experiments.publish import publish
from vaefeat import load_dataset

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
    comparison = compare_with_bar(dataset, dataset.name, n_labeled=N_LABELED, out=RESULTS / "digits.jsonl")
    for name, what in DESCRIPTIONS.items():
        if name in comparison.extractors:
            folder = EXPORTED / f"digits-{name.replace(' ', '-')}"
            encoder = comparison.extractors[name][-1]
            publish(encoder, comparison, name, dataset, folder, DESCRIPTION.format(what))


if __name__ == "__main__":
    main()
