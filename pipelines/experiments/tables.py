"""The rows of experiments as tables and sentences for the README and ``docs/``."""

import json
import re
from pathlib import Path
from statistics import mean

from vaefeat.comparison import Comparison, Row, markdown_table

PLAIN = "LogisticRegression"
SCALED = "StandardScaler + LogisticRegression"
ALONE = {PLAIN: ""}
WARPED = {"warped copies": ", and those of warped copies"}
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
    "contrast alone": "the contrastive term alone: no decoder, no KL",
    "contrast alone, hidden layer": "its last hidden layer, 256",
    "recipe": "**`image_encoder`, 50 means**",
    "recipe, hidden layer": "its last hidden layer, 256",
    "longer": "this layer after 8 000 steps in place of 2 000",
    "longer, three": "three of these that differ in their seeds, side by side, 768",
    "union": "**`make_image_union`**: the layer of `image_encoder` and that of `photo_encoder`",
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
FASHION_NAMES = IMAGE_NAMES | {
    f"{encoder}, hidden layer": "its last hidden layer, 512" for encoder in ("contrast alone", "recipe")
}
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


def read_comparison(path: Path) -> Comparison:
    """Return the rows of an experiment, averaged draw by draw over the seeds of an encoder."""
    lines = path.read_text().splitlines()
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


def headline(mnist: Comparison, digits: Comparison) -> str:
    """Return the answer to "is it worth it?" in one sentence for each data set."""
    (few, raw_few), (many, raw_many) = (_pair(mnist, "recipe", n) for n in (100, "all"))
    small, raw_small = _pair(digits, "image vae", 100)
    return (
        "On MNIST, 50 features learned without labels raise the accuracy of logistic regression from "
        f"{raw_few} on raw pixels to\n**{few}** with 100 labels, and from {raw_many} to **{many}** with all. "
        f"On scikit-learn's digits, with 100 labels, from\n{raw_small} to **{small}**."
    )


def _pair(comparison: Comparison, extractor: str, n_labeled: int | str) -> tuple[str, str]:
    """Return the accuracies of logistic regression on features and on raw pixels."""
    accuracy = {
        row["extractor"]: f"{100 * row['accuracy_mean']:.1f} %"
        for row in comparison.summary()
        if (row["classifier"], row["n_labeled"]) == (PLAIN, n_labeled)
    }
    return accuracy[extractor], accuracy["raw"]


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


def versions_table(results: Path) -> str:
    """Return the versions of vaefeat that the rows of each experiment were measured with."""
    rows = []
    for path in sorted(results.glob("*.jsonl")):
        lines = map(json.loads, path.read_text().splitlines())
        found = {row.get("versions", {}).get("vaefeat", "not recorded") for row in lines}
        rows.append((f"`{path.name}`", ", ".join(sorted(found))))
    return markdown_table(("rows", "measured with vaefeat"), rows)
