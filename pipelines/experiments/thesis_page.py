"""A page with the losses and the figures of the 2018 thesis, beside its numbers."""

from pathlib import Path

import numpy as np

PAGE = """\
# The experiments of the 2018 thesis

Made by `make thesis`, from `pipelines/results/thesis-2018.jsonl`. Losses are means over the last epoch's
training samples, in nats; the network, the epochs, the batches and the likelihood are the thesis's, unless
the row says otherwise.

{table}

- The thesis draws its digits from the same 55 000 images: the first 5 000 are set aside by its loader.
- A cosine row differs from the thesis by its learning rate alone, which rises over the first tenth of the
  epochs and falls to nearly zero, as half a cosine; the thesis's is constant.
- Frey Face has grey pixels. The cross-entropy of a Bernoulli with such a pixel cannot fall below the pixel's
  own entropy, of which a face has {floor:.2f} nats on average: no model of any kind has a lower loss. Nor is
  it the logarithm of a density. A Gaussian likelihood, with a variance learned for each pixel, is one; its
  loss is negative where the density is above 1.
- On Frey Face, with the thesis's settings, all units fall silent here within a few epochs. Ten epochs without
  the KL term come first: the decoder has then learned to use its units when they begin to cost something.
- The thesis gives Frey Face 50 epochs in its list of settings, and prints 1 000 for 2 units and 5 000 for 20.
  What it prints of the latter at epochs 100 and 1 000 repeats the former to the last digit. Here it is 1 000
  for both.

{figures}
"""


def write_page(thesis, folder: Path) -> None:
    """Write ``folder/README.md``, with the figures that are there."""
    X = np.clip(thesis.dataset("frey-face").X, 1e-7, 1 - 1e-7)
    entropy = -(X * np.log(X) + (1 - X) * np.log1p(-X))
    figures = sorted(folder.glob("figure-*.png"))
    page = PAGE.format(
        table=table(thesis),
        floor=entropy.sum(axis=1).mean(),
        figures="\n\n".join(f"![Figure {path.stem.split('-')[1]}]({path.name})" for path in figures),
    )
    (folder / "README.md").write_text(page)


def table(thesis) -> str:
    """Return the losses of all experiments, the thesis's and ours."""
    lines = [
        "| model | epochs | the thesis | here | reconstruction | KL | active units | ELBO of test images |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for experiment in thesis.experiments():
        row = thesis.row(experiment)
        variant = "" if row["learning_rate"] == "constant" else ", cosine"
        likelihood = "" if row["likelihood"] == "bernoulli" else ", Gaussian"
        published = "" if row["thesis_loss"] is None else f"{row['thesis_loss']:.2f}"
        elbo = "" if row["test_elbo"] is None else f"{row['test_elbo']:.2f}"
        lines.append(
            f"| {row['dataset']}, {row['n_components']} units{likelihood}{variant} | {row['max_iter']:,} "
            f"| {published} | {row['loss']:.2f} | {row['reconstruction']:.2f} | {row['kl']:.2f} "
            f"| {row['active_units']} | {elbo} |"
        )
    return "\n".join(lines)
