"""Write the tables and plots of the README and of ``docs/`` from the rows in ``pipelines/results``.

A table is written between ``<!-- NAME -->`` and ``<!-- /NAME -->``; no number there is typed by hand.

    python -m pipelines.experiments.report [--check]
"""

import argparse
import json
import re
import sys
from pathlib import Path
from statistics import mean

from pipelines.benchmarks.tables import IN_DOCS, IN_README, benchmark_tables
from pipelines.experiments import collapse, constant_column, interpolation, one_label
from pipelines.experiments.command import RESULTS, save_figure
from vaefeat import LabelEfficiencyDisplay
from vaefeat.comparison import Comparison, Row, markdown_table, read_rows

ROOT = Path(__file__).parents[2]
PLAIN = "LogisticRegression"
SCALED = "StandardScaler + LogisticRegression"
ALONE = {PLAIN: ""}
SCALERS = ALONE | {
    SCALED: ", then `StandardScaler()`",
    "VarianceThreshold + LogisticRegression": ", then `VarianceThreshold(0.01)`",
}
THESIS_LOSSES = {2: 135.98, 10: 97.53, 20: 95.79, 50: 97.21}
IMAGE_NAMES = {
    "raw": "raw pixels",
    "pca-50": "PCA, 50",
    "rbm-50": "restricted Boltzmann machine, 50",
    "untrained-conv-50": "untrained convolutional encoder, 50",
    "vae-50": "VAE means, 50",
    "+ warps": "the same, decoding the clean image from a warped one",
    "+ convolutions": "the same, with convolutions",
    "recipe": "**`image_encoder`, 50 means**",
    "recipe, hidden layer": "its last hidden layer, 256",
    "supervised-50": "encoder trained *with the labels*, 50",
}
WIDTH_NAMES = {
    "pca-10": "PCA, 10",
    "untrained-50": "untrained encoder, 50",
    "vae-2": "VAE means, 2",
    "vae-10": "VAE means, 10",
    "vae-20": "VAE means, 20",
    "vae-50": "VAE means, 50",
}
DIGITS_NAMES = {
    "raw": "raw pixels",
    "pca": "PCA, 10",
    "untrained": "untrained encoder, 10",
    "vae": "VAE means, 10",
    "image vae": "**`image_encoder`, 50 means**",
    "supervised": "encoder trained *with the labels*, 10",
}
FASHION_NAMES = IMAGE_NAMES | {"recipe, hidden layer": "its last hidden layer, 512"}
ENCODER_NAMES = {"image vae": "`image_encoder`", "vae-50": "plain VAE", "raw": "pixels"}
CLASSIFIER_NAMES = {
    "LogisticRegression": "logistic regression",
    "MLPClassifier": "perceptron",
    "SelfTrainingClassifier": "self-training",
    "LabelSpreading": "label spreading",
}
M2_NAMES = {
    ("image vae", "M2"): "**M1+M2, `image_encoder` + M2**",
    ("vae-50", "M2"): "M1+M2, plain VAE + M2",
    ("raw", "M2, warps"): "**M2, decoding the clean image from a warped one**",
    ("raw", "M2"): "M2 on pixels",
}
# Errors in %: the 2019 thesis, table 5.1; Kingma et al. (2014), table 1.
PUBLISHED = {
    "M1+M2, Kingma et al. 2014": {100: 3.33, 600: 2.59, 1000: 2.40, 3000: 2.18},
    "M1+M2, thesis of 2019": {100: 4.04, 600: 3.68, 3000: 3.65},
    "M2, Kingma et al. 2014": {100: 11.97, 600: 4.94, 1000: 3.60, 3000: 3.92},
    "M2, thesis of 2019": {100: 10.31, 600: 4.10, 3000: 4.09},
    "M1 + perceptron, thesis of 2019": {100: 39.4, 600: 15.24, 3000: 7.7},
}
SEED = re.compile(r", seed \d+$")


def read_comparison(name: str) -> Comparison:
    """Return the rows of an experiment, averaged draw by draw over the seeds of an encoder."""
    lines = (RESULTS / f"{name}.jsonl").read_text().splitlines()
    groups: dict[tuple, list[dict]] = {}
    for row in map(json.loads, lines):
        extractor = SEED.sub("", row["extractor"])
        groups.setdefault((extractor, row["classifier"], row["n_labeled"], row["draw"]), []).append(row)
    return Comparison(
        [
            rows[0] | {"extractor": key[0], "accuracy": mean(row["accuracy"] for row in rows)}
            for key, rows in groups.items()
        ]
    )


def accuracy_table(comparison: Comparison, names: dict[str, str], classifiers: dict[str, str]) -> str:
    """Return test accuracies by features and number of labels, with the paired gain over raw features.

    ``names`` maps the extractors to show to their labels, ``classifiers`` the classifiers to suffixes.
    """
    cells = {(row["extractor"], row["classifier"], row["n_labeled"]): row for row in comparison.summary()}
    counts = list(dict.fromkeys(n for _, _, n in cells))
    rows = []
    for extractor, name in names.items():
        for classifier, suffix in classifiers.items():
            found = [cells.get((extractor, classifier, n)) for n in counts]
            if any(found):
                rows.append((name + suffix, *map(_cell, found)))
    return markdown_table(("features", *map(_heading, counts)), rows)


def semi_supervised_table(comparison: Comparison) -> str:
    """Return test errors in % by model and number of labels, and those of the papers."""
    rows: dict[str, dict[int, str]] = {}
    n_draws = max(row["n_draws"] for row in comparison.summary())
    for row in comparison.summary():
        if row["n_draws"] < n_draws:  # not complete yet
            continue
        error = f"{100 * (1 - row['accuracy_mean']):.2f} ± {100 * row['accuracy_sd']:.2f}"
        rows.setdefault(_model_name(row), {})[row["n_labeled"]] = error
    rows |= {name: {n: f"{e:.2f}" for n, e in errors.items()} for name, errors in PUBLISHED.items()}
    counts = sorted({n for cells in rows.values() for n in cells})
    return markdown_table(
        ("test error in %", *map(_heading, counts)),
        [(name, *(cells.get(n, "") for n in counts)) for name, cells in rows.items()],
    )


def semi_supervised_sentence(semi_supervised: Comparison, comparison: Comparison) -> str:
    """Return the errors at 100 labels in one sentence."""
    error = {
        (row["extractor"], row["classifier"]): f"{100 * (1 - row['accuracy_mean']):.1f} %"
        for row in comparison.summary() + semi_supervised.summary()
        if row["n_labeled"] == 100
    }
    m1_m2, m2 = error["image vae", "M2"], error["raw", "M2, warps"]
    features, raw = error["recipe", PLAIN], error["raw", PLAIN]
    published = PUBLISHED["M1+M2, Kingma et al. 2014"][100]
    return (
        f"With 100 labels of MNIST, M1+M2 misclassifies **{m1_m2}** of the test images (the paper: "
        f"{published:.1f} %), M2 alone\n{m2}, and logistic regression {features} on the same features and "
        f"{raw} on raw pixels."
    )


def _model_name(row: Row) -> str:
    model = row["extractor"], row["classifier"]
    if model in M2_NAMES:
        return M2_NAMES[model]
    features, classifier = ENCODER_NAMES[row["extractor"]], CLASSIFIER_NAMES[row["classifier"]]
    return f"{classifier} on {features}" if row["extractor"] == "raw" else f"M1, {features} + {classifier}"


def _heading(n_labeled: int | str) -> str:
    return f"{n_labeled} labels"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    text = f"{100 * row['accuracy_mean']:.1f}"
    if row["n_draws"] == 1:
        return text
    text += f" ± {100 * row['accuracy_sd']:.1f}"
    if "gain" not in row:
        return text
    return f"{text} ({100 * row['gain_low']:+.1f} to {100 * row['gain_high']:+.1f})"


def headline(comparison: Comparison) -> str:
    """Return the answer to "is it worth it?" in one sentence."""
    accuracy = {
        (row["extractor"], row["n_labeled"]): f"{100 * row['accuracy_mean']:.1f} %"
        for row in comparison.summary()
        if row["classifier"] == PLAIN
    }
    few, many = ((accuracy["recipe", n], accuracy["raw", n]) for n in (100, "all"))
    return (
        "On MNIST, 50 features learned without labels raise the accuracy of logistic regression from "
        f"{few[1]} on raw pixels to **{few[0]}** with 100 labels, and from {many[1]} to\n"
        f"**{many[0]}** with all."
    )


def thesis_table(comparison: Comparison) -> str:
    """Return what the 2018 thesis reports, and the row here that matches it."""
    accuracy = {
        (row["extractor"], row["classifier"]): f"{100 * row['accuracy_mean']:.1f} %"
        for row in comparison.summary()
        if row["n_labeled"] == "all"
    }
    losses = {row["extractor"]: row["final_loss"] for row in comparison.rows}
    frozen = f"{accuracy['vae-50', PLAIN]} as they are, {accuracy['vae-50', SCALED]} standardized"
    rows = [
        ("raw pixels 92 %", accuracy["raw", PLAIN], "raw pixels"),
        ('"VAE features" 98 %', accuracy["supervised-50", PLAIN], "encoder trained with labels: no VAE"),
        ("", frozen, "VAE means, 50, no labels"),
        ("", f"**{accuracy['recipe', PLAIN]}**", "`image_encoder`, 50 means, no labels"),
    ]
    rows += [
        (
            f"{width} units: loss {loss:.2f} nats after 50 epochs",
            f"{losses[f'vae-{width}']:.2f}",
            f"VAE means, {width}",
        )
        for width, loss in THESIS_LOSSES.items()
    ]
    return markdown_table(("the thesis says", "here", "row"), rows)


FAMILY_MEASURES = {
    "denoising": ("psnr_db", "noise removed, PSNR in dB", ".1f"),
    "outliers": ("roc_auc", "outliers, ROC-AUC", ".3f"),
    "imputation": ("rmse", "missing values, RMSE", ".3f"),
    "hashing": ("precision_at_100", "32 bits, precision@100", ".3f"),
    "neighbors": ("accuracy", "five nearest neighbors, accuracy", ".3f"),
    "clusters": ("nmi", "k-means, mutual information with the classes", ".3f"),
}


def family_tables(rows: list[Row]) -> str:
    """Return one table per use of autoencoders, methods by data sets."""
    tables = []
    for use, (measure, title, form) in FAMILY_MEASURES.items():
        found = {(row["method"], row["dataset"]): row[measure] for row in rows if row["use"] == use}
        if not found:
            continue
        methods, datasets = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
        cells = [
            (
                method,
                *(format(found[method, name], form) if (method, name) in found else "" for name in datasets),
            )
            for method in methods
        ]
        tables.append(markdown_table((title, *datasets), cells))
    return "\n\n".join(tables)


def documents() -> dict[Path, dict[str, str]]:
    """Return the sections of each document by their names."""
    mnist, semi_supervised = read_comparison("mnist"), read_comparison("semi-supervised")
    benchmarks = json.loads((RESULTS / "benchmarks.json").read_text())
    one_label_rows = list(read_rows(RESULTS / "one-label.jsonl").values())
    return {
        ROOT / "README.md": {
            "headline": headline(mnist),
            "mnist-accuracy": accuracy_table(mnist, IMAGE_NAMES, ALONE),
            "mnist-widths": accuracy_table(mnist, WIDTH_NAMES, SCALERS),
            "digits-accuracy": accuracy_table(read_comparison("digits"), DIGITS_NAMES, ALONE),
            "fashion-accuracy": accuracy_table(read_comparison("fashion-mnist"), FASHION_NAMES, ALONE),
            "semi-supervised": semi_supervised_sentence(semi_supervised, mnist),
            "one-label": one_label.sentence(one_label_rows),
            "mnist-thesis": thesis_table(mnist),
            "benchmarks": benchmark_tables(benchmarks, IN_README),
        },
        ROOT / "docs" / "autoencoders.md": {
            "autoencoder-family": family_tables(
                list(read_rows(RESULTS / "autoencoder-family.jsonl").values())
            )
        },
        ROOT / "docs" / "few-labels.md": {
            "semi-supervised": semi_supervised_table(semi_supervised),
            "one-label": one_label.table(one_label_rows),
        },
        ROOT / "docs" / "latent-space.md": {
            "interpolation": interpolation.table(list(read_rows(RESULTS / "interpolation.jsonl").values())),
            **collapse.tables_of_docs(),
            **constant_column.tables_of_docs(),
        },
        ROOT / "docs" / "serving.md": {"benchmarks": benchmark_tables(benchmarks, IN_DOCS)},
    }


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
        plot(read_comparison("mnist"), read_comparison("semi-supervised"), RESULTS / "mnist.png")


if __name__ == "__main__":
    main()
