"""Is a VAE worth it? Compare feature extractors by what classifiers learn from few labels."""

from vaefeat.comparison.defaults import (
    ALPHAS,
    CS,
    IMAGE,
    VAE,
    default_baselines,
    default_classifiers,
    default_extractors,
)
from vaefeat.comparison.derived import HiddenLayer, beside
from vaefeat.comparison.grid import ALL, N_LABELED, RAW, numbers_of_labels
from vaefeat.comparison.measurement import with_folds
from vaefeat.comparison.report import Comparison, markdown_table
from vaefeat.comparison.rows import Progress, Row, RowFile, Task, collect_rows, provenance, read_rows
from vaefeat.comparison.run import compare
from vaefeat.comparison.statistics import paired_interval

__all__ = [
    "ALL",
    "ALPHAS",
    "CS",
    "IMAGE",
    "N_LABELED",
    "RAW",
    "VAE",
    "Comparison",
    "HiddenLayer",
    "Progress",
    "Row",
    "RowFile",
    "Task",
    "beside",
    "collect_rows",
    "compare",
    "default_baselines",
    "default_classifiers",
    "default_extractors",
    "markdown_table",
    "numbers_of_labels",
    "paired_interval",
    "provenance",
    "read_rows",
    "with_folds",
]
