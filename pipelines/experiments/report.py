"""Write the tables and plots of the README and of ``docs/`` from the rows in ``pipelines/results``.

A table is written between ``<!-- NAME -->`` and ``<!-- /NAME -->``; no number there is typed by hand.

    python -m pipelines.experiments.report [--check]
"""

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path

from pipelines.benchmarks import plan
from pipelines.benchmarks.tables import OF_LARGE_DATA, OF_LIBRARY, OF_SERVICE, benchmark_tables
from pipelines.experiments import (
    collapse,
    constant_column,
    conv_decoder,
    interpolation,
    one_label,
    photos,
    table_gains,
    tables_gaps,
    tables_outliers,
    thesis_2019_page,
    thesis_page,
)
from pipelines.experiments.command import RESULTS, save_figure
from pipelines.experiments.tables import (
    ALONE,
    DIGITS_NAMES,
    FASHION_NAMES,
    IMAGE_NAMES,
    PLAIN,
    SCALERS,
    WARPED,
    WIDTH_NAMES,
    accuracy_table,
    family_tables,
    headline,
    read_comparison,
    semi_supervised_sentence,
    semi_supervised_table,
    thesis_table,
    versions_table,
)
from vaefeat import LabelEfficiencyDisplay
from vaefeat.comparison import Comparison, read_rows

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def documents(results: Path = RESULTS) -> dict[Path, dict[str, str]]:
    """Return the sections of each document by their names, from the rows in a folder."""
    mnist, digits, fashion, semi_supervised = (
        read_comparison(results / f"{name}.jsonl")
        for name in ("mnist", "digits", "fashion-mnist", "semi-supervised")
    )
    benchmarks, large = (
        json.loads((results / f"{name}.json").read_text()) for name in ("benchmarks", "large")
    )
    family, one, trials, between, thesis, thesis_2019 = (
        list(read_rows(results / f"{name}.jsonl").values())
        for name in (
            *("autoencoder-family", "one-label", "one-label-trials", "interpolation"),
            *("thesis-2018", "thesis-2019"),
        )
    )
    first = {"headline": headline(mnist, digits)}
    return {
        ROOT / "README.md": first | {"install": install()},
        DOCS / "index.md": first,
        DOCS / "start.md": {"install": install()},
        DOCS / "options.md": {"mnist-widths": accuracy_table(mnist, WIDTH_NAMES, SCALERS)},
        DOCS / "results.md": {
            "mnist-accuracy": accuracy_table(mnist, IMAGE_NAMES, ALONE | WARPED),
            "digits-accuracy": accuracy_table(digits, DIGITS_NAMES, ALONE),
            "fashion-accuracy": accuracy_table(fashion, FASHION_NAMES, ALONE | WARPED),
            "semi-supervised-sentence": semi_supervised_sentence(semi_supervised, mnist),
            "one-label-sentence": one_label.sentence(one),
            "versions": versions_table(results),
        },
        DOCS / "theses.md": {
            "mnist-thesis": thesis_table(mnist),
            "thesis-losses": thesis_page.table(thesis),
            "thesis-2019": thesis_2019_page.table(thesis_2019),
        },
        DOCS / "benchmarks.md": {"benchmarks": benchmark_tables(benchmarks, OF_LIBRARY)},
        DOCS / "autoencoders.md": {
            "autoencoder-family": family_tables(family),
            **conv_decoder.tables_of_docs(results),
        },
        DOCS / "data.md": {
            **tables_outliers.tables_of_docs(results),
            **tables_gaps.tables_of_docs(results),
        },
        DOCS / "few-labels.md": {
            "semi-supervised": semi_supervised_table(semi_supervised),
            "one-label": one_label.table(one),
            **one_label.tables_of_trials(trials),
        },
        DOCS / "large-data.md": {
            "large-data": benchmark_tables(large, OF_LARGE_DATA),
            "plan": plan.table(benchmarks),
        },
        DOCS / "latent-space.md": {
            "interpolation": interpolation.table(between),
            **collapse.tables_of_docs(results),
            **constant_column.tables_of_docs(results),
        },
        DOCS / "photos.md": photos.tables_of_docs(results),
        DOCS / "tables.md": table_gains.tables_of_docs(results),
        DOCS / "serving.md": {"benchmarks": benchmark_tables(benchmarks, OF_SERVICE)},
    }


def install() -> str:
    """Return the commands that install from the repository, whose address pyproject.toml holds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    url = project["urls"]["Source"]
    return (
        f'```sh\npip install "vaefeat[train] @ git+{url}"\n```\n\n'
        "Or clone it, with the models in `exported/` and at pinned versions (Python 3.11.5 or newer), into "
        "`.venv`:\n\n"
        f"```sh\ngit clone {url} vaefeat && cd vaefeat\nmake install\n. .venv/bin/activate\n```"
    )


def replace_section(text: str, name: str, content: str) -> str:
    """Return ``text`` with the content between the marks of ``name`` replaced."""
    pattern = re.compile(rf"(<!-- {name} -->).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(
            f"There is no section {name!r}; add <!-- {name} --> and <!-- /{name} --> where it belongs."
        )
    return pattern.sub(lambda match: f"{match[1]}\n\n{content}\n\n{match[2]}", text)


def plot(comparison: Comparison, semi_supervised: Comparison, path: Path) -> None:
    """Draw the label-efficiency plot: logistic regression on features, and semi-supervised models."""
    features = {
        "raw": "raw pixels",
        "pca-50": "PCA, 50",
        "supervised-50": "supervised, 50",
        "recipe": "image vae, 50 means",
        "recipe, hidden layer": "image vae, hidden layer",
        "vae-50": "plain vae, 50 means",
    }
    models = {("raw", "M2, warps"): "M2 (pixels)", ("image vae", "M2"): "M1+M2 (image vae)"}
    lines = [
        row | {"extractor": label}
        for name, label in features.items()
        for row in comparison.rows
        if (row["extractor"], row["classifier"]) == (name, PLAIN)
    ]
    lines += [
        row | {"extractor": label, "classifier": PLAIN}
        for model, label in models.items()
        for row in semi_supervised.rows
        if (row["extractor"], row["classifier"]) == model
    ]
    display = LabelEfficiencyDisplay.from_comparison(Comparison(lines))
    display.ax_.set_title("MNIST: logistic regression on features, and semi-supervised models")
    save_figure(display.figure_, path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if a document is not up to date")
    check = parser.parse_args().check
    for path, sections in documents().items():
        text = path.read_text()
        for name, content in sections.items():
            text = replace_section(text, name, content)
        if check and text != path.read_text():
            sys.exit(f"{path.name} does not match pipelines/results; run: make results")
        path.write_text(text)
    if not check:
        comparisons = (read_comparison(RESULTS / f"{name}.jsonl") for name in ("mnist", "semi-supervised"))
        plot(*comparisons, RESULTS / "mnist.png")


if __name__ == "__main__":
    main()
