"""The comparison of ``make compare``, on the embedded digits, for the record.

Rows go to ``pipelines/results/digits.jsonl``, the encoder to ``exported/digits-vae``.

    python -m pipelines.experiments.digits
"""

from rich.progress import Progress

from pipelines.experiments.publish import EXPORTED, RESULTS, publish
from vaefeat import compare, load_dataset

N_LABELED = (50, 100, 600, "all")
DESCRIPTION = (
    "10 latent means of a VAE trained on 1 347 images of scikit-learn's digits, without labels. "
    "Input: 8x8 pixels, divided by 16 to lie in [0, 1], row by row."
)


def main() -> None:
    dataset = load_dataset("digits")
    with Progress() as bar:
        task = bar.add_task("starting", total=None)
        comparison = compare(
            dataset,
            n_labeled=N_LABELED,
            out=RESULTS / "digits.jsonl",
            progress=lambda what, done, total: bar.update(
                task, description=what, completed=done, total=total
            ),
        )
    if "vae" in comparison.extractors:
        publish(
            comparison.extractors["vae"][-1], comparison, "vae", dataset, EXPORTED / "digits-vae", DESCRIPTION
        )


if __name__ == "__main__":
    main()
