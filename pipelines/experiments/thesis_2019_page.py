"""Figures 5.1 to 5.4 and the table of the 2019 thesis, from the rows of its experiment."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pipelines.experiments.semi_supervised_curves import draw_curves
from pipelines.experiments.thesis_figures import new_figure, save
from vaefeat import ReconstructionDisplay, ReconstructionSnapshots
from vaefeat.comparison import Row, markdown_table

# Test errors in %, by number of labels.
THESIS = {
    "M1 + perceptron": {100: 39.4, 600: 15.24, 3000: 7.7},
    "M2": {100: 10.31, 600: 4.10, 3000: 4.09},
    "M1+M2": {100: 4.04, 600: 3.68, 3000: 3.65},
}
PANELS = {
    "bound": "bound, nats",
    "training_errors": "errors on training images, %",
    "test_errors": "errors on test images, %",
}
MAX_ERROR = 30  # of the axes, in %


def draw_figures(rows: list[Row], snapshots: ReconstructionSnapshots, folder: Path) -> None:
    """Write the figures as ``folder/figure-NUMBER.png``."""
    by_model = {model: [row for row in rows if row["model"] == model] for model in ("M1", "M2", "M1+M2")}
    folder.mkdir(parents=True, exist_ok=True)
    save(reconstructions(snapshots), folder / "figure-5.1.png")
    save(bound(by_model["M1"][0]), folder / "figure-5.2.png")
    save(curves("5.3", "M2", by_model["M2"]), folder / "figure-5.3.png")
    save(curves("5.4", "M1+M2", by_model["M1+M2"]), folder / "figure-5.4.png")


def reconstructions(snapshots: ReconstructionSnapshots) -> Figure:
    """Draw what M1 makes of some images in the course of its training."""
    figure = new_figure("5.1", "M1: reconstructions by epoch", 4, 6)
    ReconstructionDisplay.from_snapshots(snapshots, ax=figure.subplots()).ax_.set_title("")
    return figure


def bound(m1: Row) -> Figure:
    """Draw the lower bound of log p(x) over the epochs of M1."""
    figure = new_figure("5.2", f"M1: bound {-m1['loss'][-1]:.1f} nats after {len(m1['loss'])} epochs", 5, 3.2)
    ax = figure.subplots()
    ax.plot(np.arange(1, len(m1["loss"]) + 1), -np.asarray(m1["loss"]), color="#0072B2")
    ax.set(xlabel="epoch", ylabel="lower bound, nats")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def curves(number: str, model: str, rows: list[Row]) -> Figure:
    """Draw the bound and the errors of M2 or M1+M2, with one line per number of labels."""
    figure = new_figure(number, model, 10, 3.2)
    axes = figure.subplots(1, len(PANELS))
    draw_curves([row for row in rows if row["draw"] == 0], axes, PANELS, MAX_ERROR)
    axes[0].legend(frameon=False, loc="upper right")  # where a bound that falls leaves room
    return figure


def table(rows: list[Row]) -> str:
    """Return the test errors in %, those of the thesis and ours."""
    found: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        if "error" in row:
            found.setdefault(row["model"], {}).setdefault(row["n_labeled"], []).append(row["error"])
    counts = sorted({n for errors in found.values() for n in errors})
    lines = []
    for model, errors in found.items():
        lines.append((model, *(_cell(errors.get(n, [])) for n in counts)))
        if model in THESIS:
            lines.append((f"{model}, the thesis", *(f"{THESIS[model][n]:.2f}" for n in counts)))
    return markdown_table(("test error in %", *(f"{n} labels" for n in counts)), lines)


def _cell(errors: list[float]) -> str:
    if not errors:
        return ""
    spread = f" ± {np.std(errors, ddof=1):.2f}" if len(errors) > 1 else ""
    return f"{np.mean(errors):.2f}{spread}"
