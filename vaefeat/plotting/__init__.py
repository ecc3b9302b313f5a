"""Plots in scikit-learn's style: a Display is made from an estimator or data, and keeps its axes."""

from vaefeat.plotting._images import ImageGridDisplay
from vaefeat.plotting._interpolation import InterpolationDisplay
from vaefeat.plotting._label_efficiency import LabelEfficiencyDisplay
from vaefeat.plotting._latent_space import LatentSpaceDisplay
from vaefeat.plotting._latent_units import LatentUnitsDisplay
from vaefeat.plotting._loss_curve import LossCurveDisplay
from vaefeat.plotting._manifold import ManifoldDisplay
from vaefeat.plotting._reconstruction import AnalogyDisplay, ReconstructionDisplay
from vaefeat.plotting._samples import SamplesDisplay
from vaefeat.plotting._snapshots import ReconstructionSnapshots
from vaefeat.plotting._summary import summary_html

__all__ = [
    "AnalogyDisplay",
    "ImageGridDisplay",
    "InterpolationDisplay",
    "LabelEfficiencyDisplay",
    "LatentSpaceDisplay",
    "LatentUnitsDisplay",
    "LossCurveDisplay",
    "ManifoldDisplay",
    "ReconstructionDisplay",
    "ReconstructionSnapshots",
    "SamplesDisplay",
    "summary_html",
]
