"""From a table with few labels to a classifier that ships."""

from vaefeat.fitting.candidates import CLASSIFIERS, Candidate, beside, default_candidates
from vaefeat.fitting.columns import ColumnEncoder
from vaefeat.fitting.report import write_report
from vaefeat.fitting.run import Choice, choose, fit
from vaefeat.fitting.selection import Score, balanced_mean, choose_among, cross_validate
from vaefeat.fitting.verdict import verdict

__all__ = [
    "CLASSIFIERS",
    "Candidate",
    "Choice",
    "ColumnEncoder",
    "Score",
    "balanced_mean",
    "beside",
    "choose",
    "choose_among",
    "cross_validate",
    "default_candidates",
    "fit",
    "verdict",
    "write_report",
]
